"""Find the page or window around a photograph that was copied from a document or from a screen.

A camera surrounds the retina with black. A lighter border of one colour is no part of the photograph, and would pass
for lit retina where the field is cut off above and below.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dr_core.domain.photograph import UInt8Array

__all__ = ["Page", "find_page"]

# Lighter than any camera's surround, in its brightest channel.
PAGE_LEVEL = 48
# Compression and dithering leave a page's colour within so many levels, along at least this share of the border.
SPREAD_LEVELS = 6
MIN_BORDER_SHARE = 0.5
# A darker page, as of a viewer at night, is told by the black of the photograph's own surround, and by being even.
DARK_PAGE_LEVEL, DARK_SPREAD_LEVELS, MIN_BLACKER_SHARE = 12, 3, 0.02
# Bars and icons are no photographs; what is so large beside the largest, and no longer than this, may be one.
RIVAL_SHARE, RIVAL_ASPECT = 0.25, 2.5
# Letters and rules are thinner than this, and do not belong to the photograph.
LETTER_PX = 7
# The photograph's own edge is blurred into the page.
EDGE_PX = 1


@dataclass(frozen=True, eq=False)
class Page:
    """What surrounds a photograph.

    Attributes:
        covered: (H, W) uint8, 255 where the page shows, or a bar or icon on it, 0 elsewhere.
        window: top, left, bottom and right of the photograph in it, in pixels; the last two are just beyond it.
    """

    covered: UInt8Array
    window: tuple[int, int, int, int]

    def scale_window(self, scale: float) -> tuple[float, float, float, float]:
        """Return the window in a picture of which what was looked at is `scale` times as large."""
        top, left, bottom, right = self.window
        return top / scale, left / scale, bottom / scale, right / scale


def find_page(pixels: UInt8Array) -> Page | None:
    """Find the page around a photograph; None where there is none.

    Args:
        pixels: (H, W, 3) uint8 RGB.
    """
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    if int(border.max()) < DARK_PAGE_LEVEL:
        return None
    colour = np.median(border, axis=0)
    if colour.max() < DARK_PAGE_LEVEL or (colour.max() < PAGE_LEVEL and not _is_dark_page(pixels, colour)):
        return None
    if (np.abs(border - colour) <= SPREAD_LEVELS).all(axis=1).mean() < MIN_BORDER_SHARE:
        return None
    spread = SPREAD_LEVELS if colour.max() >= PAGE_LEVEL else DARK_SPREAD_LEVELS
    covered = np.asarray(cv2.inRange(pixels, colour - spread, colour + spread), dtype=np.uint8)
    letters = cv2.getStructuringElement(cv2.MORPH_RECT, (LETTER_PX, LETTER_PX))
    shown = cv2.morphologyEx(cv2.bitwise_not(covered), cv2.MORPH_OPEN, letters)
    count, _, stats, _ = cv2.connectedComponentsWithStats(shown)
    if count < 2:
        return None
    regions = sorted(stats[1:].tolist(), key=lambda region: -region[cv2.CC_STAT_AREA])
    left, top, wide, high, _ = regions[0]
    window = (top + EDGE_PX, left + EDGE_PX, top + high - EDGE_PX, left + wide - EDGE_PX)
    if not any(_may_be_photograph(region, regions[0]) for region in regions[1:]):
        beyond = np.full_like(covered, 255)
        beyond[window[0] : window[2], window[1] : window[3]] = 0
        covered |= beyond
    return Page(covered, window)


def _may_be_photograph(region: list[int], largest: list[int]) -> bool:
    _, _, wide, high, area = region
    return area >= RIVAL_SHARE * largest[cv2.CC_STAT_AREA] and max(wide, high) <= RIVAL_ASPECT * min(wide, high)


def _is_dark_page(pixels: UInt8Array, colour: NDArray[np.float64]) -> bool:
    """Whether a dark border of this colour surrounds something blacker than itself, which no camera's surround does."""
    blackest = np.full_like(colour, colour.max() - SPREAD_LEVELS)
    blacker = cv2.inRange(pixels, np.zeros(3), blackest)
    return cv2.countNonZero(blacker) >= MIN_BLACKER_SHARE * blacker.size
