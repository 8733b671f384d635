"""A batch on a cluster of two nodes: the rows of one computer, also when a node dies in the middle."""

import csv
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# The killed node's heartbeat is missed after this long, so that no test waits for the default half minute.
os.environ.setdefault("RAY_health_check_period_ms", "1000")
os.environ.setdefault("RAY_health_check_failure_threshold", "5")

from ray.cluster_utils import Cluster

from dr_core.cli import main
from dr_core.domain.errors import ConfigurationError, ModelAltered
from dr_core.domain.results import ScreeningResult
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.model.classifier import Classifier
from dr_core.reports.csv import format_row
from dr_core.screening import cluster as engine
from dr_core.screening.batch import plan_steps, screen_batch
from dr_core.screening.cluster import RayCluster
from dr_core.screening.cluster_worker import PhotographGrader, pack_job
from dr_core.screening.folder import find_photographs
from dr_core.screening.sources import PhotographSource

STORE_BYTES = 150 * 1024 * 1024
PATIENCE_S = 180.0
REFUSAL_S = 60.0
# Ray gives a node 15 seconds to start its agents, then gives it up (ray-project/ray, issue 65983): a busy machine may
# need further attempts, at calmer moments. Ports that are known beforehand, and no process that carries the nodes' logs
# to the driver, leave less to wait for.
START_ATTEMPTS = 6
PAUSE_S = 5.0
PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")

# Ray's own: Ray Data sets options that it deprecates, and sockets and processes are left to the end of the process.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\.data\.context"),
    pytest.mark.filterwarnings(r"ignore:unclosed .*socket:ResourceWarning"),
    pytest.mark.filterwarnings(r"ignore:subprocess \d+ is still running:ResourceWarning"),
]


def find_ports() -> dict[str, int]:
    listeners = [socket.create_server(("", 0)) for _ in PORTS]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return dict(zip(PORTS, ports, strict=True))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two nodes of one core each; the second may be killed by the last test that asks for it."""
    made = Cluster()
    try:
        for _ in range(2):
            add_node(made)
        made.wait_for_nodes(PATIENCE_S)
        yield made
    finally:
        made.shutdown()


def add_node(cluster: Cluster) -> None:
    for left in reversed(range(START_ATTEMPTS)):
        try:
            more = {} if cluster.head_node else {"include_dashboard": False, "include_log_monitor": False}
            cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES, **find_ports(), **more)
        except Exception as error:
            if not left or "timed out during startup" not in str(error):
                raise
            time.sleep(PAUSE_S)
        else:
            return


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 photographs, two broken files, and two names that Ray does not carry."""
    made = tmp_path_factory.mktemp("clinic")
    for seed in range(1, 9):
        pixels = draw_fundus(FundusDrawing(320, 240, seed=seed))
        for quality in (85, 90, 95):
            (made / f"eye_{seed}_{quality} OD.jpg").write_bytes(encode_jpeg(pixels, quality=quality))
    (made / "broken.jpg").write_bytes(b"\xff\xd8\xff no photograph")
    (made / "empty.jpg").write_bytes(b"")
    shutil.copy(made / "eye_1_85 OD.jpg", made / "line\nbreak.jpg")
    shutil.copy(made / "eye_1_85 OD.jpg", os.fsencode(made) + b"/caf\xe9.jpg")
    return made


def strip_seconds(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [{**row, "seconds": ""} for row in csv.DictReader(stream)]


def strip_result(result: ScreeningResult) -> dict[str, str]:
    return {**format_row(result), "seconds": ""}


def test_cluster_writes_the_same_report_as_one_computer(cluster, folder, tmp_path, capsys):
    inputs = [str(folder / "eye_3_90 OD.jpg"), str(folder), str(folder / "missing.jpg")]
    assert main(["grade", *inputs, "--out", str(tmp_path / "local.csv"), "--details"]) == 0
    ray_arguments = ["--engine", "ray", "--address", cluster.address, "--details"]
    assert main(["grade", *inputs, "--out", str(tmp_path / "ray.csv"), *ray_arguments]) == 0
    rows = strip_seconds(tmp_path / "ray.csv")
    assert rows == strip_seconds(tmp_path / "local.csv")
    assert len(rows) == 29
    assert [row["status"] for row in rows].count("failed") == 3
    shown = capsys.readouterr().err
    assert "Ray: 2 cores on 2 nodes." in shown
    assert "Not reached by the cluster, graded by this computer: 2." in shown
    assert "Traceback" not in shown
    assert sorted(path.name for path in tmp_path.iterdir()) == ["local.csv", "ray.csv"]


def test_dead_node_loses_no_row_and_doubles_none(cluster, folder, tmp_path, monkeypatch, classifier):
    sources = find_photographs([str(folder)]).photographs
    steps = plan_steps(classifier)
    alone = [strip_result(row.result) for row in screen_batch(sources, steps)]
    known = {5, 9}
    (victim,) = cluster.worker_nodes
    begun = tmp_path / "begun"
    begun.mkdir()
    monkeypatch.setattr(engine, "PhotographGrader", make_dying_grader(begun, victim.node_id))
    monkeypatch.setattr(engine, "PHOTOGRAPHS_PER_BLOCK", 2)

    def kill() -> None:
        wait_for(lambda: any(begun.glob(f"{victim.node_id}*")))
        if any(begun.iterdir()):
            cluster.remove_node(victim, allow_graceful=False)

    def recall(number: int, source: PhotographSource) -> ScreeningResult | None:
        (row,) = screen_batch([source], steps) if number in known else (None,)
        return row and row.result

    killer = threading.Thread(target=kill)
    with RayCluster(cluster.address) as ray_cluster:
        killer.start()
        job = pack_job(classifier, grade_ungradable=False)
        rows = list(ray_cluster.screen(sources, replace(steps, recall=recall), job))
    killer.join()
    assert victim not in cluster.worker_nodes
    assert [row.number for row in rows] == list(range(1, len(sources) + 1))
    assert [row.source for row in rows] == list(sources)
    assert [strip_result(row.result) for row in rows] == alone
    assert {row.number for row in rows if row.reused} == known
    assert ray_cluster.graded_here == 2
    first_photographs = [path.name.split(" ", 1)[1] for path in begun.iterdir()]
    assert len(first_photographs) > len(set(first_photographs)), "no work was repeated"


def make_dying_grader(begun: Path, victim: str) -> type[PhotographGrader]:
    """Both nodes note what they begin; the victim stops in its first block, and the other waits until it has."""

    # A class in a function travels to the nodes by value: the tests are not installed there.
    class DyingGrader(PhotographGrader):
        def __init__(self, reference: object) -> None:
            super().__init__(reference)
            self.deadline = time.monotonic() + PATIENCE_S

        def __call__(self, block: pa.Table) -> pa.Table:
            import ray

            node = ray.get_runtime_context().get_node_id()
            (begun / f"{node} {Path(block.column('path')[0].as_py()).name}").touch()
            while time.monotonic() < self.deadline and (node == victim or not list(begun.glob(f"{victim}*"))):
                time.sleep(0.05)
            return super().__call__(block)

    return DyingGrader


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


def test_missing_ray_says_what_to_install(monkeypatch, folder, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["grade", str(folder), "--out", str(tmp_path / "r.csv"), "--engine", "ray"]) == 2
    assert "pip install -r requirements-cluster.txt" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere", "127.0.0.1:notaport", "ray://127.0.0.1:1"])
def test_wrong_address_is_refused_at_once(address):
    started = time.monotonic()
    with pytest.raises(ConfigurationError, match="Nothing answers at --address"), RayCluster(address):
        pass
    assert time.monotonic() - started < REFUSAL_S


def test_node_refuses_a_model_that_was_altered_on_the_way(classifier: Classifier, monkeypatch):
    job = pack_job(classifier, grade_ungradable=False)
    weights = classifier.spec.runtime.path.name
    altered = {**job.model_files, weights: job.model_files[weights][:-1] + b"\x00\x01"}
    monkeypatch.setattr("ray.get", lambda reference: reference)
    with pytest.raises(ModelAltered, match="SHA-256"):
        PhotographGrader(replace(job, model_files=altered))


def test_options_that_do_not_go_together_are_refused(folder, tmp_path, capsys):
    for arguments, message in [
        (["--engine", "ray", "--heatmaps", str(tmp_path / "maps")], "--heatmaps are drawn by the local engine"),
        (["--address", "auto"], "add --engine ray"),
    ]:
        assert main(["grade", str(folder), "--out", str(tmp_path / "r.csv"), *arguments]) == 2
        assert message in capsys.readouterr().err


def test_import_of_the_command_line_does_not_load_ray():
    code = "import sys, dr_core.cli.grade; sys.exit('ray' in sys.modules or 'pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0
