"""The CSV report on disk: complete under its name or not at all, whatever lies there already."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from dr_core.domain.errors import StorageError
from dr_core.domain.results import ScreeningResult
from dr_core.reports.csv import CSV_COLUMNS, CsvFile, format_row, render_csv
from tests.fakes import make_failed, make_graded


def write_csv(path: Path, results: Iterable[ScreeningResult]) -> None:
    with CsvFile(path, CSV_COLUMNS) as report:
        for result in results:
            report.write_row(format_row(result))


def test_file_appears_complete(tmp_path):
    path = tmp_path / "report.csv"
    results = [make_graded("a.jpg"), make_failed("b.jpg")]
    write_csv(path, results)
    assert path.read_bytes() == render_csv(results)
    assert list(tmp_path.iterdir()) == [path]


def test_interrupted_file_leaves_the_older_one_alone(tmp_path):
    path = tmp_path / "report.csv"
    path.write_text("older")

    def results():
        yield make_graded()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_csv(path, results())
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_leaves_no_part_behind(tmp_path, monkeypatch):
    def refuse(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match="No space left"):
        write_csv(tmp_path / "report.csv", [make_graded()])
    assert not list(tmp_path.iterdir())


def test_forged_link_under_the_name_of_the_part_is_not_followed(tmp_path):
    photograph = tmp_path / "eye.jpg"
    photograph.write_bytes(b"photograph")
    (tmp_path / "report.csv.part").symlink_to(photograph)
    write_csv(tmp_path / "report.csv", [])
    assert photograph.read_bytes() == b"photograph"
    assert (tmp_path / "report.csv").read_bytes() == render_csv([])


def test_two_runs_that_write_one_file_both_finish(tmp_path):
    path = tmp_path / "index.csv"
    with CsvFile(path, ("row",)) as first:
        with CsvFile(path, ("row",)) as second:
            second.write_row({"row": "2"})
        first.write_row({"row": "1"})
    assert path.read_text() == "row\n1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_linked_report_is_written_through_its_link(tmp_path):
    target = tmp_path / "real.csv"
    target.write_text("older")
    link = tmp_path / "link.csv"
    link.symlink_to(target)
    write_csv(link, [])
    assert link.is_symlink()
    assert target.read_bytes() == render_csv([])


def test_missing_folder_is_a_storage_error_with_a_remedy(tmp_path):
    with pytest.raises(StorageError, match=r"report\.csv cannot be written .* check its folder"):
        write_csv(tmp_path / "nowhere" / "report.csv", [])


def test_missing_cell_is_a_programmers_mistake(tmp_path):
    with pytest.raises(KeyError), CsvFile(tmp_path / "report.csv", CSV_COLUMNS) as report:
        report.write_row({"file": "a.jpg"})
