"""Find the camera's circular field in a fundus photograph.

The boundary between dark surround and retina is sampled along rows and columns, and a circle (or, where the photograph
was squeezed, an upright ellipse) is fitted to it by RANSAC (Fischler and Bolles, 1981) and least squares. Cropped tops
and bottoms, registration notches, burnt-in text and dark crescents are outliers of that fit.
"""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dr_core.domain.errors import NotAFundusPhotograph
from dr_core.domain.photograph import BoolArray, FieldOfView, UInt8Array
from dr_core.imaging.ellipse_fit import Ellipse, Points, fit_ellipse
from dr_core.imaging.page import Page, Window, find_page
from dr_core.imaging.retina_likeness import require_retina
from dr_core.imaging.shrink import shrink

ANALYSIS_SIZE_PX = 384
MIN_SIDE_PX = 64
AS_SAVED = "Upload the photograph as the camera saved it."
# Share of the way from the surround's level to the retina's bright level at which the retina begins.
EDGE_LEVEL = 0.10
EDGE_STEP_RANGE = (5.0, 24.0)
MIN_EDGE_FIT = 0.45
MIN_ARC_COVERAGE = 0.25
# Where only the four corners are dark, little of the arc is seen, and what is seen has to fit well.
MIN_CORNER_FIT = 0.8
MIN_CORNER_COVERAGE = 0.1
# A surround this bright in every channel is a white page, not a camera's mask.
WHITE_LEVEL = 235
# An ellipse has one freedom more than a circle, and is believed only when it explains this much more of the boundary.
ELLIPSE_GAIN = 0.06
# Where what is lit is less than this of the longer side, most of the surround is cut away before the field is sought.
WIDE_SURROUND, SURROUND_KEPT = 0.6, 0.15
# Lit area beyond the field, as a share of what is lit in all: burnt-in text and a slack rim stay below it.
MAX_LIT_BEYOND = 0.17
BEYOND_RADII = 1.1
# Two fields that touch look like one squeezed field, which fits badly; a squeezed photograph has a clean ellipse.
MUCH_SQUEEZED, MIN_SQUEEZED_FIT = 0.67, 0.65

NOT_A_FUNDUS = (
    "No retina was found in this picture. Upload a colour fundus photograph that shows the round field of the camera."
)

SEVERAL_FIELDS = (
    "This picture shows more than one lit field, of which only one would be graded. Upload each eye as a photograph of "
    "its own."
)

Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class LocatedField:
    """A round, lit field, of which nobody has asked yet what it shows.

    Attributes:
        field: in pixels of the picture.
        small: (h, w, 3) uint8 RGB, what of the picture was looked at.
        field_in_small: the same field in pixels of `small`.
        only: whether there is no second lit field.
    """

    field: FieldOfView
    small: UInt8Array
    field_in_small: FieldOfView
    only: bool

    def require_retina(self) -> None:
        """Refuse a picture that holds no retina, or more than one.

        Raises:
            NotAFundusPhotograph: the field holds no retina, or it is not the only one.
        """
        require_retina(self.small, self.field_in_small)
        if not self.only:
            raise NotAFundusPhotograph(SEVERAL_FIELDS)


def find_field_of_view(pixels: UInt8Array) -> FieldOfView:
    """Find the circular field of a fundus photograph.

    Args:
        pixels: (H, W, 3) uint8 RGB.

    Returns:
        The field, in pixels of `pixels`.

    Raises:
        ValueError: `pixels` has another shape or dtype.
        NotAFundusPhotograph: no round, lit field on a dark surround, one that holds no retina, or more than one.
    """
    located = locate_field(pixels)
    located.require_retina()
    return located.field


def locate_field(pixels: UInt8Array) -> LocatedField:
    """Find the round, lit field of a picture; whether it shows a retina can be asked beside other work.

    Args:
        pixels: (H, W, 3) uint8 RGB.

    Raises:
        ValueError: `pixels` has another shape or dtype.
        NotAFundusPhotograph: no round, lit field on a dark surround.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ValueError(f"pixels must be (H, W, 3) uint8. Received: {pixels.shape} {pixels.dtype}")
    height, width = pixels.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        raise NotAFundusPhotograph(f"The picture is only {width} x {height} pixels. {AS_SAVED}")
    scale = min(1.0, ANALYSIS_SIZE_PX / max(height, width))
    small = _reduce(pixels, scale) if scale < 1.0 else pixels
    page = find_page(small)
    lit, region = _segment_lit_area(small, page)
    left, top, wide, high = cv2.boundingRect(region.view(np.uint8))
    alone = cv2.countNonZero(region.view(np.uint8)) >= (1.0 - MAX_LIT_BEYOND) * cv2.countNonZero(lit)
    if alone and 0 < max(wide, high) < WIDE_SURROUND * max(lit.shape):
        window = page.find_window(left + wide / 2, top + high / 2, scale) if page else None
        return _locate_within(pixels, (left / scale, top / scale, wide / scale, high / scale), window)
    ellipse = _fit_field(_sample_boundary(region), small.shape[0], small.shape[1])
    if ellipse is None:
        raise NotAFundusPhotograph(NOT_A_FUNDUS)
    return LocatedField(
        field=_to_field_of_view(ellipse, page, scale, (height, width)),
        small=small,
        field_in_small=_to_field_of_view(ellipse, page, 1.0, (small.shape[0], small.shape[1])),
        only=alone and _is_only_field(lit, ellipse),
    )


def _locate_within(pixels: UInt8Array, box: tuple[float, float, float, float], window: Window | None) -> LocatedField:
    """Find the field in the part of a picture that is lit: x, y, width and height of `box`, nowhere beyond `window`.

    In a wide black surround, as of a frame of video, a field would be too small to be believed.
    """
    left, top, wide, high = box
    margin = SURROUND_KEPT * max(wide, high)
    first_y, first_x, last_y, last_x = window or (0.0, 0.0, float(pixels.shape[0]), float(pixels.shape[1]))
    y, x = int(max(first_y, top - margin)), int(max(first_x, left - margin))
    bottom, right = math.ceil(min(last_y, top + high + margin)), math.ceil(min(last_x, left + wide + margin))
    if min(bottom - y, right - x) < MIN_SIDE_PX:
        size = f"What is lit of the picture has only {wide:.0f} x {high:.0f} pixels, too few for a retina."
        raise NotAFundusPhotograph(f"{size} {AS_SAVED}")
    found = locate_field(np.ascontiguousarray(pixels[y:bottom, x:right]))
    field = found.field.shift(y, x, (pixels.shape[0], pixels.shape[1]))
    return replace(found, field=replace(field, window=field.window or window))


def _is_only_field(lit: UInt8Array, ellipse: Ellipse) -> bool:
    """Whether there is no second field beside or above `ellipse`, which nobody would look at, or in it as its half."""
    if ellipse.edge_fit < MIN_SQUEEZED_FIT and not MUCH_SQUEEZED < ellipse.aspect < 1 / MUCH_SQUEEZED:
        return False
    reach_y = BEYOND_RADII * ellipse.radius_y
    reach_x = reach_y * ellipse.aspect
    rows = slice(max(0, math.floor(ellipse.y - reach_y)), math.ceil(ellipse.y + reach_y) + 1)
    columns = slice(max(0, math.floor(ellipse.x - reach_x)), math.ceil(ellipse.x + reach_x) + 1)
    within = cv2.countNonZero(np.ascontiguousarray(lit[rows, columns]))
    return within >= (1.0 - MAX_LIT_BEYOND) * cv2.countNonZero(lit)


def _reduce(pixels: UInt8Array, scale: float) -> UInt8Array:
    height, width = pixels.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if not 0.25 < scale <= 0.5 or height % 2 or width % 2:
        return shrink(pixels, size)
    # Halving is many times as fast as any other mean, and what is left to reduce then is too little to alias.
    half = cv2.resize(pixels, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(half, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _segment_lit_area(pixels: UInt8Array, page: Page | None) -> tuple[UInt8Array, BoolArray]:
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


def _sample_boundary(lit: BoolArray) -> Points:
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


def _fit_field(points: Points, height: int, width: int) -> Ellipse | None:
    """Fit a circle, or an ellipse where that explains clearly more of the boundary; None when neither fits."""
    circle = fit_ellipse(points, (height, width), squeezed=False)
    best = circle
    ellipse = None
    if circle is None or circle.edge_fit < 1.0 - ELLIPSE_GAIN:
        ellipse = fit_ellipse(points, (height, width), squeezed=True)
    if ellipse is not None and (circle is None or ellipse.edge_fit > circle.edge_fit + ELLIPSE_GAIN):
        best = ellipse
    if best is None:
        return None
    round_field = best.edge_fit >= MIN_EDGE_FIT and best.arc_coverage >= MIN_ARC_COVERAGE
    corners_only = best.edge_fit >= MIN_CORNER_FIT and best.arc_coverage >= MIN_CORNER_COVERAGE
    return best if round_field or corners_only else None


def _to_field_of_view(ellipse: Ellipse, page: Page | None, scale: float, shape: tuple[int, int]) -> FieldOfView:
    """Return the field in a picture of `shape`, of which what was looked at is `scale` times as large."""
    window = page.find_window(ellipse.x, ellipse.y, scale) if page else None
    # Pixel centres stand at +0.5, so scaling back needs the half-pixel shift.
    center_rc = ((ellipse.y + 0.5) / scale - 0.5, (ellipse.x + 0.5) / scale - 0.5)
    return FieldOfView(center_rc, ellipse.radius_y / scale, ellipse.aspect, shape, ellipse.edge_fit, window)
