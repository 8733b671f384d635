"""Find where the field ends in a straight line within the picture: cut off by the camera, and padded with black since.

Many programs make a photograph square before they store it. What they add is as black as the camera's own surround,
and would pass for retina without light where it lies within the field's circle.
"""

import numpy as np
from numpy.typing import NDArray

from dr_core.domain.photograph import BoolArray
from dr_core.imaging.page import Window

__all__ = ["find_cut_window"]

# A line is straight when it is nearly as wide at its edge as some pixels further in, where a circle is much wider.
EDGE_DEPTH_PX, INNER_DEPTH_PX = 2, 5
MIN_STRAIGHT_SHARE = 0.8
# Of the field's own width; the top of a circle is narrower there.
MIN_CUT_SHARE = 0.35
# What is lit reaches so far into the black, since edges are blurred.
BLUR_PX = 2

Counts = NDArray[np.intp]


def find_cut_window(lit: BoolArray, scale: float) -> Window | None:
    """Return the part of a picture that the camera can have shown; None where it is all of it.

    Args:
        lit: (H, W) bool, what is lit, without what is not the field's.
        scale: how many times as large as the picture that is.

    Returns:
        Top, left, bottom and right in pixels of the picture, the last two just beyond; its own where nothing was added.
    """
    rows, columns = (np.asarray(lit.sum(axis=axis), dtype=np.intp) for axis in (1, 0))
    top, bottom = _find_added(rows, columns), _find_added(rows[::-1], columns)
    left, right = _find_added(columns, rows), _find_added(columns[::-1], rows)
    if not (top or bottom or left or right):
        return None
    height, width = lit.shape
    return top / scale, left / scale, (height - bottom) / scale, (width - right) / scale


def _find_added(counts: Counts, across: Counts) -> int:
    """Return how many lines were added before the first lit one; 0 where it is no straight line.

    Args:
        counts: lit pixels of each line.
        across: of each line at right angles to these.
    """
    first = int(np.argmax(counts > 0))
    if first == 0 or first + INNER_DEPTH_PX >= len(counts):
        return 0
    edge, inner = counts[first + EDGE_DEPTH_PX], counts[first + INNER_DEPTH_PX]
    straight = edge >= MIN_STRAIGHT_SHARE * inner and inner >= MIN_CUT_SHARE * np.count_nonzero(across)
    return first + BLUR_PX if straight else 0
