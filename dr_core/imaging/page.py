"""Find the page or window around a photograph that was copied from a document or from a screen.

A camera surrounds the retina with black. A lighter border of one colour is no part of the photograph, and would pass
for lit retina where the field is cut off above and below.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dr_core.domain.photograph import UInt8Array

__all__ = [
    "DARK_PAGE_LEVEL",
    "DARK_SPREAD_LEVELS",
    "EDGE_PX",
    "PAGE_LEVEL",
    "Page",
    "Window",
    "find_page",
    "is_dark_page",
    "stand_on",
]

# Lighter than any camera's surround, in its brightest channel.
PAGE_LEVEL = 48
# Compression and dithering leave a page's colour within so many levels, along at least this share of the border.
SPREAD_LEVELS = 6
MIN_BORDER_SHARE = 0.5
# A darker page, as of a viewer at night, is told by the black of the photograph's own surround, and by being even.
DARK_PAGE_LEVEL, DARK_SPREAD_LEVELS, MIN_BLACKER_SHARE = 12, 3, 0.02
# Bars and icons are no photographs; what is no longer than this, and so large beside the largest, may be one.
MAX_ASPECT, RIVAL_SHARE = 2.5, 0.25
# Letters and rules are thinner than this, and do not belong to the photograph.
LETTER_PX = 7
# The photograph's own edge is blurred into the page.
EDGE_PX = 1


# Top, left, bottom and right, in pixels; the last two are just beyond.
Window = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Page:
    """What surrounds a photograph.

    Attributes:
        covered: (H, W) uint8, 255 where the page shows, or a bar or icon on it, 0 elsewhere.
        windows: of what stands on it and may be a photograph, in pixels, the largest first.
    """

    covered: UInt8Array
    windows: tuple[Window, ...]

    def find_window(self, x: float, y: float, scale: float) -> Window | None:
        """Return the window around a point; None where the point lies on the page.

        Args:
            x: column of the point, in pixels of what was looked at.
            y: row of the point.
            scale: how many times as large as the picture that is; the window is in pixels of the picture.
        """
        for top, left, bottom, right in self.windows:
            if top <= y < bottom and left <= x < right:
                return top / scale, left / scale, bottom / scale, right / scale
        return None


def find_page(pixels: UInt8Array) -> Page | None:
    """Find the page around a photograph; None where there is none.

    Args:
        pixels: (H, W, 3) uint8 RGB.
    """
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    if int(border.max()) < DARK_PAGE_LEVEL:
        return None
    colour = np.median(border, axis=0)
    if colour.max() < DARK_PAGE_LEVEL or (colour.max() < PAGE_LEVEL and not is_dark_page(pixels, colour)):
        return None
    if (np.abs(border - colour) <= SPREAD_LEVELS).all(axis=1).mean() < MIN_BORDER_SHARE:
        return None
    spread = SPREAD_LEVELS if colour.max() >= PAGE_LEVEL else DARK_SPREAD_LEVELS
    return stand_on(np.asarray(cv2.inRange(pixels, colour - spread, colour + spread), dtype=np.uint8))


def stand_on(covered: UInt8Array) -> Page | None:
    """Return the page with what stands on it; None where nothing does that may be a photograph.

    Args:
        covered: (H, W) uint8, 255 where the picture has the page's own colour, 0 elsewhere.
    """
    letters = cv2.getStructuringElement(cv2.MORPH_RECT, (LETTER_PX, LETTER_PX))
    shown = cv2.morphologyEx(cv2.bitwise_not(covered), cv2.MORPH_OPEN, letters)
    count, _, stats, _ = cv2.connectedComponentsWithStats(shown)
    if count < 2:
        return None
    shaped = [region for region in stats[1:].tolist() if _is_shaped_like_a_photograph(region)]
    largest = max((region[cv2.CC_STAT_AREA] for region in shaped), default=0)
    rivals = [region for region in shaped if region[cv2.CC_STAT_AREA] >= RIVAL_SHARE * largest]
    if not rivals:
        return None
    rivals.sort(key=lambda region: -region[cv2.CC_STAT_AREA])
    beyond = np.full_like(covered, 255)
    windows = []
    for left, top, wide, high, _ in rivals:
        bottom, right = top + high - EDGE_PX, left + wide - EDGE_PX
        beyond[top + EDGE_PX : bottom, left + EDGE_PX : right] = 0
        windows.append((float(top + EDGE_PX), float(left + EDGE_PX), float(bottom), float(right)))
    return Page(covered | beyond, tuple(windows))


def _is_shaped_like_a_photograph(region: list[int]) -> bool:
    _, _, wide, high, _ = region
    return max(wide, high) <= MAX_ASPECT * min(wide, high)


def is_dark_page(pixels: UInt8Array, colour: NDArray[np.float64]) -> bool:
    """Whether a dark border of this colour lies beside something blacker than itself, which no camera's surround does.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        colour: (3,) float64 RGB, the border's.
    """
    blackest = np.full_like(colour, colour.max() - SPREAD_LEVELS)
    blacker = cv2.inRange(pixels, np.zeros(3), blackest)
    return cv2.countNonZero(blacker) >= MIN_BLACKER_SHARE * blacker.size
