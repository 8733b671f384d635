"""Private folders for uploads and results of batches: readable by this account only, and gone when the program ends."""

import fcntl
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from dr_core.domain.errors import StorageError
from dr_core.imaging.decode import HEAD_BYTES
from dr_core.screening.sources import BatchInput, DiskPhotograph, counts_as_photograph, format_name

__all__ = ["Spool", "SpoolRoot", "remove_abandoned", "spool_uploads"]

ROOT_PREFIX = "retinadesk-batches-"
BEGUN_PREFIX = f".{ROOT_PREFIX}"
LOCK_NAME = ".lock"
# A folder this young without a lock may belong to a program that is just starting.
GRACE_S = 600.0
COPY_BYTES = 1024 * 1024
RESERVED_BYTES = 500_000_000


class Spool:
    """The folder of one batch; files in it have generated names."""

    def __init__(self, folder: Path) -> None:
        """Make the folder.

        Raises:
            StorageError: the disk refused.
        """
        self.folder = folder
        self._files = 0
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise _explain(error) from error

    def add(self, name: str, stream: BinaryIO) -> DiskPhotograph:
        """Copy one upload to disk.

        Args:
            name: the name it was uploaded under; only printed, never used as a path.
            stream: its bytes, at their beginning.

        Raises:
            StorageError: the disk is full or refused.
        """
        self._files += 1
        path = self.folder / f"upload_{self._files:06d}"
        try:
            if shutil.disk_usage(self.folder).free < RESERVED_BYTES:
                raise StorageError("The server's disk is almost full: ask its administrator, or send fewer files.")
            with path.open("xb") as target:
                shutil.copyfileobj(stream, target, COPY_BYTES)
        except OSError as error:
            raise _explain(error) from error
        return DiskPhotograph(format_name(name), str(path))

    def remove(self) -> None:
        """Delete the folder and everything in it."""
        shutil.rmtree(self.folder, ignore_errors=True)


class SpoolRoot:
    """The folder that holds all spools of one process, and removes those that killed processes left behind."""

    def __init__(self, parent: Path) -> None:
        """Make the folder under `parent`.

        Raises:
            StorageError: the disk refused.
        """
        remove_abandoned(parent)
        try:
            parent.mkdir(parents=True, exist_ok=True)
            # Named as others look for it once it is locked: a process that starts now would take it for abandoned.
            made = Path(tempfile.mkdtemp(prefix=BEGUN_PREFIX, dir=parent))
            self._lock = os.open(made / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.folder = made.rename(parent / made.name.replace(BEGUN_PREFIX, ROOT_PREFIX, 1))
        except OSError as error:
            raise _explain(error) from error

    def make_spool(self) -> Spool:
        """Return a new private folder under a name that cannot be guessed.

        Raises:
            StorageError: the disk refused.
        """
        return Spool(self.folder / secrets.token_hex(16))

    def remove(self) -> None:
        """Delete everything and let go of the lock."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)


def spool_uploads(spool: Spool, uploads: Iterable[tuple[str, BinaryIO]], *, chosen_outright: bool) -> BatchInput:
    """Copy uploads to disk, sorted by name.

    Args:
        spool: where to.
        uploads: name and bytes of each.
        chosen_outright: whether the user chose each file, so that all of them count; else they are the content of a
            folder, in which what is no photograph is only counted.

    Raises:
        StorageError: the disk is full or refused.
    """
    photographs = []
    other_files = 0
    for name, stream in sorted(uploads, key=lambda upload: upload[0].split("/")):
        stream.seek(0)
        head = stream.read(HEAD_BYTES)
        if not chosen_outright and not counts_as_photograph(name, head):
            other_files += 1
            continue
        stream.seek(0)
        photographs.append(spool.add(name, stream))
    return BatchInput(tuple(photographs), other_files)


def remove_abandoned(parent: Path) -> None:
    """Remove the folders under `parent` that killed processes left behind; those of living ones stay."""
    for folder in chain(parent.glob(f"{ROOT_PREFIX}*"), parent.glob(f"{BEGUN_PREFIX}*")):
        try:
            status = folder.lstat()
            if folder.is_symlink() or not folder.is_dir() or status.st_uid != os.getuid():
                continue
            if folder.name.startswith(BEGUN_PREFIX) or not (folder / LOCK_NAME).exists():
                if time.time() - status.st_mtime > GRACE_S:
                    shutil.rmtree(folder, ignore_errors=True)
                continue
            lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            # A living process holds this lock; the system lets go of it when the process dies, however it dies.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue
        finally:
            os.close(lock)


def _explain(error: OSError) -> StorageError:
    return StorageError(
        f"The server could not keep the files of this batch ({error.strerror}): ask its administrator to check the "
        "folder for batches and its free space."
    )
