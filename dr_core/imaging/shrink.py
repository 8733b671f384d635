"""Reduce photographs by the mean of the area that each new pixel covers, so that no vessel aliases."""

import math

import cv2
import numpy as np

from dr_core.domain.photograph import Float32Array, UInt8Array

__all__ = ["reduce_to", "shrink"]

# OpenCV's exact mean is slow on large photographs. Reduced by this much or more, the mean around every pixel of the
# photograph, read between the pixels by a cubic, takes half the time and moves the network's input by rounding alone.
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
    return np.asarray(cv2.resize(smooth, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def reduce_to(pixels: UInt8Array, longest_side_px: int) -> UInt8Array:
    """Reduce (H, W, 3) uint8 pixels until the longer side has `longest_side_px`; those that are smaller stay."""
    height, width = pixels.shape[:2]
    if max(height, width) <= longest_side_px:
        return pixels
    scale = longest_side_px / max(height, width)
    return shrink(pixels, (max(1, round(width * scale)), max(1, round(height * scale))))


def _averaging_kernel(width: float) -> Float32Array:
    """Return the odd kernel of the mean over `width` pixels: how much of each pixel lies within it."""
    reach = math.ceil((width - 1) / 2)
    overlap = np.clip((width + 1) / 2 - np.abs(np.arange(-reach, reach + 1)), 0, 1)
    return np.asarray(overlap / overlap.sum(), dtype=np.float32)
