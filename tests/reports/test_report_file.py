"""A report in text appears complete under its name, or not at all."""

import os

import pytest

from dr_core.domain.errors import StorageError
from dr_core.reports.report_file import TextFile


def test_file_appears_with_its_last_line_and_not_before(tmp_path):
    path = tmp_path / "report.ndjson"
    with TextFile(path) as report:
        report.write("{}\n")
        assert not path.exists()
        report.write("患\n")
    assert path.read_bytes() == "{}\n患\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_what_ends_early_leaves_the_older_file(tmp_path):
    path = tmp_path / "report.ndjson"
    path.write_text("older")
    with pytest.raises(TypeError), TextFile(path) as report:
        report.write(None)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_is_a_storage_error_that_leaves_no_part(tmp_path, monkeypatch):
    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match="No space left on device"), TextFile(tmp_path / "report.ndjson") as report:
        report.write("{}\n")
    assert not list(tmp_path.iterdir())
