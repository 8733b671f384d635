"""Photographs inside a ZIP file: read one by one, never extracted, and never trusted to be as small as they say.

Names inside the ZIP are only printed. What the ZIP claims is checked before memory is spent on it (entries, sizes,
ratio), because a few kilobytes can unpack to terabytes.
"""

import os
import struct
import zipfile
import zlib
from contextlib import nullcontext
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path
from typing import BinaryIO

from dr_core.domain.errors import PhotographTooLarge, UnreadablePhotograph
from dr_core.imaging.decode import HEAD_BYTES, MAX_BYTES
from dr_core.screening.sources import (
    BatchInput,
    counts_as_photograph,
    format_name,
    has_image_extension,
    name_is_enough,
)

__all__ = ["ArchivedPhotograph", "open_archive"]

MAX_ENTRIES = 20_000
MAX_DIRECTORY_BYTES = 8_000_000
MAX_TOTAL_BYTES = 50_000_000_000
# Photographs hardly shrink; an uncompressed TIFF of a black frame shrinks about a hundredfold.
MAX_RATIO = 250

_ENCRYPTED_FLAG = 0x1
# Of the others zipfile unpacks whatever there is in one step: a megabyte of bzip2 becomes twenty gigabytes of memory.
_BOUNDED_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_END_RECORD = struct.Struct("<4s4H2LH")
_END_MAGIC = b"PK\x05\x06"
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64_LOCATOR_MAGIC = b"PK\x06\x07"
_END64_RECORD = struct.Struct("<4sQ2H2L4Q")
_END64_MAGIC = b"PK\x06\x06"
_END64_DIRECTORY_SIZE = 8
_MAX_COMMENT_BYTES = 65_535
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    EOFError,
    OSError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    struct.error,
)
_CORRUPT = "This is not a ZIP file, or it is damaged: pack the photographs again and retry."


@dataclass(frozen=True, eq=False)
class ArchivedPhotograph:
    """One entry of an open ZIP file; several may be read at the same time.

    Attributes:
        name: the stored name, for printing only.
        archive: the open ZIP file; it closes when its last photograph is forgotten.
        entry: the entry to read.
    """

    name: str
    archive: zipfile.ZipFile
    entry: zipfile.ZipInfo

    def read_bytes(self) -> bytes:
        """Return the unpacked bytes, at most `MAX_BYTES` of them.

        Raises:
            UnreadablePhotograph: the entry is damaged or packed in an unknown way.
            PhotographTooLarge: it unpacks to too much.
        """
        size_bytes, packed_bytes = self.entry.file_size, self.entry.compress_size
        if size_bytes > MAX_BYTES or size_bytes > MAX_RATIO * max(packed_bytes, 1):
            raise PhotographTooLarge(
                f"It would unpack to {size_bytes / 1e6:,.1f} MB from {packed_bytes / 1e6:,.3f} MB, which is not like "
                f"a photograph (limit: {MAX_BYTES / 1e6:,.0f} MB): add the photograph by itself, not in a ZIP."
            )
        if self.entry.compress_type not in _BOUNDED_METHODS:
            raise UnreadablePhotograph(
                "It is packed in a way that ordinary ZIP files do not use: pack the photographs again without special "
                "options."
            )
        try:
            with self.archive.open(self.entry) as stream:
                return stream.read(MAX_BYTES)
        except _DAMAGED as error:
            raise UnreadablePhotograph("It is damaged inside the ZIP: pack the photograph again.") from error

    def fingerprint(self) -> str:
        """Return size and checksum as stored in the ZIP."""
        return f"{self.entry.file_size}-{self.entry.CRC:08x}"


def open_archive(packed: Path | BinaryIO) -> BatchInput:
    """List the photographs of a ZIP file, sorted by name.

    Args:
        packed: a ZIP file on disk, under a name of our own, or its bytes; a stream must stay open while its photographs
            are read.

    Raises:
        UnreadablePhotograph: not a ZIP, damaged, or protected by a password.
        PhotographTooLarge: too many entries, or too much to unpack.
    """
    try:
        with packed.open("rb") if isinstance(packed, Path) else nullcontext(packed) as stream:
            _check_directory_size(stream)
        archive = zipfile.ZipFile(packed)
        entries = [entry for entry in archive.infolist() if not _is_clutter(entry)]
    except _DAMAGED as error:
        raise UnreadablePhotograph(_CORRUPT) from error
    if any(entry.flag_bits & _ENCRYPTED_FLAG for entry in entries):
        raise UnreadablePhotograph("The ZIP is protected by a password: unpack it and drop the folder instead.")
    total_bytes = sum(entry.file_size for entry in entries)
    if len(entries) > MAX_ENTRIES or total_bytes > MAX_TOTAL_BYTES:
        raise PhotographTooLarge(
            f"The ZIP holds {len(entries):,} files with {total_bytes / 1e9:,.1f} GB unpacked; the limit is "
            f"{MAX_ENTRIES:,} files and {MAX_TOTAL_BYTES / 1e9:,.0f} GB: split it into several."
        )
    photographs = [
        ArchivedPhotograph(format_name(entry.filename), archive, entry)
        for entry in sorted(entries, key=lambda entry: entry.filename.split("/"))
        if _holds_photograph(archive, entry)
    ]
    return BatchInput(tuple(photographs), len(entries) - len(photographs))


def _is_clutter(entry: zipfile.ZipInfo) -> bool:
    return entry.is_dir() or entry.filename.split("/")[0] == "__MACOSX"


def _holds_photograph(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    if name_is_enough(entry.filename):
        return has_image_extension(entry.filename)
    if entry.compress_type not in _BOUNDED_METHODS:
        return True
    try:
        with archive.open(entry) as stream:
            return counts_as_photograph(entry.filename, stream.read(HEAD_BYTES))
    except _DAMAGED:
        return True


def _check_directory_size(stream: BinaryIO) -> None:
    """Refuse a table of contents of millions of entries before `zipfile` builds an object for each of them.

    Raises:
        UnreadablePhotograph: there is no table of contents.
        PhotographTooLarge: it is longer than that of `MAX_ENTRIES` files.
    """
    length = stream.seek(0, os.SEEK_END)
    start = max(0, length - _MAX_COMMENT_BYTES - _END_RECORD.size - _END64_LOCATOR.size)
    stream.seek(start)
    tail = stream.read()
    at = tail.rfind(_END_MAGIC)
    size_bytes = _END_RECORD.unpack_from(tail, at)[5] if at >= 0 else -1
    locator_at = at - _END64_LOCATOR.size
    if locator_at >= 0 and tail.startswith(_END64_LOCATOR_MAGIC, locator_at):
        # Some versions of zipfile believe the locator, others look right before it: a forger may serve both.
        places = (_END64_LOCATOR.unpack_from(tail, locator_at)[2], start + locator_at - _END64_RECORD.size)
        size_bytes = max(size_bytes, *(_read_directory_size(stream, place) for place in places))
    if size_bytes < 0:
        raise UnreadablePhotograph(_CORRUPT)
    if size_bytes > MAX_DIRECTORY_BYTES:
        raise PhotographTooLarge(f"The ZIP holds far more than {MAX_ENTRIES:,} files: split it into several.")


def _read_directory_size(stream: BinaryIO, place: int) -> int:
    """Return what a ZIP64 end record at `place` says of the table of contents; 0 where there is no such record."""
    if place < 0:
        return 0
    stream.seek(place)
    data = stream.read(_END64_RECORD.size)
    if len(data) < _END64_RECORD.size or not data.startswith(_END64_MAGIC):
        return 0
    return int(_END64_RECORD.unpack(data)[_END64_DIRECTORY_SIZE])
