"""A file outside the allowed folders is not read, even if a folder is exchanged for a link at the last moment."""

import os
import sys

import pytest

from dr_core.domain.errors import UnreadablePhotograph
from dr_core.screening import allowed_place, sources
from dr_core.screening.allowed_place import require_opened_within, resolve_within
from dr_core.screening.sources import DiskPhotograph

tells_places = pytest.mark.skipif(
    sys.platform not in ("linux", "darwin"), reason="this system does not tell where an open file lies"
)


@pytest.fixture
def exchanged(tmp_path, monkeypatch) -> DiskPhotograph:
    """A photograph whose folder becomes a link after its path has been looked at."""
    root, secret = tmp_path / "root", tmp_path / "secret"
    for folder in (root / "day1", secret):
        folder.mkdir(parents=True)
        (folder / "eye.jpg").write_bytes(folder.name.encode())

    def exchange(path: str, roots: tuple[str, ...]) -> str:
        target = resolve_within(path, roots)
        (root / "day1").rename(root / "day2")
        (root / "day1").symlink_to(secret)
        return target

    monkeypatch.setattr(sources, "resolve_within", exchange)
    return DiskPhotograph("eye.jpg", str(root / "day1" / "eye.jpg"), (str(root),))


@tells_places
def test_folder_exchanged_for_a_link_leads_nowhere(exchanged):
    with pytest.raises(UnreadablePhotograph, match="outside the allowed folders"):
        exchanged.read_bytes()


@tells_places
def test_not_even_the_first_bytes_are_looked_at(exchanged):
    with pytest.raises(UnreadablePhotograph, match="outside the allowed folders"):
        sources.read_head(exchanged.path, exchanged.roots)


def test_system_that_does_not_tell_goes_by_the_path(exchanged, monkeypatch):
    monkeypatch.setattr(allowed_place, "_OPEN_FILES", "/nowhere")
    monkeypatch.delattr(allowed_place.fcntl, "F_GETPATH", raising=False)
    assert exchanged.read_bytes() == b"secret"


def test_file_in_an_allowed_folder_is_read_whatever_its_name(tmp_path):
    roots = (str(tmp_path / "other"), os.path.realpath(tmp_path))
    path = tmp_path / "\udcff eye (deleted).jpg"
    path.write_bytes(b"photograph")
    name = str(path)
    assert DiskPhotograph("eye", name, roots).read_bytes() == b"photograph"
    assert DiskPhotograph("eye", name, ("/",)).read_bytes() == b"photograph"
    assert sources.read_head(name, roots) == b"photograph"
    with path.open("rb") as stream:
        path.unlink()
        require_opened_within(stream.fileno(), roots)


@tells_places
def test_folder_that_the_system_calls_otherwise_is_still_allowed(tmp_path):
    # A link stands for what is one folder under two names, such as Photos and photos on other systems.
    (tmp_path / "photos").mkdir()
    (tmp_path / "Photos").symlink_to(tmp_path / "photos")
    (tmp_path / "photos" / "eye.jpg").write_bytes(b"photograph")
    with (tmp_path / "photos" / "eye.jpg").open("rb") as stream:
        require_opened_within(stream.fileno(), (str(tmp_path / "Photos"),))
        with pytest.raises(UnreadablePhotograph, match="outside the allowed folders"):
            require_opened_within(stream.fileno(), (str(tmp_path / "gone"),))


def test_neighbour_of_an_allowed_folder_is_outside(tmp_path):
    for name in ("root", "root2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "eye.jpg").write_bytes(b"photograph")
    roots = (str(tmp_path / "root"),)
    path = tmp_path / "root2" / "eye.jpg"
    with pytest.raises(UnreadablePhotograph, match="outside the allowed folders"):
        resolve_within(str(path), roots)
    with path.open("rb") as stream:
        require_opened_within(stream.fileno(), ())
        if sys.platform in ("linux", "darwin"):
            with pytest.raises(UnreadablePhotograph, match="outside the allowed folders"):
                require_opened_within(stream.fileno(), roots)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="every file lies on a disk here")
def test_file_on_no_disk_is_outside(tmp_path):
    descriptor = os.memfd_create("x")
    try:
        with pytest.raises(UnreadablePhotograph, match="outside the allowed folders"):
            require_opened_within(descriptor, (str(tmp_path),))
    finally:
        os.close(descriptor)
