"""Where the photographs of a batch come from, and how their bytes are read without ever hanging.

A source knows a name to print and how to fetch bytes. Folders are listed in `folder`, ZIP files in `archive`; uploads
are spooled to disk first and are then files like any other.
"""

# Paths stay strings, byte for byte as they were given: `Path` would rewrite them.
# ruff: noqa: PTH116, PTH119, PTH122, PTH123

import errno
import os
import re
import stat
from dataclasses import dataclass
from typing import Protocol

from dr_core.domain.errors import PhotographTooLarge, UnreadablePhotograph
from dr_core.imaging.decode import HEAD_BYTES, IMAGE_EXTENSIONS, MAX_BYTES, looks_like_image
from dr_core.screening.allowed_place import require_opened_within, resolve_within
from dr_core.screening.overlay_mark import has_overlay_name, is_overlay

__all__ = [
    "BatchInput",
    "BrokenSource",
    "DiskPhotograph",
    "PhotographSource",
    "counts_as_photograph",
    "format_name",
    "has_image_extension",
    "lacks_extension",
    "name_is_enough",
    "read_head",
]

# Image formats that are not accepted still get their row, so that nobody believes them graded.
ROW_EXTENSIONS = IMAGE_EXTENSIONS.union(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpx", ".webp"},
    {".arw", ".cr2", ".cr3", ".dib", ".dng", ".jxl", ".mpo", ".nef", ".orf", ".psd"},
)
APPLE_DOUBLE_MAGIC = b"\x00\x05\x16\x07"
DICOM_DIRECTORY = "DICOMDIR"  # lists the other files of a disc, and is a DICOM file itself

# Where the last dot only looks like the start of one: "Dr. Smith OD", "eye.jpg (1)", "eye.jpg~", "1.2.840.113.A1".
_EXTENSION = re.compile(r"\.(?=[0-9]*[a-z])[a-z0-9]{1,5}")
_DOTTED_NUMBER = re.compile(r"[0-9.]+\.[A-Za-z][0-9]+")
_UNPRINTABLE = re.compile("[\ud800-\udfff\x00]")
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_FILE = "This is a pipe or a device, not a file: save the photograph as a file."
_REASONS = {
    errno.EACCES: "Permission to read it was refused: allow this account to read the file, and run again.",
    errno.EPERM: "Permission to read it was refused: allow this account to read the file, and run again.",
    errno.ENOENT: "There is no such file, or its link leads nowhere: check the path.",
    errno.ENOTDIR: "There is no such file: check the path.",
    errno.ELOOP: "Its link leads back to itself: replace the link by the file.",
    errno.ENAMETOOLONG: "Its path is too long for this system: move it to a shorter path.",
}


class PhotographSource(Protocol):
    """One photograph of a batch before its bytes are read."""

    @property
    def name(self) -> str:
        """Name or path to print: valid Unicode, otherwise untrusted."""

    def read_bytes(self) -> bytes:
        """Return the bytes of the file.

        Raises:
            UnreadablePhotograph: the bytes cannot be had; the message says why and what to do.
            PhotographTooLarge: there are more bytes than a photograph may have.
        """

    def fingerprint(self) -> str:
        """Return a text that changes when the file changes; empty when that cannot be told."""


@dataclass(frozen=True)
class BatchInput:
    """What was found, in the order of the report.

    Attributes:
        photographs: one source for each row of the report.
        other_files: files that are not photographs; counted, not graded.
        linked_folders: links to folders, which are not followed.
    """

    photographs: tuple[PhotographSource, ...]
    other_files: int = 0
    linked_folders: int = 0


@dataclass(frozen=True)
class DiskPhotograph:
    """A file on disk.

    Attributes:
        name: what to print.
        path: where it is; may hold bytes that are not UTF-8, as Python's surrogate escapes.
        roots: real paths of the folders that the file must lie in once its links are resolved; empty for anywhere.
    """

    name: str
    path: str
    roots: tuple[str, ...] = ()

    def read_bytes(self) -> bytes:
        """Return the file's bytes; a pipe, a device or a folder is refused before it is opened.

        Raises:
            UnreadablePhotograph: missing, forbidden, not a regular file, or outside `roots`.
            PhotographTooLarge: more than `MAX_BYTES`.
        """
        try:
            return _read_regular_file(self.path, self.roots)
        except OSError as error:
            raise UnreadablePhotograph(_explain(error)) from error

    def fingerprint(self) -> str:
        """Return size and modification time of a regular file; empty for anything else."""
        try:
            status = os.stat(self.path)
        except (OSError, ValueError):
            return ""
        return f"{status.st_size}-{status.st_mtime_ns}" if stat.S_ISREG(status.st_mode) else ""


@dataclass(frozen=True)
class BrokenSource:
    """Something that ought to hold a photograph but is known to be out of reach; it still gets its row."""

    name: str
    problem: str

    def read_bytes(self) -> bytes:
        """Raise the problem.

        Raises:
            UnreadablePhotograph: always.
        """
        raise UnreadablePhotograph(self.problem)

    def fingerprint(self) -> str:
        """Return the empty text: it is looked at again in the next run."""
        return ""


def format_name(name: str) -> str:
    r"""Return `name` as valid Unicode: a byte that is not UTF-8 becomes ``\xff``, as Python would print it."""
    return _UNPRINTABLE.sub(_escape_character, name)


def _escape_character(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code & 0xFF:02x}" if code == 0 or 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def has_image_extension(name: str) -> bool:
    """Return True when the name says image; formats that are not accepted count, so that they get their row."""
    return _find_extension(name) in ROW_EXTENSIONS


def lacks_extension(name: str) -> bool:
    """Return True when only the content can tell; ".0007" or ". Smith OD" does not say what is in a file."""
    return not _find_extension(name)


def name_is_enough(name: str) -> bool:
    """Return True when `has_image_extension` tells whether a file is a photograph, without a look into it."""
    if has_image_extension(name):
        return not (_find_base(name).startswith("._") or has_overlay_name(name))
    return not lacks_extension(name)


def counts_as_photograph(name: str, head: bytes) -> bool:
    """Return True when a file found in a folder or a ZIP is a photograph by its extension, or else by its content.

    Args:
        name: file name or path.
        head: the first bytes of the file; may be empty when the name tells.
    """
    if has_image_extension(name):
        # macOS leaves a "._eye.jpg" of another kind beside each "eye.jpg" on foreign disks.
        double = _find_base(name).startswith("._") and head.startswith(APPLE_DOUBLE_MAGIC)
        return not (double or is_overlay(name, head))
    # DICOM files mostly have no extension, or a number that looks like one.
    return lacks_extension(name) and looks_like_image(head) and _find_base(name) != DICOM_DIRECTORY


def _find_base(name: str) -> str:
    return os.path.basename(name.replace("\\", "/"))


def _find_extension(name: str) -> str:
    extension = os.path.splitext(base := _find_base(name))[1].strip().lower()
    return extension if _EXTENSION.fullmatch(extension) and not _DOTTED_NUMBER.fullmatch(base) else ""


def read_head(path: str, roots: tuple[str, ...] = ()) -> bytes:
    """Return the first `HEAD_BYTES` of a regular file, and nothing of anything else.

    Raises:
        OSError: the file cannot be opened.
        UnreadablePhotograph: it lies outside `roots`, and has not been looked at.
    """
    target = resolve_within(path, roots)
    if not stat.S_ISREG(os.stat(target).st_mode):
        return b""
    with open(os.open(target, _READ_FLAGS), "rb") as stream:
        require_opened_within(stream.fileno(), roots)
        return stream.read(HEAD_BYTES) or b""


def _read_regular_file(path: str, roots: tuple[str, ...]) -> bytes:
    target = resolve_within(path, roots)
    _require_photograph_file(os.stat(target))
    with open(os.open(target, _READ_FLAGS), "rb") as stream:
        # Looked at twice: the file, or a folder on its way, may have been replaced between the two calls.
        require_opened_within(stream.fileno(), roots)
        _require_photograph_file(os.fstat(stream.fileno()))
        data: bytes | None = stream.read(MAX_BYTES + 1)
    if data is None:
        # Files of /proc that call themselves regular may have nothing to say at the moment.
        raise UnreadablePhotograph(_NO_FILE)
    if len(data) > MAX_BYTES:
        raise PhotographTooLarge(_too_large(len(data)))
    return data


def _require_photograph_file(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise UnreadablePhotograph("This is a folder, not a photograph: give it a name that does not end like one.")
    if not stat.S_ISREG(status.st_mode):
        raise UnreadablePhotograph(_NO_FILE)
    if status.st_size > MAX_BYTES:
        raise PhotographTooLarge(_too_large(status.st_size))


def _too_large(size_bytes: int) -> str:
    size, limit = (f"{count / 1e6:,.0f} MB" for count in (size_bytes, MAX_BYTES))
    return f"The file has {size}, and {limit} is the limit: export the photograph as JPEG."


def _explain(error: OSError) -> str:
    reason = _REASONS.get(error.errno or 0)
    return reason or f"It could not be read ({error.strerror or 'input/output error'}): check the disk, and run again."
