"""Photographs in object storage are found by the rules of folders, and read with the same errors."""

import io
from pathlib import Path

import pytest
from pyarrow.fs import FileSystem, LocalFileSystem, SubTreeFileSystem

from dr_core.domain.errors import ConfigurationError, PhotographTooLarge, UnreadablePhotograph
from dr_core.screening import object_storage
from dr_core.screening.object_storage import count_named_twice, find_stored_photographs, is_address


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch, fundus_jpeg: bytes) -> Path:
    """A folder that answers as the bucket s3://clinic."""
    folder = tmp_path / "storage" / "clinic"
    (folder / "2026" / "b").mkdir(parents=True)
    (folder / "2026" / "a.jpg").write_bytes(fundus_jpeg)
    (folder / "2026" / "b" / "c.PNG").write_bytes(b"x")
    (folder / "2026" / "b.tif").write_bytes(b"x")
    (folder / "2026" / "notes.txt").write_bytes(b"x")
    (folder / "2026" / "0007").write_bytes(fundus_jpeg)
    (folder / "2026" / "0008").write_bytes(b"no picture")
    (folder / "2026" / "._a.jpg").write_bytes(b"\x00\x05\x16\x07")
    filesystem = SubTreeFileSystem(str(folder.parent), LocalFileSystem())

    def open_filesystem(address: str) -> tuple[FileSystem, str]:
        return filesystem, address.removeprefix("s3://")

    monkeypatch.setattr(object_storage, "_open_filesystem", open_filesystem)
    return folder


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("s3://bucket/a.jpg", True),
        ("gs://bucket", True),
        ("abfs://container@account.dfs.core.windows.net/a", True),
        ("/data/a.jpg", False),
        ("a.jpg", False),
        ("file:///data/a.jpg", False),
        ("odd name://x", False),
    ],
)
def test_address_is_told_from_a_path(path, expected):
    assert is_address(path) is expected


def test_objects_are_listed_in_order_with_addresses_as_names(bucket):
    found = find_stored_photographs(["s3://clinic/2026"])
    assert [photograph.name for photograph in found.photographs] == [
        "s3://clinic/2026/0007",
        "s3://clinic/2026/a.jpg",
        "s3://clinic/2026/b/c.PNG",
        "s3://clinic/2026/b.tif",
    ]
    assert found.other_files == 3


def test_object_reads_its_bytes_and_has_a_fingerprint(bucket, fundus_jpeg):
    (photograph,) = find_stored_photographs(["s3://clinic/2026/a.jpg"]).photographs
    assert photograph.read_bytes() == fundus_jpeg
    assert photograph.fingerprint().startswith(f"{len(fundus_jpeg)}-")


def test_object_that_went_away_says_what_to_do(bucket):
    (photograph,) = find_stored_photographs(["s3://clinic/2026/a.jpg"]).photographs
    (bucket / "2026" / "a.jpg").unlink()
    with pytest.raises(UnreadablePhotograph, match="check that it is still there"):
        photograph.read_bytes()


def test_oversized_object_is_refused(bucket, monkeypatch):
    (photograph,) = find_stored_photographs(["s3://clinic/2026/a.jpg"]).photographs
    monkeypatch.setattr(object_storage, "MAX_BYTES", 10)
    with pytest.raises(PhotographTooLarge, match="export"):
        photograph.read_bytes()


def test_paths_and_addresses_keep_their_order_and_have_one_row_each(bucket, tmp_path, fundus_jpeg):
    (tmp_path / "disk.jpg").write_bytes(fundus_jpeg)
    disk = str(tmp_path / "disk.jpg")
    paths = ["s3://clinic/2026/b", f"file://{disk}", "s3://clinic/2026/a.jpg", "s3://clinic/2026/b/c.PNG"]
    names = [photograph.name for photograph in find_stored_photographs(paths).photographs]
    assert names == ["s3://clinic/2026/b/c.PNG", disk, "s3://clinic/2026/a.jpg"]


def test_path_before_and_after_an_address_has_one_row(bucket, tmp_path, fundus_jpeg):
    path = tmp_path / "eye.jpg"
    path.write_bytes(fundus_jpeg)
    paths = [str(path), "s3://clinic/2026/a.jpg", str(path), "s3://clinic/2026/b.tif", str(tmp_path / "." / "eye.jpg")]
    found = find_stored_photographs(paths)
    assert [photograph.name for photograph in found.photographs] == [str(path), *paths[1:4:2]]
    assert count_named_twice(paths) == 2


def test_paths_on_disk_alone_are_listed_as_ever(tmp_path, fundus_jpeg):
    (tmp_path / "a.jpg").write_bytes(fundus_jpeg)
    found = find_stored_photographs([str(tmp_path), str(tmp_path / "a.jpg")], exclude=[str(tmp_path / "no.csv")])
    assert [photograph.name for photograph in found.photographs] == [str(tmp_path / "a.jpg")]


def test_empty_address_is_a_usage_error(bucket):
    with pytest.raises(ConfigurationError, match="nothing at the s3://"):
        find_stored_photographs(["s3://clinic/1999"])


@pytest.mark.parametrize("address", ["nosuchscheme://bucket/a", "abfs://nobody/x?tls=maybe"])
def test_address_that_cannot_be_opened_is_a_usage_error(address):
    with pytest.raises(ConfigurationError, match=r"check the address|nothing at"):
        find_stored_photographs([address])


@pytest.mark.parametrize(
    ("paths", "count"),
    [
        (["s3://b/a", "s3://b/a/", "s3://b/c"], 1),
        (["real", "./real/", "link", "real/../real"], 3),
        (["real/eye.jpg", "link/eye.jpg", "file://real/eye.jpg", "missing.jpg"], 2),
        # Two links to one photograph are two inputs, and a folder may be named beside one of its files.
        (["real/eye.jpg", "real/second.jpg", "real"], 0),
    ],
)
def test_what_is_named_twice_is_counted(tmp_path, monkeypatch, paths, count):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "eye.jpg").write_bytes(b"x")
    (tmp_path / "real" / "second.jpg").symlink_to("eye.jpg")
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    assert count_named_twice(paths) == count


@pytest.mark.parametrize("wrapped", [True, False])
def test_package_that_a_storage_needs_is_named(monkeypatch, wrapped):
    import fsspec

    def refuse(address: str) -> None:
        missing = ModuleNotFoundError("No module named 'aiohttp'", name="aiohttp.client")
        if not wrapped:
            raise missing
        raise ImportError('HTTPFileSystem requires "aiohttp" to be installed') from missing

    monkeypatch.setattr(fsspec, "url_to_fs", refuse)
    with pytest.raises(ConfigurationError, match=r"package aiohttp, .*: pip install aiohttp$"):
        find_stored_photographs(["http://clinic/eye.jpg"])


def test_other_schemes_go_through_fsspec(fundus_jpeg):
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe_file("/clinic/eye.jpg", fundus_jpeg)
    try:
        (photograph,) = find_stored_photographs(["memory://clinic/"]).photographs
        assert photograph.name == "memory://clinic/eye.jpg"
        assert io.BytesIO(photograph.read_bytes()).getvalue() == fundus_jpeg
    finally:
        memory.rm("/clinic", recursive=True)
