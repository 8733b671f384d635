"""Private folders of uploads: what is taken in, a full disk, and what a killed process left behind."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dr_core.domain.errors import StorageError
from dr_core.screening import spool
from dr_core.screening.spool import BEGUN_PREFIX, LOCK_NAME, ROOT_PREFIX, SpoolRoot, remove_abandoned, spool_uploads


def test_folder_upload_counts_what_is_no_photograph(registry, fundus_jpeg):
    uploads = [
        ("d/eye.jpg", io.BytesIO(fundus_jpeg)),
        ("d/notes.txt", io.BytesIO(b"x")),
        ("d/x", io.BytesIO(fundus_jpeg)),
    ]
    found = spool_uploads(registry.make_spool(), uploads, chosen_outright=False)
    assert [source.name for source in found.photographs] == ["d/eye.jpg", "d/x"]
    assert found.other_files == 1
    outright = spool_uploads(registry.make_spool(), uploads, chosen_outright=True)
    assert [source.name for source in outright.photographs] == ["d/eye.jpg", "d/notes.txt", "d/x"]
    assert outright.photographs[0].read_bytes() == fundus_jpeg


def test_full_disk_refuses_uploads(registry, monkeypatch):
    monkeypatch.setattr("dr_core.screening.spool.RESERVED_BYTES", 10**18)
    with pytest.raises(StorageError, match="almost full"):
        registry.make_spool().add("a.jpg", io.BytesIO(b"x"))


def test_folder_of_a_killed_process_is_removed_and_that_of_a_living_one_is_not(tmp_path):
    code = f"""
import os, signal
from pathlib import Path
from dr_core.screening.spool import SpoolRoot
root = SpoolRoot(Path({str(tmp_path)!r}))
root.make_spool()
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2], timeout=120)
    assert done.returncode == -9
    (abandoned,) = tmp_path.glob(f"{ROOT_PREFIX}*")
    remove_abandoned(tmp_path)
    assert not abandoned.exists()
    living = SpoolRoot(tmp_path)
    another = SpoolRoot(tmp_path)
    remove_abandoned(tmp_path)
    assert living.folder.exists()
    another.remove()
    living.remove()
    assert not list(tmp_path.iterdir())


def test_new_process_makes_room_by_itself(tmp_path):
    (tmp_path / f"{ROOT_PREFIX}old").mkdir()
    (tmp_path / f"{ROOT_PREFIX}old" / LOCK_NAME).touch()
    root = SpoolRoot(tmp_path)
    assert list(tmp_path.iterdir()) == [root.folder]
    root.remove()


def test_nothing_is_abandoned_where_there_is_no_folder(tmp_path):
    remove_abandoned(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_foreign_link_is_not_followed_when_cleaning_up(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / ".lock").touch()
    (tmp_path / f"{ROOT_PREFIX}link").symlink_to(tmp_path / "precious")
    SpoolRoot(tmp_path).remove()
    assert (tmp_path / "precious").exists()


def test_folder_that_is_being_made_is_left_alone_until_it_is_old(tmp_path, monkeypatch):
    seen = []
    flock = spool.fcntl.flock

    def start_another_before(descriptor, operation):
        monkeypatch.setattr(spool.fcntl, "flock", flock)
        another = SpoolRoot(tmp_path)
        seen.append(another.folder)
        another.remove()
        flock(descriptor, operation)

    monkeypatch.setattr(spool.fcntl, "flock", start_another_before)
    first = SpoolRoot(tmp_path)
    assert first.folder.is_dir()
    assert seen[0] != first.folder
    first.remove()
    (tmp_path / f"{BEGUN_PREFIX}old").mkdir()
    os.utime(tmp_path / f"{BEGUN_PREFIX}old", (1, 1))
    SpoolRoot(tmp_path).remove()
    assert not list(tmp_path.iterdir())
