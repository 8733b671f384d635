"""Cut the camera's field out of a photograph as a disc of constant size."""

import math
from functools import lru_cache

import cv2
import numpy as np

from dr_core.domain.photograph import BoolArray, FieldOfView, UInt8Array

__all__ = ["RIM_SHARE", "Disc", "cut_disc", "narrow_disc"]

# What `cut_disc` returns.
Disc = tuple[UInt8Array, BoolArray]

# The rim is blurred and reflects the flash.
RIM_SHARE = 0.97


def cut_disc(pixels: UInt8Array, field_of_view: FieldOfView, diameter_px: int) -> Disc:
    """Scale the field to a disc of constant size, squeeze undone, colours untouched.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        field_of_view: its field.
        diameter_px: wanted diameter.

    Returns:
        (diameter_px, diameter_px, 3) uint8, and (diameter_px, diameter_px) bool, True where it shows retina.
    """
    scale_y = diameter_px / 2 / field_of_view.radius_px
    scale_x = scale_y / field_of_view.aspect
    center_y, center_x = field_of_view.center_rc
    source = _halve(pixels, scale_y, scale_x)
    done_y, done_x = source.shape[0] / pixels.shape[0], source.shape[1] / pixels.shape[1]
    left_y, left_x = scale_y / done_y, scale_x / done_x
    moved_y, moved_x = (center_y + 0.5) * done_y - 0.5, (center_x + 0.5) * done_x - 0.5
    middle = diameter_px / 2 - 0.5
    matrix = np.array([[left_x, 0.0, middle - left_x * moved_x], [0.0, left_y, middle - left_y * moved_y]])
    target = (diameter_px, diameter_px)
    interpolation = cv2.INTER_CUBIC if max(left_x, left_y) > 1.1 else cv2.INTER_LINEAR
    disc = np.asarray(cv2.warpAffine(source, matrix, target, flags=interpolation), dtype=np.uint8)
    inside = _draw_rim(diameter_px).copy()
    # Rows and columns of the disc that fall outside the photograph show nothing.
    top, left, bottom, right = field_of_view.bounds
    at_y = (np.arange(diameter_px) - matrix[1, 2]) / left_y
    at_x = (np.arange(diameter_px) - matrix[0, 2]) / left_x
    inside[(at_y < top * done_y + 1) | (at_y > bottom * done_y - 2)] = False
    inside[:, (at_x < left * done_x + 1) | (at_x > right * done_x - 2)] = False
    return disc, inside


def narrow_disc(disc: Disc, diameter_px: int) -> Disc:
    """Reduce a disc that is somewhat wider than `diameter_px`, and as sharp as if it had been cut so.

    Cubic interpolation keeps it so; a softer one would pass for a blurred photograph.
    """
    pixels, visible = disc
    if len(pixels) == diameter_px:
        return disc
    size = (diameter_px, diameter_px)
    shown = cv2.resize(visible.view(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    narrow = cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(narrow, dtype=np.uint8), np.asarray(shown, dtype=np.uint8).view(np.bool_)


def _halve(pixels: UInt8Array, scale_y: float, scale_x: float) -> UInt8Array:
    """Return `pixels` halved as often as a warp by these scales, which alone would alias single lesions, leaves enough.

    What is left to the warp is less than twofold then, and it reads every pixel.
    """
    halvings_y, halvings_x = (max(0, math.floor(-math.log2(scale))) for scale in (scale_y, scale_x))
    if not halvings_y and not halvings_x:
        return pixels
    size = (max(1, pixels.shape[1] >> halvings_x), max(1, pixels.shape[0] >> halvings_y))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


@lru_cache(maxsize=8)
def _draw_rim(diameter_px: int) -> BoolArray:
    """Return (diameter_px, diameter_px) bool, True within `RIM_SHARE` of the radius; shared, so not to be written."""
    rows = (np.arange(diameter_px) - (diameter_px / 2 - 0.5)) / (diameter_px / 2)
    inside = np.asarray(rows[:, None] ** 2 + rows[None, :] ** 2 <= RIM_SHARE**2, dtype=np.bool_)
    inside.flags.writeable = False
    return inside
