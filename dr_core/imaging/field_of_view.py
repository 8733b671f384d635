"""Find the camera's circular field in a fundus photograph.

The boundary between dark surround and retina is sampled along rows and columns, and a circle (or, where the photograph
was squeezed, an upright ellipse) is fitted to it by RANSAC (Fischler and Bolles, 1981) and least squares. Cropped tops
and bottoms, registration notches, burnt-in text and dark crescents are outliers of that fit.
"""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from dr_core.domain.errors import NotAFundusPhotograph
from dr_core.domain.photograph import FieldOfView, UInt8Array
from dr_core.imaging.bars import find_between_bars
from dr_core.imaging.ellipse_fit import Ellipse, Points, fit_ellipse
from dr_core.imaging.lit_area import sample_boundary, segment_lit_area
from dr_core.imaging.page import Page, Window, find_page
from dr_core.imaging.retina_likeness import require_retina
from dr_core.imaging.shrink import shrink
from dr_core.imaging.straight_cut import find_cut_window
from dr_core.imaging.uneven_page import find_uneven_page

ANALYSIS_SIZE_PX = 384
MIN_SIDE_PX = 64
AS_SAVED = "Upload the photograph as the camera saved it."
MIN_EDGE_FIT = 0.45
MIN_ARC_COVERAGE = 0.25
# Where only the four corners are dark, little of the arc is seen, and what is seen has to fit well.
MIN_CORNER_FIT = 0.8
MIN_CORNER_COVERAGE = 0.1
# An ellipse has one freedom more than a circle, and is believed only when it explains this much more of the boundary.
ELLIPSE_GAIN = 0.06
# Where what is lit is less than this of the longer side, most of the surround is cut away before the field is sought.
WIDE_SURROUND, SURROUND_KEPT = 0.6, 0.15
# Of the boundary: below it, an unevenly lit page is looked for, and what is found there has to reach it.
SURE_FIT = 0.8
# Black that was added is cut off once, and once more where little was left in the first place to see it by; what a
# picture of no retina shows may end in a straight line again and again.
MOST_CUTS = 2
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
    return _locate(pixels, MOST_CUTS)


def _locate(pixels: UInt8Array, cuts_left: int) -> LocatedField:
    height, width = pixels.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        raise NotAFundusPhotograph(f"The picture is only {width} x {height} pixels. {AS_SAVED}")
    scale = min(1.0, ANALYSIS_SIZE_PX / max(height, width))
    small = _reduce(pixels, scale) if scale < 1.0 else pixels
    page = find_page(small)
    part = find_between_bars(small) if page is None else None
    found = None if part else _look_on(pixels, small, page, cuts_left)
    if found is not None and found.only and found.field.edge_fit >= SURE_FIT:
        return found
    if found is None or not found.only:
        part = part or find_between_bars(small)
    if part is not None:
        top, left, bottom, right = (side / scale for side in part)
        return _locate_within(pixels, (left, top, right - left, bottom - top), (top, left, bottom, right), cuts_left)
    if found is None or page is None:
        uneven = find_uneven_page(small)
        again = _look_on(pixels, small, uneven, 0) if uneven else None
        if again is not None and again.only and again.field.edge_fit >= SURE_FIT:
            return again
    if found is None:
        raise NotAFundusPhotograph(NOT_A_FUNDUS)
    return found


def _look_on(pixels: UInt8Array, small: UInt8Array, page: Page | None, cuts_left: int) -> LocatedField | None:
    """Find the field in a picture, of which `small` is looked at, where `page` is what surrounds it; None for none."""
    scale = max(small.shape[:2]) / max(pixels.shape[:2])
    lit, region = segment_lit_area(small, page)
    left, top, wide, high = cv2.boundingRect(region.view(np.uint8))
    alone = cv2.countNonZero(region.view(np.uint8)) >= (1.0 - MAX_LIT_BEYOND) * cv2.countNonZero(lit)
    cut = find_cut_window(region, scale) if alone and cuts_left and page is None else None
    if alone and (cut or 0 < max(wide, high) < WIDE_SURROUND * max(lit.shape)):
        window = page.find_window(left + wide / 2, top + high / 2, scale) if page else cut
        box = (left / scale, top / scale, wide / scale, high / scale)
        return _locate_within(pixels, box, window, cuts_left - (cut is not None))
    ellipse = _fit_field(sample_boundary(region), small.shape[0], small.shape[1])
    if ellipse is None:
        return None
    return LocatedField(
        field=_to_field_of_view(ellipse, page, scale, (pixels.shape[0], pixels.shape[1])),
        small=small,
        field_in_small=_to_field_of_view(ellipse, page, 1.0, (small.shape[0], small.shape[1])),
        only=alone and _is_only_field(lit, ellipse),
    )


def _locate_within(
    pixels: UInt8Array, box: tuple[float, float, float, float], window: Window | None, cuts_left: int
) -> LocatedField:
    """Find the field in the part of a picture that is lit: x, y, width and height of `box`, nowhere beyond `window`.

    In a wide black surround, as of a frame of video, a field would be too small to be believed; and where black was
    added to a field that the camera cut off, the line between them is none of the field's boundary.
    """
    left, top, wide, high = box
    margin = SURROUND_KEPT * max(wide, high)
    first_y, first_x, last_y, last_x = window or (0.0, 0.0, float(pixels.shape[0]), float(pixels.shape[1]))
    y, x = int(max(first_y, top - margin)), int(max(first_x, left - margin))
    bottom, right = math.ceil(min(last_y, top + high + margin)), math.ceil(min(last_x, left + wide + margin))
    if min(bottom - y, right - x) < MIN_SIDE_PX:
        size = f"What is lit of the picture has only {wide:.0f} x {high:.0f} pixels, too few for a retina."
        raise NotAFundusPhotograph(f"{size} {AS_SAVED}")
    found = _locate(np.ascontiguousarray(pixels[y:bottom, x:right]), cuts_left)
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
