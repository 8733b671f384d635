"""Where ``grade`` may write: over its own reports alone, and overlays where no photograph is left out for them."""

import os

import pytest

from dr_core.cli.grading_paths import check_heatmaps, check_output
from dr_core.domain.errors import ConfigurationError
from dr_core.reports.csv import CSV_COLUMNS, DETAIL_COLUMNS, READING_COLUMNS
from dr_core.reports.overlay_archive import INDEX_COLUMNS
from dr_core.reports.parquet import ParquetFile
from dr_core.screening.overlay_mark import name_overlay
from tests.screening.listing import JPEG_HEAD

OVERLAY = name_overlay(1, "ab" * 32)


@pytest.mark.parametrize("name", ["IM0001", "eye.jpg", "Dr. Smith OD", "eye.jpg~", "sub/IM0001", "scan.dcm"])
def test_folder_of_photographs_takes_no_overlays(tmp_path, name):
    (tmp_path / "day2" / name).parent.mkdir(parents=True)
    (tmp_path / "day2" / name).write_bytes(JPEG_HEAD)
    with pytest.raises(ConfigurationError, match=r"name a new folder for the overlays\. Found: .*day2"):
        check_heatmaps(tmp_path / "day2", [str(tmp_path)])


def test_what_cannot_be_looked_into_may_be_a_photograph(tmp_path):
    (tmp_path / "day2").mkdir()
    (tmp_path / "day2" / "IM0001").symlink_to("nowhere")
    with pytest.raises(ConfigurationError, match="name a new folder"):
        check_heatmaps(tmp_path / "day2", [str(tmp_path)])


def test_what_an_earlier_run_left_is_no_obstacle(tmp_path):
    folder = tmp_path / "heatmaps"
    check_heatmaps(folder, [str(tmp_path)])
    folder.mkdir()
    for name in (OVERLAY, f"{OVERLAY}.part"):
        (folder / name).write_bytes(JPEG_HEAD)
    # The report may lie among the overlays, and systems leave files of theirs when somebody looks at them.
    (folder / "index.csv").write_text(",".join(INDEX_COLUMNS) + "\n")
    for name in (
        "index.csv.part",
        "index.csv.2.part",
        "report",
        "report.journal",
        "report.part",
        ".DS_Store",
        "Thumbs.db",
    ):
        (folder / name).write_bytes(b"words")
    check_heatmaps(folder, [str(tmp_path)])


def test_index_of_something_else_is_not_replaced(tmp_path):
    (tmp_path / "index.csv").write_text("patient,date\n")
    with pytest.raises(ConfigurationError, match="would be replaced: name a new folder"):
        check_heatmaps(tmp_path, [str(tmp_path / "eye.jpg")])


@pytest.mark.parametrize("name", ["report.csv", "report.CSV", "report", "report.parquet"])
def test_earlier_report_is_replaced(tmp_path, name):
    out = tmp_path / name
    check_output(out, [], None)
    for columns in (CSV_COLUMNS, (*CSV_COLUMNS, *DETAIL_COLUMNS)):
        out.write_text(",".join(columns) + "\neye.jpg\n")
        check_output(out, [], None)
        with ParquetFile(out, columns):
            pass
        check_output(out, [], None)
    out.write_bytes(b"")
    check_output(out, [], None)


@pytest.mark.parametrize(
    "content",
    [
        b"patient,date\n",
        b"\n",
        b"\xff\xfe",
        b"PAR1 and nothing behind",
        ",".join(CSV_COLUMNS[:-1]).encode(),
        ",".join((*CSV_COLUMNS, "my notes")).encode(),
        # Of the Batch page, with what persons have read.
        ",".join((*CSV_COLUMNS, *READING_COLUMNS)).encode(),
    ],
)
@pytest.mark.parametrize("name", ["patients.csv", "patients", "patients.parquet"])
def test_file_that_is_no_report_is_never_replaced(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    (tmp_path / "link.csv").symlink_to(name)
    for out in (tmp_path / name, tmp_path / "link.csv"):
        with pytest.raises(ConfigurationError, match="choose another name, or delete the file first"):
            check_output(out, [], None)


def test_other_table_in_parquet_is_never_replaced(tmp_path):
    with ParquetFile(tmp_path / "patients.parquet", ("file", "patient")):
        pass
    with pytest.raises(ConfigurationError, match="delete the file first"):
        check_output(tmp_path / "patients.parquet", [], None)


@pytest.mark.parametrize("name", ["o.xlsx", "in.zip", "o.csv.gz", "o.json"])
def test_name_of_another_kind_of_file_is_refused(tmp_path, name):
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"let its name end in \.csv or \.parquet"):
            check_output(tmp_path / name, [], None)
        (tmp_path / name).write_text(",".join(CSV_COLUMNS) + "\n")


@pytest.mark.parametrize("name", ["report", "report.txt", "tmp.Xq81vB"])
def test_name_that_promises_nothing_else_is_taken(tmp_path, name):
    check_output(tmp_path / name, [], None)


def test_overlays_are_not_opened(tmp_path, monkeypatch):
    (tmp_path / "heatmaps").mkdir()
    (tmp_path / "heatmaps" / OVERLAY).write_bytes(JPEG_HEAD)

    def refuse(*_: object) -> int:
        raise AssertionError("opened")

    monkeypatch.setattr(os, "open", refuse)
    check_heatmaps(tmp_path / "heatmaps", [str(tmp_path)])


def test_folder_that_is_not_graded_may_hold_anything(tmp_path):
    for name in ("graded", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "IM0001").write_bytes(JPEG_HEAD)
    check_heatmaps(tmp_path / "other", [str(tmp_path / "graded")])
