"""Find a page that is unevenly lit or grainy: printed and photographed, scanned, or a slide with a gradient.

Asked only where no field was found otherwise, or one that fits badly. The page's light is a smooth surface through the
picture's border (least squares on second-order polynomials, points that lie off it left out), and what differs from it
stands on the page.
"""

import cv2
import numpy as np

from dr_core.domain.photograph import Float32Array, UInt8Array
from dr_core.imaging.page import DARK_PAGE_LEVEL, MIN_BORDER_SHARE, Page, stand_on

__all__ = ["find_uneven_page"]

# Grain finer than this is averaged away before anything is compared.
GRAIN_SIGMA_PX = 1.5
FITS = 4
CORNERS_FROM = 0.7  # of the way from the middle to each side
# A border point belongs to the page within so many levels of its light in every channel.
MAX_OFF_LEVELS = 12.0
# What differs from the page by more than this, and by so many deviations of what grain is left, stands on it.
MIN_STEP_LEVELS, GRAIN_DEVIATIONS = 8.0, 4.0


def find_uneven_page(pixels: UInt8Array) -> Page | None:
    """Find the page around a photograph where it has no single colour; None where there is none.

    Args:
        pixels: (H, W, 3) uint8 RGB.
    """
    height, width = pixels.shape[:2]
    smooth = cv2.GaussianBlur(pixels, (0, 0), GRAIN_SIGMA_PX).astype(np.float32)
    surface = _list_terms(height, width)
    border = np.zeros((height, width), dtype=np.bool_)
    border[:2] = border[-2:] = border[:, :2] = border[:, -2:] = True
    terms, levels = surface[border], smooth[border]
    # A field may touch the border, and then does so halfway along a side: the corners are the page's.
    kept = np.asarray((np.abs(terms[:, 1:3]) > CORNERS_FROM).all(axis=1))
    factors = np.zeros((surface.shape[-1], 3), dtype=np.float32)
    for _ in range(FITS):
        factors = np.linalg.lstsq(terms[kept], levels[kept], rcond=None)[0].astype(np.float32)
        kept = np.asarray((np.abs(levels - terms @ factors) < MAX_OFF_LEVELS).all(axis=1))
        if kept.mean() < MIN_BORDER_SHARE:
            return None
    if float(levels[kept].max(axis=1).mean()) < DARK_PAGE_LEVEL:
        return None
    grain = float((levels - terms @ factors)[kept].std())
    off = np.abs(smooth - surface @ factors).max(axis=-1)
    return stand_on((off < max(MIN_STEP_LEVELS, GRAIN_DEVIATIONS * grain)).astype(np.uint8) * np.uint8(255))


def _list_terms(height: int, width: int) -> Float32Array:
    """Return (height, width, 6) the terms of a second-order polynomial at each pixel."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    y, x = y / height * 2 - 1, x / width * 2 - 1
    return np.asarray(np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1), dtype=np.float32)
