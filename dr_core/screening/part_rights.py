"""Who may read a file that is being written anew, and whether a part of one is ours."""

import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

__all__ = ["find_rights", "mark_as_part", "take_rights", "unmark", "was_begun_here"]

_MARK = "user.retinadesk.part"


def find_rights(path: Path) -> os.stat_result | None:
    """Return owner, group and mode of the file that is to be replaced; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def take_rights(descriptor: int, rights: os.stat_result | None) -> None:
    """Give an open file the rights of another, as far as this account may; None leaves those that it has."""
    if rights is None:
        return
    mode = stat.S_IMODE(rights.st_mode) & 0o777
    # An administrator keeps the owner, who may be the only one to read it; others keep at least the group.
    for owner in (rights.st_uid, -1):
        with suppress(OSError):
            os.fchown(descriptor, owner, rights.st_gid)
            break
    if os.fstat(descriptor).st_gid != rights.st_gid:
        # The group that it has instead is just anybody.
        mode = mode & ~stat.S_IRWXG | (mode & stat.S_IRWXO) << 3
    with suppress(OSError):  # a disk that knows no rights
        os.fchmod(descriptor, mode)


def mark_as_part(descriptor: int) -> None:
    """Note beside the content of a file that it is a part of ours, where the disk can keep such a note."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setxattr(descriptor, _MARK, b"1")


def unmark(descriptor: int) -> None:
    """Take the note away from a file that is complete."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.removexattr(descriptor, _MARK)


def was_begun_here(descriptor: int) -> bool:
    """Return True for a part of ours, for an empty file, and where the disk keeps no notes, so that nobody can tell."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return False
    if status.st_size == 0 or sys.platform != "linux":
        return True
    try:
        os.getxattr(descriptor, _MARK)
    except OSError as error:
        return error.errno != errno.ENODATA
    return True
