"""Which files count as photographs, how their names are printed, and reading them without hanging."""

import errno
import io
import os
from pathlib import Path

import pytest

from dr_core.domain.errors import PhotographError, PhotographTooLarge
from dr_core.screening import sources
from dr_core.screening.sources import (
    DiskPhotograph,
    counts_as_photograph,
    format_name,
    lacks_extension,
    name_is_enough,
)
from tests.screening.listing import JPEG_HEAD

DICOM_HEAD = bytes(128) + b"DICM"


def read_error(path: Path) -> str:
    with pytest.raises(PhotographError) as raised:
        DiskPhotograph("x", str(path)).read_bytes()
    return str(raised.value)


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("eye.jpg", b"", True),
        ("EYE.TIFF", b"", True),
        ("eye.jpg ", b"", True),
        ("scan.dcm", b"", True),
        ("eye.gif", b"", True),
        ("notes.txt", JPEG_HEAD, False),
        ("eye.jpg.txt", JPEG_HEAD, False),
        ("no_extension", JPEG_HEAD, True),
        ("no_extension", b"words", False),
        ("IMG.0007", JPEG_HEAD, True),
        ("trailing.", JPEG_HEAD, True),
        (".hidden", JPEG_HEAD, True),
        ("a.b/eye", JPEG_HEAD, True),
        ("Dr. Smith OD", JPEG_HEAD, True),
        ("Dr. Smith OD", b"words", False),
        ("St. Mary 12.03.2024 left", JPEG_HEAD, True),
        ("1.2.840.113.A1", JPEG_HEAD, True),
        ("eye.jpg (1)", JPEG_HEAD, True),
        ("eye.jpg~", JPEG_HEAD, True),
        ("eye.jpg_large", JPEG_HEAD, True),
        ("notes.txt~", b"words", False),
        ("._eye.jpg~", b"\x00\x05\x16\x07", False),
        ("a\\b.txt\\eye.png", b"", True),
        ("._eye.jpg", b"\x00\x05\x16\x07", False),
        ("._eye.jpg", JPEG_HEAD, True),
        ("IM000001", DICOM_HEAD, True),
        ("1.2.840.113.7", DICOM_HEAD, True),
        ("disc/DICOMDIR", DICOM_HEAD, False),
        ("notes.txt", DICOM_HEAD, False),
    ],
)
def test_extension_decides_and_content_where_there_is_none(name, head, expected):
    assert counts_as_photograph(name, head) is expected


@pytest.mark.parametrize(
    "name",
    ["a.txt", "A.CSV", "a.pdf", "a.docx", "a.7z", "a.mp4", "a.dcm", "12.03.2024.pdf", "1.2.840.txt", "eye.jpg.txt",
     "report.csv.part", "1.2.840.113.dcm", "Dr. Smith OD.jp2"],
)  # fmt: skip
def test_no_look_into_files_whose_name_tells(name):
    assert name_is_enough(name)
    assert not lacks_extension(name)


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("eye.jpg", "eye.jpg"),
        ("a\udcffb", "a\\xffb"),
        ("a\x00b", "a\\x00b"),
        ("a\ud800b", "a\\ud800b"),
        ("\u4e2d\n", "\u4e2d\n"),
    ],
)
def test_printed_names_are_valid_unicode(name, printed):
    assert format_name(name) == printed
    assert printed.encode("utf-8")


def test_nothing_that_is_no_file_is_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    assert "pipe or a device" in read_error(tmp_path / "pipe.jpg")
    assert "pipe or a device" in read_error(tmp_path / "zero.jpg")
    assert "folder" in read_error(tmp_path)


def test_broken_links_and_missing_files_say_so(tmp_path):
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "dangling.jpg").symlink_to("nowhere.jpg")
    assert "back to itself" in read_error(tmp_path / "loop.jpg")
    assert "leads nowhere" in read_error(tmp_path / "dangling.jpg")
    assert "no such file" in read_error(tmp_path / "missing.jpg")
    assert "too long" in read_error(tmp_path / ("x" * 300 + ".jpg"))


def test_forbidden_file_says_so(tmp_path, monkeypatch):
    path = tmp_path / "forbidden.jpg"
    path.write_bytes(JPEG_HEAD)

    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", "secret name")

    # The account that runs the tests may be allowed to read everything.
    monkeypatch.setattr(os, "open", refuse)
    message = read_error(path)
    assert "Permission to read it was refused" in message
    assert "secret" not in message


def test_unreadable_disk_says_so(tmp_path, monkeypatch):
    path = tmp_path / "eye.jpg"
    path.write_bytes(JPEG_HEAD)

    def fail(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error", "secret name")

    monkeypatch.setattr(os, "open", fail)
    assert read_error(path) == "It could not be read (Input/output error): check the disk, and run again."


def test_enormous_file_is_refused_unread(tmp_path):
    path = tmp_path / "huge.tif"
    with path.open("wb") as stream:
        stream.truncate(10**12)
    with pytest.raises(PhotographTooLarge, match="1,000,000 MB"):
        DiskPhotograph("x", str(path)).read_bytes()


def test_fingerprint_changes_with_the_file(tmp_path):
    path = tmp_path / "eye.jpg"
    path.write_bytes(b"one")
    source = DiskPhotograph("x", str(path))
    before = source.fingerprint()
    path.write_bytes(b"three")
    assert source.fingerprint() != before != ""
    path.unlink()
    assert source.fingerprint() == ""


def test_file_that_has_nothing_to_say_yet_is_no_photograph(tmp_path, monkeypatch):
    class Silent(io.FileIO):
        def read(self, size: int | None = -1) -> bytes | None:
            return None

    path = tmp_path / "eye.jpg"
    path.write_bytes(b"x")
    monkeypatch.setattr(sources, "open", lambda file, mode: Silent(file), raising=False)
    assert "save the photograph as a file" in read_error(path)
    assert sources.read_head(str(path)) == b""
