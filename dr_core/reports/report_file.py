"""A report that grows beside its name, and stands under it complete or not at all: as bytes, or as text."""

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from dr_core.domain.errors import StorageError
from dr_core.screening.part_file import PartFile

__all__ = ["ReportFile", "TextFile"]


class ReportFile:
    """A file that grows under another name and takes its own when it is complete.

    Use as a context manager: leaving it normally puts the file in its place, leaving it by an exception removes what
    was written and leaves an older file alone.
    """

    def __init__(self, path: Path, *, encoding: str | None = None) -> None:
        """Open the file.

        Args:
            path: where it will stand; a link is written through, not replaced.
            encoding: of texts; None for bytes.

        Raises:
            StorageError: it cannot be written there.
        """
        self._path = Path(os.path.realpath(path))
        try:
            self._part = PartFile(self._path)
        except OSError as error:
            raise self._explain(error) from error
        mode, newline = ("wb", None) if encoding is None else ("w", "")
        self._stream: IO[Any] = os.fdopen(self._part.descriptor, mode, encoding=encoding, newline=newline)

    def __enter__(self) -> Self:
        """Return the file itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Put the complete file in its place, or clear away a part of one."""
        try:
            if kind is None:
                self._complete()
                self._stream.flush()
                os.fsync(self._stream.fileno())
                self._part.take_place()
        except OSError as failure:
            raise self._explain(failure) from failure
        finally:
            # On a full disk closing fails too, and the part is what takes the room.
            self._part.clear()
            self._close()

    def _complete(self) -> None:
        """Write what has been held back so far."""

    def _close(self) -> None:
        """Let go of the stream, whatever the disk says."""
        with suppress(OSError):
            self._stream.close()

    def _explain(self, error: OSError) -> StorageError:
        return StorageError(
            f"{self._path.name} cannot be written ({error.strerror}): check its folder and the free space."
        )


class TextFile(ReportFile):
    """A report in UTF-8."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            StorageError: it cannot be written there.
        """
        super().__init__(path, encoding="utf-8")

    def write(self, text: str) -> None:
        """Add `text`, which brings its own line ends.

        Raises:
            StorageError: the disk refused.
        """
        try:
            self._stream.write(text)
        except OSError as error:
            raise self._explain(error) from error
