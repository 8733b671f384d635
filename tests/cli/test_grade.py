"""``grade`` from outside: exit status, columns, resuming after a kill, and what it leaves on disk."""

import csv
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dr_core.cli import main
from dr_core.domain.errors import ModelAltered, StorageError
from dr_core.domain.operating_point import LocalOperatingPoint, Proportion
from dr_core.model.classifier import Classifier
from dr_core.reports.csv import CSV_COLUMNS, DETAIL_COLUMNS
from dr_core.reports.operating_point import render_operating_point
from dr_core.screening.keepsakes import PictureFolder
from tests.fakes import FakeClassifier
from tests.hostile import make_hostile_folder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def fake_model(monkeypatch) -> FakeClassifier:
    classifier = FakeClassifier()
    monkeypatch.setattr(Classifier, "load", lambda model_dir=None: classifier)
    return classifier


@pytest.fixture
def make_folder(tmp_path, fundus_jpeg) -> Callable[[int], Path]:
    """A function that fills a folder with `count` copies of a drawn photograph."""

    def make(count: int) -> Path:
        folder = tmp_path / "photographs"
        folder.mkdir()
        for number in range(count):
            (folder / f"eye_{number:02d}.jpg").write_bytes(fundus_jpeg)
        return folder

    return make


def grade(*arguments: object) -> int:
    return main(["grade", *(str(argument) for argument in arguments)])


def read_report(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8"), newline="")))


def strip_seconds(path: Path) -> list[dict[str, str]]:
    return [{**row, "seconds": ""} for row in read_report(path)]


def test_hostile_folder_gives_one_row_each_and_status_0(tmp_path, fundus_jpeg, capfd):
    made = make_hostile_folder(tmp_path / "hostile", fundus_jpeg)
    out = tmp_path / "report.csv"
    assert grade(made.path, "--out", out) == 0
    rows = read_report(out)
    assert tuple(rows[0]) == CSV_COLUMNS
    assert sorted(row["file"].removeprefix(f"{made.path}/") for row in rows) == sorted(made.rows)
    shown = capfd.readouterr()
    assert "Traceback" not in shown.err
    assert f"{len(made.rows)} photographs found. Other files, not graded: {made.other_files}." in shown.err
    assert shown.out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hostile", "report.csv"]


def test_two_runs_give_the_same_report(tmp_path, make_folder):
    folder = make_folder(6)
    for out in ("1.csv", "2.csv"):
        assert grade(folder, "--out", tmp_path / out) == 0
    assert strip_seconds(tmp_path / "1.csv") == strip_seconds(tmp_path / "2.csv")
    assert len(strip_seconds(tmp_path / "1.csv")) == 6


def test_names_are_paths_as_given(tmp_path, make_folder, monkeypatch):
    make_folder(1)
    monkeypatch.chdir(tmp_path)
    assert grade("photographs", "--out", "report.csv") == 0
    assert [row["file"] for row in read_report(tmp_path / "report.csv")] == ["photographs/eye_00.jpg"]


def test_formula_like_path_is_defused(tmp_path, fundus_jpeg, monkeypatch):
    (tmp_path / "=1+1.jpg").write_bytes(fundus_jpeg)
    monkeypatch.chdir(tmp_path)
    assert grade("=1+1.jpg", "--out", "report.csv") == 0
    assert [row["file"] for row in read_report(tmp_path / "report.csv")] == ["'=1+1.jpg"]


def test_empty_folder_gives_a_report_without_rows(tmp_path):
    (tmp_path / "empty").mkdir()
    assert grade(tmp_path / "empty", "--out", tmp_path / "report.csv") == 0
    assert (tmp_path / "report.csv").read_text() == ",".join(CSV_COLUMNS) + "\n"


def test_missing_path_beside_a_good_one_gets_a_failed_row(tmp_path, make_folder, capsys):
    path = make_folder(1) / "eye_00.jpg"
    assert grade(path, tmp_path / "missing.jpg", "--out", tmp_path / "report.csv") == 0
    rows = read_report(tmp_path / "report.csv")
    assert [row["status"] for row in rows] == ["graded", "failed"]
    assert "no such file" in rows[1]["error"]
    assert 'There is nothing at "' in capsys.readouterr().err


def test_usage_errors_have_status_2_and_grade_nothing(tmp_path, make_folder, fake_model, capsys):
    path = make_folder(1) / "eye_00.jpg"
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for arguments, message in [
        ((tmp_path / "missing", "--out", tmp_path / "r.csv"), "There is nothing at"),
        ((path, "--out", tmp_path / "nowhere" / "r.csv"), "folder of --out does not exist"),
        ((path, "--out", tmp_path / "folder"), "--out is a folder"),
        ((path, "--out", tmp_path / "pipe"), "pipe or a device"),
        ((path, "--out", path), "named like a photograph"),
        ((path, "--out", tmp_path / ("x" * 300)), "cannot be"),
        ((path, "--out", tmp_path / "r.csv", "--heatmaps", path), "--heatmaps is a file"),
        ((path.parent, "--out", tmp_path / "r.csv", "--heatmaps", path.parent), "no overlay is graded"),
        ((path, "--out", tmp_path / "r.csv", "--heatmaps", "/proc/heatmaps"), "folder"),
    ]:
        assert grade(*arguments) == 2, message
        assert message in capsys.readouterr().err
    assert fake_model.calls == 0
    assert not list(tmp_path.glob("r.csv*"))


@pytest.mark.parametrize("arguments", [[], ["--out", "r.csv"], ["eye.jpg"], ["eye.jpg", "--out", "r.csv", "--unknown"]])
def test_incomplete_arguments_have_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        grade(*arguments)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_altered_model_has_a_status_of_its_own_and_grades_nothing(tmp_path, make_folder, monkeypatch, capsys):
    def refuse(model_dir: Path | None = None) -> Classifier:
        raise ModelAltered("The model is not the released one. Restore it.")

    monkeypatch.setattr(Classifier, "load", refuse)
    folder = make_folder(1)
    assert grade(folder, "--out", tmp_path / "report.csv", "--heatmaps", tmp_path / "heatmaps") == 3
    assert capsys.readouterr().err == "dr-screen: The model is not the released one. Restore it.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["photographs"]


def test_heatmaps_have_generated_names_and_an_index(tmp_path, make_folder):
    folder = make_folder(2)
    (folder / "broken.jpg").write_bytes(b"x")
    heatmaps = folder / "heatmaps"
    for _ in range(2):
        assert grade(folder, "--out", tmp_path / "report.csv", "--heatmaps", heatmaps) == 0
    index = read_report(heatmaps / "index.csv")
    report = read_report(tmp_path / "report.csv")
    assert [row["file"] for row in index] == [row["file"] for row in report if row["status"] == "graded"]
    assert [row["row"] for row in index] == ["2", "3"]
    for row in index:
        assert row["overlay"] == f"{int(row['row']):06d}_{row['sha256'][:12]}.jpg"
        assert (heatmaps / row["overlay"]).read_bytes().startswith(b"\xff\xd8")
    assert len(list(heatmaps.iterdir())) == 3


def test_ungradable_option_fills_probabilities_alone(tmp_path, make_folder, monkeypatch):
    from dr_core.domain.results import Defect, QualityReport

    monkeypatch.setattr(
        "dr_core.screening.pipeline.assess_quality", lambda *_: QualityReport(False, 0.1, (Defect.BLUR,))
    )
    path = make_folder(1) / "eye_00.jpg"
    assert grade(path, "--out", tmp_path / "plain.csv") == 0
    assert grade(path, "--out", tmp_path / "research.csv", "--grade-ungradable") == 0
    (plain,) = read_report(tmp_path / "plain.csv")
    (research,) = read_report(tmp_path / "research.csv")
    assert plain["status"] == research["status"] == "ungradable"
    assert plain["p_grade_2"] == ""
    assert float(research["p_grade_2"]) == pytest.approx(0.8)
    assert research["grade"] == research["referable"] == ""


def test_stopped_run_says_how_to_go_on_and_resumes(tmp_path, make_folder, fake_model, monkeypatch, capsys):
    folder = make_folder(12)
    assert grade(folder, "--out", tmp_path / "whole.csv") == 0
    fake_model.calls = 0
    write = PictureFolder.write

    def interrupt(self: PictureFolder, name: str, picture: bytes) -> None:
        if name.startswith("000008"):
            raise KeyboardInterrupt
        write(self, name, picture)

    monkeypatch.setattr(PictureFolder, "write", interrupt)
    arguments = (folder, "--out", tmp_path / "report.csv", "--heatmaps", tmp_path / "heatmaps")
    assert grade(*arguments) == 130
    assert "--resume" in capsys.readouterr().err
    assert not (tmp_path / "report.csv").exists()
    monkeypatch.setattr(PictureFolder, "write", write)
    before = fake_model.calls
    assert grade(*arguments, "--resume") == 0
    assert "Going on: 7 are done already." in capsys.readouterr().err
    assert fake_model.calls - before == 5
    assert strip_seconds(tmp_path / "report.csv") == strip_seconds(tmp_path / "whole.csv")
    assert len(list((tmp_path / "heatmaps").iterdir())) == 13
    assert not list(tmp_path.glob("*.journal"))


def test_missing_overlay_is_drawn_again_on_resume(tmp_path, make_folder, fake_model, monkeypatch):
    folder = make_folder(3)
    arguments = (folder, "--out", tmp_path / "report.csv", "--heatmaps", tmp_path / "heatmaps")
    with monkeypatch.context() as patched:
        patched.setattr("dr_core.cli.grading_run.format_row", lambda result: (_ for _ in ()).throw(KeyboardInterrupt))
        assert grade(*arguments) == 130
    for overlay in (tmp_path / "heatmaps").glob("000001*"):
        overlay.unlink()
    assert grade(*arguments, "--resume") == 0
    assert len(list((tmp_path / "heatmaps").iterdir())) == 4


def test_full_disk_has_status_1_and_says_how_to_go_on(tmp_path, make_folder, monkeypatch, capsys):
    def refuse(self: PictureFolder, name: str, picture: bytes) -> None:
        raise StorageError("No space left.")

    monkeypatch.setattr(PictureFolder, "write", refuse)
    folder = make_folder(2)
    assert grade(folder, "--out", tmp_path / "report.csv", "--heatmaps", tmp_path / "heatmaps") == 1
    shown = capsys.readouterr().err
    assert "No space left." in shown
    assert "--resume" in shown
    assert not (tmp_path / "report.csv").exists()


def test_resume_without_an_earlier_run_starts_at_the_beginning(tmp_path, make_folder, capsys):
    folder = make_folder(2)
    assert grade(folder, "--out", tmp_path / "report.csv", "--resume") == 0
    assert "nothing to go on with" in capsys.readouterr().err
    assert len(read_report(tmp_path / "report.csv")) == 2


def test_details_are_appended_after_the_columns_that_programs_know(tmp_path, make_folder):
    folder = make_folder(2)
    assert grade(folder, "--out", tmp_path / "plain.csv") == 0
    assert grade(folder, "--out", tmp_path / "details.csv", "--details") == 0
    rows = strip_seconds(tmp_path / "details.csv")
    assert tuple(rows[0]) == (*CSV_COLUMNS, *DETAIL_COLUMNS)
    plain = [{column: row[column] for column in CSV_COLUMNS} for row in rows]
    assert plain == strip_seconds(tmp_path / "plain.csv")


def test_name_of_the_report_asks_for_parquet(tmp_path, make_folder):
    folder = make_folder(2)
    (folder / "broken.jpg").write_bytes(b"x")
    assert grade(folder, "--out", tmp_path / "report.csv") == 0
    assert grade(folder, "--out", tmp_path / "report.parquet") == 0
    rows = pq.read_table(tmp_path / "report.parquet").to_pylist()
    assert [row["file"] for row in rows] == [row["file"] for row in read_report(tmp_path / "report.csv")]
    assert [row["grade"] for row in rows] == [None, 2, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photographs", "report.csv", "report.parquet"]


@pytest.fixture
def operating_point(tmp_path) -> Path:
    """A file with a clinic's operating point."""
    share = Proportion(0.9, 0.8, 0.95, 60)
    point = LocalOperatingPoint(
        name="Eye van",
        version=1,
        created_utc="2026-11-23T09:00:00+00:00",
        model_sha256="b2" * 32,
        temperature=1.2,
        referable_threshold=0.3,
        wanted_sensitivity=0.9,
        sensitivity=share,
        specificity=share,
        graded_count=120,
    )
    path = tmp_path / "van.json"
    path.write_bytes(render_operating_point(point))
    return path


def test_operating_point_reaches_the_model(tmp_path, make_folder, fake_model, operating_point, monkeypatch):
    seen: list[LocalOperatingPoint] = []

    def load(model_dir: Path | None = None, *, operating_point: LocalOperatingPoint) -> Classifier:
        seen.append(operating_point)
        return fake_model

    monkeypatch.setattr(Classifier, "load", load)
    out = tmp_path / "report.csv"
    assert grade(make_folder(1), "--out", out, "--operating-point", operating_point) == 0
    assert [point.label for point in seen] == ["Eye van v1"]


def test_operating_point_that_cannot_be_read_is_a_usage_error(tmp_path, make_folder, capsys):
    (tmp_path / "other.json").write_text("{}")
    folder = make_folder(1)
    for name in ("other.json", "missing.json"):
        assert grade(folder, "--out", tmp_path / "r.csv", "--operating-point", tmp_path / name) == 2
        assert name in capsys.readouterr().err
    assert not (tmp_path / "r.csv").exists()


def test_results_of_another_operating_point_are_not_reused(
    tmp_path, make_folder, fake_model, operating_point, monkeypatch, capsys
):
    def load(model_dir=None, operating_point=None):
        fake_model.operating_point = operating_point
        return fake_model

    monkeypatch.setattr(Classifier, "load", load)
    arguments = (make_folder(2), "--out", tmp_path / "report.csv")
    with monkeypatch.context() as patched:
        patched.setattr("dr_core.cli.grading_run.format_row", lambda result: (_ for _ in ()).throw(KeyboardInterrupt))
        assert grade(*arguments) == 130
    assert grade(*arguments, "--operating-point", operating_point, "--resume") == 0
    assert "starting from the first photograph" in capsys.readouterr().err


SLOW_RUN = """
import sys
from dr_core.cli import main
from dr_core.model.classifier import Classifier
from fakes import FakeClassifier
classifier = FakeClassifier(delay_s=float(sys.argv[1]), sha256=sys.argv[2] * 32)
Classifier.load = lambda model_dir=None: classifier
status = main(sys.argv[3:])
print(classifier.calls)
sys.exit(status)
"""


def start_process(delay_s: float, *arguments: object, sha256: str = "b2") -> "subprocess.Popen[str]":
    command = [
        sys.executable,
        "-c",
        SLOW_RUN,
        str(delay_s),
        sha256,
        "grade",
        *(str(argument) for argument in arguments),
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_lines(journal: Path, lines: int, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") >= lines:
            return
        time.sleep(0.01)
    pytest.fail(f"The run ended or stood still: {process.communicate(timeout=10)}")


def test_run_killed_outright_resumes_to_the_same_report(tmp_path, make_folder, capsys):
    folder = make_folder(10)
    (folder / "broken.jpg").write_bytes(b"x")
    assert grade(folder, "--out", tmp_path / "whole.csv") == 0
    out = tmp_path / "report.csv"
    process = start_process(0.1, folder, "--out", out)
    wait_for_lines(tmp_path / "report.csv.journal", 4, process)
    process.kill()
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    assert not out.exists()
    resumed = start_process(0.0, folder, "--out", out, "--resume")
    printed, shown = resumed.communicate(timeout=60)
    assert resumed.returncode == 0, shown
    assert "Going on:" in shown
    assert 0 < int(printed) < 10
    assert strip_seconds(out) == strip_seconds(tmp_path / "whole.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photographs", "report.csv", "whole.csv"]


def test_another_model_starts_anew_and_says_so(tmp_path, make_folder):
    folder = make_folder(6)
    out = tmp_path / "report.csv"
    process = start_process(0.1, folder, "--out", out)
    wait_for_lines(tmp_path / "report.csv.journal", 3, process)
    process.send_signal(signal.SIGINT)
    _, shown = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in shown
    resumed = start_process(0.0, folder, "--out", out, "--resume", sha256="c3")
    printed, shown = resumed.communicate(timeout=60)
    assert resumed.returncode == 0
    assert "another model" in shown
    assert int(printed) == 6
    assert len(read_report(out)) == 6
