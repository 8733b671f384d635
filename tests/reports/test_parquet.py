"""The Parquet report: the CSV's columns with types, complete or not there."""

import errno
import io
import os
from dataclasses import replace

import pandas as pd
import pyarrow.parquet as pq
import pytest

from dr_core.domain.errors import StorageError
from dr_core.reports import parquet, report_file
from dr_core.reports.csv import CSV_COLUMNS, DETAIL_COLUMNS, format_details, format_row
from dr_core.reports.parquet import ParquetFile
from tests.fakes import make_failed, make_graded, make_ungradable

RESULTS = [make_graded(), make_ungradable(), make_failed()]


def test_cells_have_types_and_missing_ones_are_null(tmp_path):
    with ParquetFile(tmp_path / "report.parquet", CSV_COLUMNS) as report:
        for result in RESULTS:
            report.write_row(format_row(result))
    table = pq.read_table(tmp_path / "report.parquet")
    assert tuple(table.column_names) == CSV_COLUMNS
    graded, ungradable, failed = table.to_pylist()
    assert (graded["grade"], graded["referable"], graded["width"]) == (2, True, 640)
    assert graded["p_referable"] == pytest.approx(0.9)
    assert ungradable["gradable"] is False
    assert ungradable["grade"] is ungradable["p_grade_0"] is None
    assert (failed["width"], failed["seconds"]) == (None, 0.0)
    assert failed["error"] == "The file is empty. Export it again."


def test_rows_are_those_of_the_csv_with_details(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 2)
    columns = (*CSV_COLUMNS, *DETAIL_COLUMNS)
    rows = [format_row(result) | format_details(result) for result in RESULTS]
    with ParquetFile(tmp_path / "report.parquet", columns) as report:
        for row in rows:
            report.write_row(row)
    frame = pd.read_parquet(tmp_path / "report.parquet")
    assert frame["file"].tolist() == [row["file"] for row in rows]
    assert pq.ParquetFile(tmp_path / "report.parquet").num_row_groups == 2
    assert [path.name for path in tmp_path.iterdir()] == ["report.parquet"]


def test_report_without_rows_has_its_columns(tmp_path):
    with ParquetFile(tmp_path / "report.parquet", CSV_COLUMNS):
        pass
    assert pq.read_table(tmp_path / "report.parquet").num_rows == 0


def test_stopped_report_leaves_the_older_one_alone(tmp_path):
    path = tmp_path / "report.parquet"
    path.write_bytes(b"older")

    def stop() -> None:
        with ParquetFile(path, CSV_COLUMNS) as report:
            report.write_row(format_row(RESULTS[0]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert path.read_bytes() == b"older"
    assert [file.name for file in tmp_path.iterdir()] == ["report.parquet"]


def test_place_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(StorageError, match="cannot be written"):
        ParquetFile(tmp_path / "nowhere" / "report.parquet", CSV_COLUMNS)


def test_forged_link_under_the_name_of_the_part_is_not_followed(tmp_path):
    photograph = tmp_path / "eye.jpg"
    photograph.write_bytes(b"photograph")
    (tmp_path / "report.parquet.part").symlink_to(photograph)
    with ParquetFile(tmp_path / "report.parquet", CSV_COLUMNS):
        pass
    assert photograph.read_bytes() == b"photograph"
    assert not (tmp_path / "report.parquet").is_symlink()
    assert pq.read_table(tmp_path / "report.parquet").num_rows == 0


def test_full_disk_leaves_no_part_behind(tmp_path, monkeypatch):
    def refuse(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with (
        pytest.raises(StorageError, match="No space left"),
        ParquetFile(tmp_path / "report.parquet", CSV_COLUMNS) as report,
    ):
        report.write_row(format_row(RESULTS[0]))
    assert not list(tmp_path.iterdir())


def test_disk_that_is_full_while_rows_are_written_leaves_no_part_behind(tmp_path, monkeypatch):
    class FullDisk(io.FileIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 100)
    monkeypatch.setattr(
        report_file.os, "fdopen", lambda descriptor, _, **kind: io.BufferedWriter(FullDisk(descriptor, "w"))
    )
    # Names of which no two are alike take the room.
    rows = [format_row(replace(RESULTS[0], name=os.urandom(200).hex())) for _ in range(100)]
    with (
        pytest.raises(StorageError, match="No space left"),
        ParquetFile(tmp_path / "report.parquet", CSV_COLUMNS) as report,
    ):
        list(map(report.write_row, rows))
    assert not list(tmp_path.iterdir())
