"""Reading bytes without hanging, and listing folders, server folders and ZIP files."""

import errno
import io
import os
import struct
import zipfile
from pathlib import Path

import pytest

from dr_core.domain.errors import ConfigurationError, PhotographError, PhotographTooLarge, UnreadablePhotograph
from dr_core.screening import archive as archive_module
from dr_core.screening.archive import open_archive
from dr_core.screening.folder import find_photographs, find_server_photographs
from dr_core.screening.sources import BatchInput, DiskPhotograph, counts_as_photograph, format_name
from tests.hostile import FAILED, make_hostile_folder

JPEG_HEAD = b"\xff\xd8\xff\xe0" + b"\x00" * 60


def names(batch: BatchInput, folder: Path | None = None) -> list[str]:
    prefix = f"{folder}/" if folder else ""
    return [source.name.removeprefix(prefix) for source in batch.photographs]


def read_error(path: Path) -> str:
    with pytest.raises(PhotographError) as raised:
        DiskPhotograph("x", str(path)).read_bytes()
    return str(raised.value)


def make_zip(path: Path, entries: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as packed:
        for name, data in entries.items():
            packed.writestr(name, data)
    return path


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
        ("a\\b.txt\\eye.png", b"", True),
        ("._eye.jpg", b"\x00\x05\x16\x07", False),
        ("._eye.jpg", JPEG_HEAD, True),
    ],
)
def test_extension_decides_and_content_where_there_is_none(name, head, expected):
    assert counts_as_photograph(name, head) is expected


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


def test_hostile_folder_has_one_source_for_each_input(tmp_path, fundus_jpeg):
    made = make_hostile_folder(tmp_path / "hostile", fundus_jpeg)
    batch = find_photographs([str(made.path)])
    assert sorted(names(batch, made.path)) == sorted(made.rows)
    assert batch.other_files == made.other_files
    assert batch.linked_folders == made.linked_folders
    for source in batch.photographs:
        name = source.name.removeprefix(f"{made.path}/")
        if made.rows[name] != FAILED:
            assert source.read_bytes()


def test_order_is_that_of_the_arguments_and_sorted_within_folders(tmp_path):
    for name in ("z/2.jpg", "z/10.jpg", "a/b/1.jpg", "a/a.jpg", "a.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = names(find_photographs([str(tmp_path / "z"), str(tmp_path)]), tmp_path)
    assert found == ["z/10.jpg", "z/2.jpg", "a/a.jpg", "a/b/1.jpg", "a.jpg"]


def test_photograph_reached_twice_has_one_row_under_its_first_name(tmp_path, monkeypatch):
    (tmp_path / "eye.jpg").write_bytes(b"x")
    (tmp_path / "other_name").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert names(find_photographs(["eye.jpg", "./eye.jpg", str(tmp_path), "other_name/eye.jpg"])) == ["eye.jpg"]


def test_two_links_to_one_photograph_are_two_inputs(tmp_path):
    (tmp_path / "eye.jpg").write_bytes(b"x")
    (tmp_path / "link.jpg").symlink_to("eye.jpg")
    assert names(find_photographs([str(tmp_path)]), tmp_path) == ["eye.jpg", "link.jpg"]


def test_file_named_outright_always_counts(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(b"words")
    assert names(find_photographs([str(path)])) == [str(path)]
    both = find_photographs([str(path), str(tmp_path)])
    assert names(both) == [str(path)]
    assert both.other_files == 0
    assert find_photographs([str(tmp_path), str(path)]).other_files == 0


def test_linked_folders_are_counted_and_followed_only_when_named(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "eye.jpg").write_bytes(b"x")
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "up").symlink_to("..")
    (tmp_path / "top" / "real").symlink_to("../real")
    batch = find_photographs([str(tmp_path / "top")])
    assert (names(batch), batch.linked_folders) == ([], 2)
    named = find_photographs([str(tmp_path / "top" / "real")])
    assert names(named, tmp_path) == ["top/real/eye.jpg"]


def test_own_files_are_left_out(tmp_path):
    (tmp_path / "heatmaps").mkdir()
    for name in ("eye.jpg", "heatmaps/1.jpg", "report.csv"):
        (tmp_path / name).write_bytes(b"x")
    batch = find_photographs([str(tmp_path)], exclude=[str(tmp_path / "heatmaps"), str(tmp_path / "report.csv")])
    assert (names(batch, tmp_path), batch.other_files) == (["eye.jpg"], 0)


def test_deep_folders_are_walked(tmp_path):
    folder = tmp_path / Path(*["d"] * 500)
    folder.mkdir(parents=True)
    (folder / "eye.jpg").write_bytes(b"x")
    assert len(find_photographs([str(tmp_path)]).photographs) == 1


def test_server_folder_has_names_that_do_not_tell_where_it_is(tmp_path):
    (tmp_path / "root" / "study" / "sub").mkdir(parents=True)
    (tmp_path / "root" / "study" / "sub" / "eye.jpg").write_bytes(b"x")
    batch = find_server_photographs(str(tmp_path / "root" / "study"), [tmp_path / "root"])
    assert names(batch) == ["sub/eye.jpg"]
    assert batch.photographs[0].read_bytes() == b"x"


@pytest.mark.parametrize(
    "folder", ["outside", "root/..", "root/../outside", "root/way_out", "root/missing", "root/eye.jpg", ""]
)
def test_folder_outside_the_roots_is_refused_like_a_missing_one(tmp_path, folder):
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "root" / "eye.jpg").write_bytes(b"x")
    (tmp_path / "root" / "way_out").symlink_to("../outside")
    with pytest.raises(ConfigurationError, match="No such folder under the allowed folders"):
        find_server_photographs(str(tmp_path / folder) if folder else "", [tmp_path / "root"])


def test_link_out_of_the_roots_is_a_row_but_not_read(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "root" / "eye.jpg").symlink_to("../secret.jpg")
    (source,) = find_server_photographs(str(tmp_path / "root"), [tmp_path / "root"]).photographs
    with pytest.raises(UnreadablePhotograph, match="outside the allowed folders"):
        source.read_bytes()


def test_without_roots_every_server_folder_is_refused(tmp_path):
    with pytest.raises(ConfigurationError):
        find_server_photographs(str(tmp_path), [])


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
