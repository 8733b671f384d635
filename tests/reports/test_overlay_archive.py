"""The ZIP of overlays and its index."""

import csv
import io
import zipfile

import pytest

from dr_core.domain.errors import StorageError
from dr_core.reports.overlay_archive import OverlayEntry, list_overlays, write_overlay_archive
from tests.fakes import make_failed, make_graded


def test_results_without_overlay_are_left_out():
    results = [make_graded("a.jpg"), make_failed("b.jpg"), make_graded("c.jpg")]
    entries = list_overlays(results, lambda number: "" if number == 2 else f"{number}.jpg")
    assert [(entry.row, entry.file, entry.overlay) for entry in entries] == [
        (1, "a.jpg", "1.jpg"),
        (3, "c.jpg", "3.jpg"),
    ]


def test_archive_holds_overlays_under_our_names_and_an_index(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "000001_abc.jpg").write_bytes(b"one")
    path = tmp_path / "overlays.zip"
    write_overlay_archive(path, [OverlayEntry(1, "=../../x.jpg", "abc", "000001_abc.jpg")], pictures)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["000001_abc.jpg", "index.csv"]
        assert archive.read("000001_abc.jpg") == b"one"
        (row,) = csv.DictReader(io.StringIO(archive.read("index.csv").decode()))
    assert row == {"row": "1", "file": "'=../../x.jpg", "sha256": "abc", "overlay": "000001_abc.jpg"}
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["overlays.zip", "pictures"]


def test_missing_overlay_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match="could not be packed"):
        write_overlay_archive(tmp_path / "overlays.zip", [OverlayEntry(1, "a", "b", "gone.jpg")], tmp_path)
