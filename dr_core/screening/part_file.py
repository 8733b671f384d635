"""A file that grows under another name, such as ``report.csv.part``, and takes its own when it is complete.

Two runs may write one file, such as the index of a folder of overlays: each locks a part of its own. What a killed run
left is locked by nobody, and made anew; a file of the same name that somebody else made stays.

Whoever may read the file that is replaced may read the new one, and nobody else: not even while it grows.
"""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from dr_core.screening.part_rights import find_rights, mark_as_part, take_rights, unmark, was_begun_here

__all__ = ["PART_SUFFIX", "PartFile"]

PART_SUFFIX = ".part"
_LOOK_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAKE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
# Of another account's file, and of a socket.
_NOT_TO_OPEN = (errno.EACCES, errno.EPERM, errno.ENXIO, errno.EOPNOTSUPP)


class PartFile:
    """The part of one file.

    Attributes:
        descriptor: to write to; open and locked, until its owner closes it, last of all.
    """

    def __init__(self, path: Path) -> None:
        """Make the part of `path`.

        Raises:
            OSError: it cannot be written there.
        """
        self._path = path
        self._placed = False
        number = 1
        while True:
            self._part = path.with_name(path.name + (f".{number}" if number > 1 else "") + PART_SUFFIX)
            if not _clear_away(self._part):
                number += 1
                continue
            descriptor = _make_locked(self._part, path)
            if descriptor is not None:
                self.descriptor = descriptor
                return

    def take_place(self) -> None:
        """Give the complete part the name of the file.

        Raises:
            OSError: the disk refused.
        """
        # Somebody may have locked the older file away while this one grew.
        take_rights(self.descriptor, find_rights(self._path))
        self._part.replace(self._path)
        self._placed = True
        unmark(self.descriptor)

    def clear(self) -> None:
        """Remove the part, unless it has taken its place: another run may have made one of this name since."""
        if not self._placed:
            with suppress(OSError):
                self._part.unlink(missing_ok=True)


def _clear_away(part: Path) -> bool:
    """Remove what a killed run left under the name of a part; return False when the name is taken."""
    try:
        found = os.open(part, _LOOK_FLAGS)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno in _NOT_TO_OPEN:
            part.lstat()  # raises where it is the folder that may not be searched
            return False
        if error.errno != errno.ELOOP:
            raise
        part.unlink(missing_ok=True)  # a forged link, which holds nothing itself
        return True
    try:
        if not (_lock(found) and was_begun_here(found)):
            return False
        # Looked at under the lock: another run may have cleared it away, and made its own, in the meantime.
        if _is_at(found, part):
            part.unlink(missing_ok=True)
    finally:
        os.close(found)
    return True


def _make_locked(part: Path, path: Path) -> int | None:
    """Make a part of `path` that nobody else holds; None when another run came in between."""
    rights = find_rights(path)
    try:
        # Whoever has opened it once may read what is written later: it is never open to more than it will be.
        descriptor = os.open(part, _MAKE_FLAGS, 0o666 if rights is None else 0o600)
    except FileExistsError:
        return None
    if _lock(descriptor) and _is_at(descriptor, part):
        mark_as_part(descriptor)
        take_rights(descriptor, rights)
        return descriptor
    os.close(descriptor)
    return None


def _lock(descriptor: int) -> bool:
    """Lock a file; False when another run holds it. A disk that knows no locks holds nothing for anybody."""
    with suppress(OSError):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False
