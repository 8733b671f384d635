"""``grade`` from outside: exit status, columns, and what it leaves on disk."""

import os
import warnings
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dr_core.domain.errors import ModelAltered
from dr_core.model.classifier import Classifier
from dr_core.reports.csv import CSV_COLUMNS, DETAIL_COLUMNS
from dr_core.reports.operating_point import write_operating_point
from tests.cli.grading import grade, read_report, strip_seconds
from tests.fakes import FakeClassifier, make_operating_point
from tests.hostile import make_hostile_folder

pytestmark = pytest.mark.usefixtures("fake_model")


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


def test_usage_errors_have_status_2_and_grade_nothing(tmp_path, make_folder, fake_model, capsys):
    path = make_folder(1) / "eye_00.jpg"
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "patients.csv").write_text("name,born\n")
    for arguments, message in [
        ((tmp_path / "missing", "--out", tmp_path / "r.csv"), "There is nothing at"),
        ((path, "--out", tmp_path / "nowhere" / "r.csv"), "folder of --out does not exist"),
        ((path, "--out", tmp_path / "folder"), "--out is a folder"),
        ((path, "--out", tmp_path / "pipe"), "pipe or a device"),
        ((path, "--out", path), "named like a photograph"),
        ((path, "--out", tmp_path / ("x" * 300)), "cannot be"),
        ((path, "--out", tmp_path / ("x" * 250)), "choose shorter names"),
        ((path, "--out", tmp_path / "r.xlsx"), "end in .csv or .parquet"),
        ((path, "--out", "-"), "name a CSV file"),
        ((path, "--out", tmp_path / "patients.csv"), "delete the file first"),
        ((path, "--out", tmp_path / "r.csv", "--heatmaps", path), "--heatmaps is a file"),
        ((path.parent, "--out", tmp_path / "r.csv", "--heatmaps", path.parent), "no overlay is graded"),
        ((path, "--out", tmp_path / "r.csv", "--heatmaps", "/proc/heatmaps"), "folder"),
    ]:
        assert grade(*arguments) == 2, message
        assert message in capsys.readouterr().err
    assert fake_model.calls == 0
    assert not list(tmp_path.glob("r.csv*"))
    assert (tmp_path / "patients.csv").read_text() == "name,born\n"


def test_report_never_replaces_what_is_graded_or_read(tmp_path, make_folder, fundus_jpeg, fake_model, capsys):
    path = make_folder(1) / "eye_00.jpg"
    (tmp_path / "link.csv").symlink_to(path)
    (tmp_path / "IMG.0001").write_bytes(fundus_jpeg)
    (tmp_path / "notes").write_text("notes")
    (tmp_path / "clinic.json").write_text("{}")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for arguments, message in [
        ((path, "--out", tmp_path / "link.csv"), "named like a photograph"),
        ((path, "--out", tmp_path / "IMG.0001"), "a file to be graded"),
        ((tmp_path / "notes", "--out", tmp_path / "notes"), "a file to be graded"),
        ((path, "--out", tmp_path / "clinic.json", "--operating-point", tmp_path / "clinic.json"), "--operating-point"),
    ]:
        assert grade(*arguments) == 2, message
        assert message in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert fake_model.calls == 0


def test_photographs_in_the_folder_of_overlays_are_not_left_out(tmp_path, make_folder, capsys):
    folder = make_folder(2)
    (folder / "monday").mkdir()
    (folder / "eye_00.jpg").rename(folder / "monday" / "eye_00.jpg")
    out = tmp_path / "report.csv"
    assert grade(folder, "--out", out, "--heatmaps", folder / "monday") == 2
    assert "name a new folder" in capsys.readouterr().err
    for _ in range(2):
        assert grade(folder, "--out", out, "--heatmaps", folder / "overlays") == 0
        assert len(read_report(out)) == 2


def test_damaged_photograph_says_nothing_on_standard_error(tmp_path, fundus_jpeg, capfd):
    directory = b"II*\x00\x08\x00\x00\x00" + b"\xff" * 200
    exif = b"\xff\xe1" + (len(directory) + 8).to_bytes(2, "big") + b"Exif\x00\x00" + directory
    (tmp_path / "eye.jpg").write_bytes(fundus_jpeg[:2] + exif + fundus_jpeg[2:])
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert grade(tmp_path / "eye.jpg", "--out", tmp_path / "report.csv") == 0
    assert "Warning" not in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--out", "r.csv"], ["eye.jpg"], ["eye.jpg", "--out", "r.csv", "--unknown"]])
def test_incomplete_arguments_have_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        grade(*arguments)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_altered_model_has_a_status_of_its_own_and_grades_nothing(tmp_path, make_folder, monkeypatch, capsys):
    def refuse(model_dir: Path | None = None, *, operating_point: object = None) -> Classifier:
        raise ModelAltered("The model is not the released one. Restore it.")

    monkeypatch.setattr(Classifier, "load", refuse)
    folder = make_folder(1)
    assert grade(folder, "--out", tmp_path / "report.csv", "--heatmaps", tmp_path / "heatmaps") == 3
    assert capsys.readouterr().err == "python -m dr_core: The model is not the released one. Restore it.\n"
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


def test_overlays_of_an_earlier_run_are_other_files_and_no_photographs(tmp_path, make_folder, capsys):
    folder = make_folder(2)
    out = tmp_path / "report.csv"
    assert grade(folder, "--out", out, "--heatmaps", folder / "heatmaps") == 0
    capsys.readouterr()
    assert grade(folder, "--out", out) == 0
    assert len(read_report(out)) == 2
    assert "Other files, not graded: 3." in capsys.readouterr().err


def test_ungradable_option_fills_probabilities_alone(tmp_path, make_folder, monkeypatch):
    from dr_core.domain.quality import Defect, QualityReport

    monkeypatch.setattr(
        "dr_core.screening.pipeline.assess_quality", lambda *_, **__: QualityReport(False, 0.1, (Defect.BLUR,))
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


def test_the_installations_operating_point_counts_on_the_command_line_too(tmp_path, make_folder, monkeypatch, capfd):
    folder, out, seen = make_folder(1), tmp_path / "report.csv", []
    monkeypatch.setenv("RETINADESK_OPERATING_POINT", str(tmp_path / "missing.json"))
    assert grade(folder, "--out", out) == 2
    assert not out.exists()
    _, path = write_operating_point(make_operating_point(), tmp_path / "clinic.json")
    monkeypatch.setenv("RETINADESK_OPERATING_POINT", str(path))
    monkeypatch.setattr(
        Classifier, "load", lambda folder=None, operating_point=None: seen.append(operating_point) or FakeClassifier()
    )
    assert grade(folder, "--out", out) == 0
    assert seen[0].name == make_operating_point().name
    assert f"Operating point: {seen[0].label}." in capfd.readouterr().err


def test_how_many_need_a_reader_stands_at_the_end(tmp_path, make_folder, monkeypatch, capsys):
    folder, out = make_folder(3), tmp_path / "report.csv"
    assert grade(folder, "--out", out) == 0
    assert "None of those graded needs a reader first." in capsys.readouterr().err
    doubted: list[bool] = []

    def doubt_two(result: object) -> bool:
        doubted.append(len(doubted) < 2)
        return doubted[-1]

    monkeypatch.setattr("dr_core.cli.grading_run.needs_reader", doubt_two)
    assert grade(folder, "--out", out) == 0
    assert "2 of those graded need a reader first: the column follow_up says which." in capsys.readouterr().err
