"""Find the page or window around a photograph that was copied from a document or from a screen.

A camera surrounds the retina with black. A lighter border of one colour is no part of the photograph, and would pass
for lit retina where the field is cut off above and below.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from dr_core.domain.photograph import UInt8Array

__all__ = ["Page", "find_page"]

# Lighter than any camera's surround, in its brightest channel.
PAGE_LEVEL = 48
# Compression and dithering leave a page's colour within so many levels, along at least this share of the border.
SPREAD_LEVELS = 6
MIN_BORDER_SHARE = 0.5
# Letters and rules are thinner than this, and do not belong to the photograph.
LETTER_PX = 7
# The photograph's own edge is blurred into the page.
EDGE_PX = 1


@dataclass(frozen=True, eq=False)
class Page:
    """What surrounds a photograph.

    Attributes:
        covered: (H, W) uint8, 255 where the page shows, 0 elsewhere.
        window: top, left, bottom and right of the photograph in it, in pixels; the last two are just beyond it.
    """

    covered: UInt8Array
    window: tuple[int, int, int, int]


def find_page(pixels: UInt8Array) -> Page | None:
    """Find the page around a photograph; None where there is none.

    Args:
        pixels: (H, W, 3) uint8 RGB.
    """
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    if int(border.max()) < PAGE_LEVEL:
        return None
    colour = np.median(border, axis=0)
    alike = (np.abs(border - colour) <= SPREAD_LEVELS).all(axis=1)
    if colour.max() < PAGE_LEVEL or alike.mean() < MIN_BORDER_SHARE:
        return None
    covered = np.asarray(cv2.inRange(pixels, colour - SPREAD_LEVELS, colour + SPREAD_LEVELS), dtype=np.uint8)
    letters = cv2.getStructuringElement(cv2.MORPH_RECT, (LETTER_PX, LETTER_PX))
    shown = cv2.morphologyEx(cv2.bitwise_not(covered), cv2.MORPH_OPEN, letters)
    count, _, stats, _ = cv2.connectedComponentsWithStats(shown)
    if count < 2:
        return None
    left, top, wide, high, _ = (int(value) for value in max(stats[1:], key=lambda row: row[cv2.CC_STAT_AREA]))
    return Page(covered, (top + EDGE_PX, left + EDGE_PX, top + high - EDGE_PX, left + wide - EDGE_PX))
