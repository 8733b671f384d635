"""Measure how much structure a field shows: fine and coarse detail, and places without any."""

import cv2
import numpy as np

from dr_core.domain.photograph import BoolArray, Float32Array, UInt8Array

__all__ = ["COARSE_SIGMAS_PX", "FINE_SIGMAS_PX", "measure_detail", "measure_flatness"]

# On a disc of 320 pixels, where second-order vessels are about 3 wide: fine is their edge, coarse their body and
# shading.
FINE_SIGMAS_PX, COARSE_SIGMAS_PX = (1.0, 2.0), (4.0, 8.0)
BASE_SIGMA_PX = 16.0
RATIO_OFFSET = 0.05
FLAT_LEVELS, FLAT_TILE_PX, FLAT_TILE_SHARE = 1, 16, 0.9


def measure_detail(green: UInt8Array, inner: UInt8Array) -> tuple[float, float]:
    """Return the contrast of fine and of coarse detail of (S, S) `green`, relative to the local brightness."""
    values = green.astype(np.float32) / 255.0
    half = _average(values, 2)
    base = _blur(_average(half, 4), BASE_SIGMA_PX, 8) + np.float32(RATIO_OFFSET)
    fine = _blur(values, FINE_SIGMAS_PX[0], 1) - _blur(values, FINE_SIGMAS_PX[1], 1)
    # What is left after four pixels of blur is as well seen at half the resolution.
    coarse = _blur(half, COARSE_SIGMAS_PX[0], 2) - _blur(half, COARSE_SIGMAS_PX[1], 2)
    local, shown = cv2.resize(base, half.shape), inner[1::2, 1::2].view(np.bool_)
    # A quarter of the pixels tells the spread of fine detail as well as all of them.
    return _robust_spread(fine[1::2, 1::2] / local, shown), _robust_spread(coarse / local, shown)


def _average(values: Float32Array, reduction: int) -> Float32Array:
    size = (values.shape[1] // reduction, values.shape[0] // reduction)
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _blur(values: Float32Array, sigma_px: float, reduction: int) -> Float32Array:
    """Blur `values`, which were averaged over `reduction` pixels, to what `sigma_px` makes of the disc."""
    # The average over n pixels has blurred by (n^2 - 1) / 12 already.
    left = (sigma_px**2 - (reduction**2 - 1) / 12) ** 0.5 / reduction
    return np.asarray(cv2.GaussianBlur(values, (0, 0), left), dtype=np.float32)


def _robust_spread(band: Float32Array, inner: BoolArray) -> float:
    """Return half the width of the central 80%: single bright lesions do not count as sharpness."""
    values = band[inner]
    if not values.size:
        return 0.0
    low, high = (round(share * (values.size - 1)) for share in (0.1, 0.9))
    # One after the other: NumPy partitions around a single rank several times as fast as around two.
    values.partition(low)
    lowest, rest = float(values[low]), values[low:]
    rest.partition(high - low)
    return (float(rest[high - low]) - lowest) / 2


def measure_flatness(green: UInt8Array, inner: UInt8Array) -> float:
    """Return the share of the field, 0 to 1, in tiles where hardly a pixel differs from its neighbours."""
    change = cv2.morphologyEx(green, cv2.MORPH_GRADIENT, np.ones((3, 3), dtype=np.uint8))
    flat = cv2.bitwise_and(cv2.threshold(change, FLAT_LEVELS, 1, cv2.THRESH_BINARY_INV)[1], inner) * np.uint8(255)
    grid = (green.shape[1] // FLAT_TILE_PX, green.shape[0] // FLAT_TILE_PX)
    tiles = np.asarray(cv2.resize(flat, grid, interpolation=cv2.INTER_AREA))
    covered = np.count_nonzero(tiles > 255 * FLAT_TILE_SHARE) * FLAT_TILE_PX**2
    return covered / max(1, cv2.countNonZero(inner))
