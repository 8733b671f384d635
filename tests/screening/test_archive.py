"""ZIP files: what they list, and those that are damaged, disguised, endless or would unpack to too much."""

import io
import os
import struct
import zipfile
from pathlib import Path

import pytest

from dr_core.domain.errors import PhotographTooLarge, UnreadablePhotograph
from dr_core.screening import archive as archive_module
from dr_core.screening.archive import open_archive
from tests.screening.listing import JPEG_HEAD, names


def make_zip(path: Path, entries: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as packed:
        for name, data in entries.items():
            packed.writestr(name, data)
    return path


def test_zip_lists_photographs_sorted_and_reads_them(tmp_path):
    path = make_zip(
        tmp_path / "a.zip",
        {"b/eye.jpg": b"one", "a.png": b"two", "notes.txt": b"x", "plain": JPEG_HEAD, "__MACOSX/b/._eye.jpg": b"x"},
    )
    batch = open_archive(path)
    assert names(batch) == ["a.png", "b/eye.jpg", "plain"]
    assert [source.read_bytes() for source in batch.photographs] == [b"two", b"one", JPEG_HEAD]
    assert batch.other_files == 1


def test_zip_names_are_printed_and_never_used_as_paths(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"../../escape.jpg": b"x", "/absolute.jpg": b"y", "dir\\win.jpg": b"z"})
    batch = open_archive(path)
    assert {source.read_bytes() for source in batch.photographs} == {b"x", b"y", b"z"}
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.zip"]


@pytest.mark.parametrize("data", [b"", b"PK", b"words " * 100, b"PK\x05\x06" + b"\xff" * 18])
def test_file_that_is_no_zip_is_refused(tmp_path, data):
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises((UnreadablePhotograph, PhotographTooLarge)):
        open_archive(path)


def test_truncated_zip_is_refused(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"eye.jpg": os.urandom(5000)})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UnreadablePhotograph, match="damaged"):
        open_archive(path)


def test_zip_with_a_password_is_refused(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"eye.jpg": b"x"})
    data = bytearray(path.read_bytes())
    data[data.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(UnreadablePhotograph, match="password"):
        open_archive(path)


def test_damaged_entry_fails_alone(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"a.jpg": b"A" * 100, "b.jpg": b"B" * 100}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"A" * 100, b"A" * 99 + b"X"))
    first, second = open_archive(path).photographs
    with pytest.raises(UnreadablePhotograph, match="damaged inside the ZIP"):
        first.read_bytes()
    assert second.read_bytes() == b"B" * 100


def test_unknown_compression_fails_alone(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"a.jpg": b"A" * 100})
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, data.find(b"PK\x01\x02") + 10, 99)
    path.write_bytes(data)
    (source,) = open_archive(path).photographs
    with pytest.raises(UnreadablePhotograph):
        source.read_bytes()


def test_entry_that_unpacks_to_too_much_is_refused_unread(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"bomb.jpg": bytes(5_000_000), "eye.jpg": b"x"})
    bomb, eye = open_archive(path).photographs
    with pytest.raises(PhotographTooLarge, match="not like"):
        bomb.read_bytes()
    assert eye.read_bytes() == b"x"


def test_entry_with_a_lying_size_yields_no_more_than_it_said(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"eye.jpg": os.urandom(1000)}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, data.find(b"PK\x01\x02") + 24, 10)
    path.write_bytes(data)
    (source,) = open_archive(path).photographs
    with pytest.raises(UnreadablePhotograph):
        source.read_bytes()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("name", ["eye.jpg", "eye"])
def test_entry_of_a_method_that_unpacks_without_bound_is_refused_unread(tmp_path, monkeypatch, method, name):
    batch = open_archive(make_zip(tmp_path / "a.zip", {name: b"x" * 100}, method))
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("opened"))
    (source,) = batch.photographs
    with pytest.raises(UnreadablePhotograph, match="pack the photographs again"):
        source.read_bytes()


def test_zip_of_too_many_entries_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive_module, "MAX_ENTRIES", 3)
    path = make_zip(tmp_path / "a.zip", {f"{number}.jpg": b"x" for number in range(4)})
    with pytest.raises(PhotographTooLarge, match="4 files"):
        open_archive(path)


def test_endless_table_of_contents_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "a.zip", {f"{number}.jpg": b"x" for number in range(100)})
    monkeypatch.setattr(archive_module, "MAX_DIRECTORY_BYTES", 500)
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("opened"))
    with pytest.raises(PhotographTooLarge, match="far more"):
        open_archive(path)


def test_zip64_directory_is_measured_where_a_forged_locator_does_not_point(tmp_path, monkeypatch):
    record, locator = struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
    forged = record.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, 0, 0, 0, 0)
    believed = record.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, 10**7, 10**7, 10**9, 0)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0)
    path = tmp_path / "a.zip"
    path.write_bytes(forged + believed + locator.pack(b"PK\x06\x07", 0, 0, 1) + end)
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("opened"))
    with pytest.raises(PhotographTooLarge, match="far more"):
        open_archive(path)


def test_zip_total_is_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(archive_module, "MAX_TOTAL_BYTES", 1000)
    path = make_zip(tmp_path / "a.zip", {"a.jpg": bytes(600), "b.jpg": bytes(600)})
    with pytest.raises(PhotographTooLarge, match="split"):
        open_archive(path)


def test_large_zip64_directory_is_found(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed, packed.open("eye.jpg", "w", force_zip64=True) as entry:
        entry.write(b"x")
    assert names(open_archive(path)) == ["eye.jpg"]
    assert io.BytesIO(open_archive(path).photographs[0].read_bytes()).read() == b"x"
