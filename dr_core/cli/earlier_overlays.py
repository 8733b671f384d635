"""Overlays that other runs left in a folder: the index of this run does not list them, so it says that they are there.

They are counted and left alone: whoever collects the overlays of several reports in one folder must lose none.
"""

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from dr_core.screening.overlay_mark import has_overlay_name, is_overlay
from dr_core.screening.sources import read_head

__all__ = ["count_other_overlays"]


def count_other_overlays(folder: Path, own: Collection[str]) -> int:
    """Return how many files of a folder have the name and the mark of an overlay, and are none of this run's.

    Args:
        folder: of the overlays.
        own: file names of this run's overlays.
    """
    try:
        return sum(path.name not in own and _is_overlay(path) for path in folder.iterdir())
    except OSError:
        return 0


def _is_overlay(path: Path) -> bool:
    # What cannot be looked at is nobody's overlay.
    with suppress(OSError):
        return has_overlay_name(path.name) and path.is_file() and is_overlay(path.name, read_head(str(path)))
    return False
