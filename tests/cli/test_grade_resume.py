"""``grade --resume`` from outside: after Ctrl+C, a full disk and a kill, and with another model."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dr_core.domain.errors import StorageError
from dr_core.screening.keepsakes import PictureFolder
from tests.cli.grading import grade, read_report, strip_seconds

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.usefixtures("fake_model")

WAIT_S = 120.0
# So long for a photograph, and so many of them, that even a busy machine sends its signal before the run has ended.
SLOW_S = 1.0
MANY = 30
# A test run in the background may ignore SIGHUP (nohup) or SIGINT and hand that down; `grade` would rightly go on.
SLOW_RUN = """
import signal
import sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
from dr_core.cli import main
from dr_core.model.classifier import Classifier
from fakes import FakeClassifier
classifier = FakeClassifier(delay_s=float(sys.argv[1]), sha256=sys.argv[2] * 32)
Classifier.load = lambda model_dir=None, operating_point=None: classifier
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
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline and process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") >= lines:
            return
        time.sleep(0.01)
    pytest.fail(f"The run ended or stood still: {process.communicate(timeout=10)}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_run_that_is_told_to_end_clears_up_and_can_be_gone_on_with(tmp_path, make_folder, number):
    out = tmp_path / "report.csv"
    process = start_process(SLOW_S, make_folder(MANY), "--out", out)
    wait_for_lines(tmp_path / "report.csv.journal", 3, process)
    process.send_signal(number)
    _, said = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130
    assert "--resume" in said
    assert "Traceback" not in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photographs", "report.csv.journal"]


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


def test_run_killed_outright_resumes_to_the_same_report(tmp_path, make_folder, capsys):
    folder = make_folder(MANY)
    (folder / "broken.jpg").write_bytes(b"x")
    assert grade(folder, "--out", tmp_path / "whole.csv") == 0
    out = tmp_path / "report.csv"
    process = start_process(SLOW_S, folder, "--out", out)
    wait_for_lines(tmp_path / "report.csv.journal", 4, process)
    process.kill()
    process.communicate(timeout=WAIT_S)
    assert process.returncode == -signal.SIGKILL
    assert not out.exists()
    resumed = start_process(0.0, folder, "--out", out, "--resume")
    printed, shown = resumed.communicate(timeout=WAIT_S)
    assert resumed.returncode == 0, shown
    assert "Going on:" in shown
    assert 0 < int(printed) < MANY
    assert strip_seconds(out) == strip_seconds(tmp_path / "whole.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photographs", "report.csv", "whole.csv"]


def test_another_model_is_refused_until_resume_is_left_out(tmp_path, make_folder):
    folder = make_folder(MANY)
    out = tmp_path / "report.csv"
    process = start_process(SLOW_S, folder, "--out", out)
    wait_for_lines(tmp_path / "report.csv.journal", 3, process)
    process.send_signal(signal.SIGINT)
    _, shown = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130
    assert "Traceback" not in shown
    unfinished = (tmp_path / "report.csv.journal").read_bytes()
    resumed = start_process(0.0, folder, "--out", out, "--resume", sha256="c3")
    printed, shown = resumed.communicate(timeout=WAIT_S)
    assert (resumed.returncode, int(printed)) == (2, 0)
    assert "another model" in shown
    assert (tmp_path / "report.csv.journal").read_bytes() == unfinished
    anew = start_process(0.0, folder, "--out", out, sha256="c3")
    printed, shown = anew.communicate(timeout=WAIT_S)
    assert (anew.returncode, int(printed)) == (0, MANY)
    assert "is dropped" in shown
    assert len(read_report(out)) == MANY
