"""What of a picture is lit, and where that ends."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from dr_core.domain.photograph import BoolArray, UInt8Array
from dr_core.imaging.ellipse_fit import Points
from dr_core.imaging.page import Page

__all__ = ["sample_boundary", "segment_lit_area"]

# Share of the way from the surround's level to the retina's bright level at which the retina begins.
EDGE_LEVEL = 0.10
EDGE_STEP_RANGE = (5.0, 24.0)
# A surround this bright in every channel is a white page, not a camera's mask.
WHITE_LEVEL = 235

Indices = NDArray[np.intp]


def segment_lit_area(pixels: UInt8Array, page: Page | None) -> tuple[UInt8Array, BoolArray]:
    """Return what is lit of `pixels` and no part of the page around them, 1 or 0, and the largest region of it."""
    red, green, blue = (np.asarray(channel, dtype=np.uint8) for channel in cv2.split(pixels))
    blackened = np.maximum(np.maximum(red, green), blue)
    blackened[np.minimum(np.minimum(red, green), blue) > WHITE_LEVEL] = 0
    if page is not None:
        blackened[page.covered > 0] = 0
    level = np.asarray(cv2.GaussianBlur(blackened, (0, 0), 1.2), dtype=np.uint8)
    surround = _find_level(np.concatenate([level[0], level[-1], level[:, 0], level[:, -1]]), 0.05)
    bright = _find_level(level, 0.95)
    step = min(max(EDGE_LEVEL * (bright - surround), EDGE_STEP_RANGE[0]), EDGE_STEP_RANGE[1])
    over = cv2.threshold(level, math.floor(surround + step), 1, cv2.THRESH_BINARY)[1]
    opened = cv2.morphologyEx(over, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    lit: UInt8Array = np.asarray(opened, dtype=np.uint8)
    # Mostly there is one region, as contours tell ten times sooner than labels do; those of holes have a parent.
    parents = cv2.findContours(lit, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)[1]
    if parents is None or (parents[0, :, 3] < 0).sum() == 1:
        return lit, lit.view(np.bool_)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(lit)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return lit, np.asarray(labels == largest, dtype=np.bool_)


def _find_level(level: UInt8Array, share: float) -> float:
    """Return the level below which `share` of uint8 `level` lies, as `numpy.percentile` has it but sooner."""
    below = np.cumsum(cv2.calcHist([level], [0], None, [256], [0, 256]).ravel())
    rank = share * (level.size - 1)
    low, high = (int(np.searchsorted(below, math.floor(rank) + step, side="right")) for step in (0, 1))
    return low + (high - low) * (rank - math.floor(rank))


def sample_boundary(lit: BoolArray) -> Points:
    """Return (N, 2) x, y of the outermost lit pixels of each row and column, those on the picture's edge left out."""
    height, width = lit.shape
    rows, left, right = _find_ends(lit)
    columns, top, bottom = _find_ends(np.ascontiguousarray(lit.T))
    x = np.concatenate([left, right, columns, columns])
    y = np.concatenate([rows, rows, top, bottom])
    margin = 2
    inside = (x >= margin) & (x < width - margin) & (y >= margin) & (y < height - margin)
    # One number for each point sorts and drops what was found twice.
    codes = np.unique(x[inside] * height + y[inside])
    return np.column_stack([codes // height, codes % height]).astype(np.float64)


def _find_ends(lit: BoolArray) -> tuple[Indices, Indices, Indices]:
    """Return the rows that are lit anywhere, and the first and the last lit column of each."""
    rows = np.flatnonzero(lit.any(axis=1))
    chosen = lit[rows]
    return rows, chosen.argmax(axis=1), lit.shape[1] - 1 - chosen[:, ::-1].argmax(axis=1)
