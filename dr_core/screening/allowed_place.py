"""Whether a file lies in the folders that may be read: looked at by its path, and once more when it is open.

A path alone does not tell: whoever may write in an allowed folder can exchange a folder for a link between the look
and the opening.
"""

# Paths stay strings, byte for byte as they were given: `Path` would rewrite them.
# ruff: noqa: PTH115

import fcntl
import os

from dr_core.domain.errors import UnreadablePhotograph

__all__ = ["require_opened_within", "resolve_within"]

_OUTSIDE = "Its link leads outside the allowed folders: copy the file into the folder."
_OPEN_FILES = "/proc/self/fd"
_PATH_BYTES = 1024


def resolve_within(path: str, roots: tuple[str, ...]) -> str:
    """Return the path without links.

    Args:
        path: of a file that exists.
        roots: real paths of the folders it must lie in; empty for anywhere.

    Raises:
        OSError: it does not exist or cannot be looked at.
        UnreadablePhotograph: it lies outside `roots`.
    """
    target = os.path.realpath(path, strict=True)
    if roots and not _lies_within(target, roots):
        raise UnreadablePhotograph(_OUTSIDE)
    return target


def require_opened_within(descriptor: int, roots: tuple[str, ...]) -> None:
    """Refuse an open file that lies outside `roots`, by whatever path it was opened.

    Raises:
        UnreadablePhotograph: it does.
    """
    place = _find_place(descriptor) if roots else None
    if place is None or _lies_within(place, roots):
        return
    # A system that takes Photos and photos for one folder may call it otherwise than the settings do.
    if not _lies_within(place, tuple(_name_open(root) for root in roots)):
        raise UnreadablePhotograph(_OUTSIDE)


def _lies_within(path: str, roots: tuple[str, ...]) -> bool:
    # What lies on no disk in sight has a place that begins otherwise, which `commonpath` would not compare.
    return path.startswith(os.sep) and any(os.path.commonpath((root, path)) == root for root in roots)


def _name_open(root: str) -> str:
    """Return the name that an allowed folder has once it is open, as the system names what lies in it."""
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return root
    try:
        return _find_place(descriptor) or root
    finally:
        os.close(descriptor)


def _find_place(descriptor: int) -> str | None:
    """Return where an open file lies; None on a system that does not tell."""
    ask_path: int | None = getattr(fcntl, "F_GETPATH", None)  # macOS
    try:
        if ask_path is not None:
            return os.fsdecode(fcntl.fcntl(descriptor, ask_path, bytes(_PATH_BYTES)).rstrip(b"\0"))
        return os.readlink(f"{_OPEN_FILES}/{descriptor}")
    except OSError:
        return None
