"""A report in text that is written line by line, and stands under its name complete or not at all."""

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from dr_core.domain.errors import StorageError
from dr_core.screening.part_file import PartFile

__all__ = ["TextFile", "explain_refusal"]


class TextFile:
    """A file in UTF-8 that grows under another name and takes its own when it is complete.

    Use as a context manager: leaving it normally puts the file in its place, leaving it by an exception removes what
    was written and leaves an older file alone.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            StorageError: it cannot be written there.
        """
        # A link is written through, not replaced.
        self._path = Path(os.path.realpath(path))
        try:
            self._part = PartFile(self._path)
        except OSError as error:
            raise explain_refusal(path, error) from error
        self._stream = os.fdopen(self._part.descriptor, "w", encoding="utf-8", newline="")

    def __enter__(self) -> Self:
        """Return the file itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Put the complete file in its place, or clear away a part of one."""
        try:
            if kind is None:
                self._stream.flush()
                os.fsync(self._stream.fileno())
                self._part.take_place()
        except OSError as failure:
            raise explain_refusal(self._path, failure) from failure
        finally:
            # On a full disk closing fails too, and the part is what takes the room.
            self._part.clear()
            with suppress(OSError):
                self._stream.close()

    def write(self, text: str) -> None:
        """Add `text`, which brings its own line ends.

        Raises:
            StorageError: the disk refused.
        """
        try:
            self._stream.write(text)
        except OSError as error:
            raise explain_refusal(self._path, error) from error


def explain_refusal(path: Path, error: OSError) -> StorageError:
    """Return what to say when the disk refused a report."""
    return StorageError(f"{path.name} cannot be written ({error.strerror}): check its folder and the free space.")
