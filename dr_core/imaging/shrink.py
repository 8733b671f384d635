"""Reduce photographs by the mean of the area that each new pixel covers, so that no vessel aliases."""

import cv2
import numpy as np

from dr_core.domain.photograph import Float32Array, UInt8Array

__all__ = ["shrink"]

# OpenCV's exact mean is slow on large photographs; reduced by this much or more, a small blur and a linear resize give
# the same sharpness within 0.2%, and the network's input within 0.01.
SMOOTH_FROM = 2.0


def shrink(pixels: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """Reduce `pixels` to `size`.

    Args:
        pixels: (H, W, 3) uint8.
        size: (width, height), neither more than that of `pixels`.

    Returns:
        (height, width, 3) uint8.
    """
    widths = (pixels.shape[1] / size[0], pixels.shape[0] / size[1])
    if min(widths) < SMOOTH_FROM:
        return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    smooth = cv2.sepFilter2D(pixels, -1, _averaging_kernel(widths[0]), _averaging_kernel(widths[1]))
    return np.asarray(cv2.resize(smooth, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _averaging_kernel(width: float) -> Float32Array:
    """Return the odd kernel that, before a linear resize, blurs as much as the mean over `width` pixels does."""
    # Ones with an equal remainder at either end. A mean over `width` of unit pixels has the variance
    # (width^2 + 1) / 12, of which the linear resize itself brings 1 / 6.
    variance = (width * width - 1) / 12
    reach = 0
    while (reach + 1) * (reach + 2) / 3 <= variance:
        reach += 1
    ones = 2 * reach + 1
    end = ones * (variance - reach * (reach + 1) / 3) / (2 * ((reach + 1) ** 2 - variance))
    taps = np.ones(ones + 2, dtype=np.float32)
    taps[[0, -1]] = end
    return np.asarray(taps / taps.sum(), dtype=np.float32)
