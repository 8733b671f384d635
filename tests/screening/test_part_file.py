"""A file grows under another name, and two runs that write the same file do not take each other's part away."""

import errno
import os
import socket
import stat
import sys
from contextlib import closing
from pathlib import Path

import pytest

from dr_core.screening.part_file import PartFile
from dr_core.screening.part_rights import take_rights


def test_part_takes_the_name_of_the_file(tmp_path):
    part = PartFile(tmp_path / "index.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["index.csv.part"]
    os.write(part.descriptor, b"whole")
    part.take_place()
    part.clear()
    os.close(part.descriptor)
    assert [path.name for path in tmp_path.iterdir()] == ["index.csv"]
    assert (tmp_path / "index.csv").read_bytes() == b"whole"


def test_two_runs_have_a_part_each_and_the_last_one_stays(tmp_path):
    first, second = PartFile(tmp_path / "index.csv"), PartFile(tmp_path / "index.csv")
    os.write(first.descriptor, b"first")
    os.write(second.descriptor, b"second")
    for part, content in ((first, b"first"), (second, b"second")):
        part.take_place()
        assert (tmp_path / "index.csv").read_bytes() == content
        part.clear()
        os.close(part.descriptor)
    assert [path.name for path in tmp_path.iterdir()] == ["index.csv"]


def test_what_a_killed_run_left_is_made_anew(tmp_path):
    killed = PartFile(tmp_path / "index.csv")
    os.write(killed.descriptor, b"torn")
    os.close(killed.descriptor)
    part = PartFile(tmp_path / "index.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["index.csv.part"]
    assert (tmp_path / "index.csv.part").read_bytes() == b""
    part.clear()
    os.close(part.descriptor)
    assert not list(tmp_path.iterdir())


def test_part_that_has_taken_its_place_does_not_clear_away_the_next_runs(tmp_path):
    first = PartFile(tmp_path / "index.csv")
    first.take_place()
    second = PartFile(tmp_path / "index.csv")
    first.clear()
    os.close(first.descriptor)
    second.take_place()
    os.close(second.descriptor)
    assert [path.name for path in tmp_path.iterdir()] == ["index.csv"]


def test_folder_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        PartFile(tmp_path / "nowhere" / "index.csv")
    with pytest.raises(OSError, match="too long"):
        PartFile(tmp_path / ("x" * 252))


@pytest.mark.skipif(sys.platform != "linux", reason="no notes beside the content of a file")
def test_file_that_somebody_else_made_is_left_alone(tmp_path):
    (tmp_path / "index.csv.part").write_bytes(b"mine")
    try:
        os.setxattr(tmp_path / "index.csv.part", "user.test", b"1")
    except OSError:
        pytest.skip("this disk keeps no notes beside the content of a file")
    write(tmp_path / "index.csv", b"whole")
    assert (tmp_path / "index.csv.part").read_bytes() == b"mine"
    assert (tmp_path / "index.csv").read_bytes() == b"whole"
    assert os.listxattr(tmp_path / "index.csv") == []


def test_disk_that_keeps_no_notes_tells_nobodys_part_from_ours(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    for name in ("getxattr", "setxattr", "removexattr"):
        monkeypatch.setattr(os, name, refuse, raising=False)
    (tmp_path / "index.csv.part").write_bytes(b"of a killed run")
    write(tmp_path / "index.csv", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["index.csv"]


def test_what_is_no_file_under_the_name_of_the_part_is_left_alone(tmp_path):
    (tmp_path / "index.csv.part").mkdir()
    os.mkfifo(tmp_path / "index.csv.2.part")
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "index.csv.3.part"))
        write(tmp_path / "index.csv", b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "index.csv",
        "index.csv.2.part",
        "index.csv.3.part",
        "index.csv.part",
    ]


def test_another_accounts_part_is_left_alone_and_a_closed_folder_is_told(tmp_path, monkeypatch):
    open_file = os.open

    def refuse(path, flags, *rest):
        # The account that runs the tests may be allowed to open everything.
        if Path(path).name == "index.csv.part":
            raise PermissionError(errno.EACCES, "Permission denied")
        return open_file(path, flags, *rest)

    monkeypatch.setattr(os, "open", refuse)
    (tmp_path / "index.csv.part").write_bytes(b"theirs")
    write(tmp_path / "index.csv", b"whole")
    assert (tmp_path / "index.csv.part").read_bytes() == b"theirs"
    (tmp_path / "index.csv.part").unlink()
    with pytest.raises(OSError, match="No such file"):
        PartFile(tmp_path / "index.csv")


def test_new_file_follows_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path / "index.csv", b"new")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "index.csv") == 0o640


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
def test_rewritten_file_keeps_its_protection_even_while_it_grows(tmp_path, mode):
    path = tmp_path / "index.csv"
    path.write_bytes(b"older")
    path.chmod(mode)
    part = PartFile(path)
    assert mode_of(tmp_path / "index.csv.part") == mode
    os.write(part.descriptor, b"newer")
    part.take_place()
    os.close(part.descriptor)
    assert mode_of(path) == mode
    assert path.read_bytes() == b"newer"


def test_file_that_is_locked_away_during_the_run_stays_so(tmp_path):
    path = tmp_path / "index.csv"
    path.write_bytes(b"older")
    path.chmod(0o644)
    part = PartFile(path)
    path.chmod(0o600)
    part.take_place()
    os.close(part.descriptor)
    assert mode_of(path) == 0o600


def test_group_that_cannot_be_kept_gets_the_rights_of_anybody(tmp_path, monkeypatch):
    path = tmp_path / "index.csv"
    path.write_bytes(b"older")
    path.chmod(0o664)
    others = os.stat_result([*path.stat()[:5], path.stat().st_gid + 1, *path.stat()[6:]])
    asked = []

    def refuse(descriptor: int, owner: int, group: int) -> None:
        asked.append((owner, group))
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refuse)
    with path.open("rb") as stream:
        take_rights(stream.fileno(), others)
    assert mode_of(path) == 0o644
    assert asked == [(others.st_uid, others.st_gid), (-1, others.st_gid)]


@pytest.mark.skipif(os.getuid() != 0, reason="only an administrator gives files away")
def test_administrator_leaves_a_file_to_its_owner(tmp_path):
    path = tmp_path / "index.csv"
    path.write_bytes(b"older")
    os.chown(path, 4711, 4712)
    path.chmod(0o600)
    write(path, b"newer")
    assert (path.stat().st_uid, path.stat().st_gid, mode_of(path)) == (4711, 4712, 0o600)


def write(path: Path, content: bytes) -> None:
    part = PartFile(path)
    os.write(part.descriptor, content)
    part.take_place()
    os.close(part.descriptor)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
