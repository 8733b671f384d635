"""Find the bars along a picture's sides: a banner with the patient's name, a viewer's panel, a strip of the exposure.

A page surrounds the photograph (`dr_core.imaging.page`); a bar runs along one whole side of it. Its colour would count
as a second lit field, or pass for lit retina where the field is cut off at that side.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from dr_core.domain.photograph import UInt8Array
from dr_core.imaging.page import DARK_PAGE_LEVEL, DARK_SPREAD_LEVELS, EDGE_PX, PAGE_LEVEL, is_dark_page

__all__ = ["find_between_bars"]

# Words and buttons leave this much of each of a bar's lines in its own colour.
MIN_EVEN_SHARE, EVEN_LEVELS = 0.6, 4
MAX_WORD_SHARE = 0.08  # of the picture's side
# A retina that is lit as evenly up to the picture's edge goes on beyond it, where a bar ends at once.
MIN_STEP_LEVELS = 16
# Of the picture's side; what bars would leave less of is a page, or no photograph at all.
MIN_LEFT_SHARE = 0.3

# Top, left, bottom and right in pixels, the last two just beyond.
Part = tuple[int, int, int, int]


def find_between_bars(pixels: UInt8Array) -> Part | None:
    """Return the part of a picture that lies between the bars along its sides; None where there are no bars.

    Args:
        pixels: (H, W, 3) uint8 RGB.
    """
    height, width = pixels.shape[:2]
    top, left, bottom, right = 0, 0, height, width
    # What runs along one side may end where a bar along another begins, so the first sides are looked at again.
    for _ in range(2):
        rows = pixels[top:bottom, left:right]
        top, bottom = top + _count_lines(rows), bottom - _count_lines(rows[::-1])
        if bottom - top < MIN_LEFT_SHARE * height:
            return None
        columns = pixels[top:bottom, left:right].transpose(1, 0, 2)
        left, right = left + _count_lines(columns), right - _count_lines(columns[::-1])
        if right - left < MIN_LEFT_SHARE * width:
            return None
    return None if (bottom - top, right - left) == (height, width) else (top, left, bottom, right)


def _count_lines(lines: UInt8Array) -> int:
    """Return how many of (N, M, 3) `lines`, from the first on, are a bar's, and blurred ones after them; 0 for none."""
    count, colour = 0, _find_colour(lines[0])
    if colour is None or (colour.max() < PAGE_LEVEL and not is_dark_page(np.ascontiguousarray(lines), colour)):
        return 0
    last = colour
    # A word may fill its line, and has as much of the bar on its other side; the next bar begins at once.
    for place in range(1, len(lines)):
        if place - count > MAX_WORD_SHARE * len(lines):
            break
        found = _find_colour(lines[place])
        if found is not None and (place == count + 1 or np.abs(found - last).max() <= EVEN_LEVELS):
            count, last = place, found
    count += 1
    within, beyond = max(0, count - 1 - 2 * EDGE_PX), count + 2 * EDGE_PX
    if beyond >= len(lines):
        return count
    step = np.abs(np.median(lines[beyond], axis=0) - np.median(lines[within], axis=0)).max()
    return count + EDGE_PX if step >= MIN_STEP_LEVELS else 0


def _find_colour(line: UInt8Array) -> NDArray[np.float64] | None:
    """Return the (3,) colour that most of an (M, 3) `line` has; None for none, or for one as dark as a surround."""
    if int(line.max()) < DARK_PAGE_LEVEL:
        return None
    colour = np.asarray(np.median(line[::2], axis=0), dtype=np.float64)
    level = colour.max()
    if level < DARK_PAGE_LEVEL:
        return None
    spread = DARK_SPREAD_LEVELS if level < PAGE_LEVEL else EVEN_LEVELS
    even = cv2.inRange(np.ascontiguousarray(line)[None], colour - spread, colour + spread)
    return colour if cv2.countNonZero(even) >= MIN_EVEN_SHARE * len(line) else None
