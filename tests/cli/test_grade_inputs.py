"""What ``grade`` says of the paths that it is given: missing, forbidden, empty, named twice, named like a formula."""

import os

import pytest

from dr_core.reports.csv import CSV_COLUMNS
from tests.cli.grading import grade, read_report

pytestmark = pytest.mark.usefixtures("fake_model")


def test_empty_folder_gives_a_report_without_rows_and_a_hint(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert grade(tmp_path / "empty", "--out", tmp_path / "report.csv") == 0
    assert "The report will be empty: name photographs" in capsys.readouterr().err
    assert (tmp_path / "report.csv").read_text() == ",".join(CSV_COLUMNS) + "\n"


def test_missing_path_beside_a_good_one_gets_a_failed_row(tmp_path, make_folder, capsys):
    path = make_folder(1) / "eye_00.jpg"
    assert grade(path, tmp_path / "missing.jpg", "--out", tmp_path / "report.csv") == 0
    rows = read_report(tmp_path / "report.csv")
    assert [row["status"] for row in rows] == ["graded", "failed"]
    assert "no such file" in rows[1]["error"]
    assert 'There is nothing at "' in capsys.readouterr().err


def test_place_that_may_not_be_looked_at_is_not_called_empty(tmp_path, make_folder, monkeypatch, capsys):
    path, hidden = make_folder(1) / "eye_00.jpg", str(tmp_path / "forbidden" / "eye.jpg")
    look = os.lstat

    def refuse(path: object, **options: object) -> os.stat_result:
        if path == hidden:
            raise PermissionError(13, "Permission denied")
        return look(path, **options)

    monkeypatch.setattr(os, "lstat", refuse)
    assert grade(hidden, "--out", tmp_path / "report.csv") == 2
    shown = capsys.readouterr().err
    assert "was refused: allow this account to open its folder." in shown
    assert "nothing" not in shown
    assert grade(hidden, path, "--out", tmp_path / "report.csv") == 0
    assert "open its folder. Its row in the report says failed." in capsys.readouterr().err


def test_folder_named_twice_is_graded_once_and_said(tmp_path, make_folder, monkeypatch, capsys):
    make_folder(2)
    monkeypatch.chdir(tmp_path)
    assert grade("photographs", "./photographs/", "photographs/eye_00.jpg", "--out", "report.csv") == 0
    assert "2 photographs found. Named twice, graded once: 1." in capsys.readouterr().err


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
