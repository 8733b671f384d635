"""Express colour by its ratio to the local mean, in units of the field's own contrast, with no mean left to tell.

The ratio evens out illumination. What is left of each channel's mean is taken away, since it tells the camera, and
with it (in APTOS) the grade: benchmarks/framing_probe.py.
"""

import cv2
import numpy as np

from dr_core.domain.photograph import BoolArray, Float32Array, UInt8Array

# Of the radius, above and below the centre: the rows of the field that practically every camera shows.
COMMON_SHARE = 0.729
LOCAL_MEAN_SIGMA = 0.2  # of the radius: wider than a disc, narrower than the field
RATIO_OFFSET = 0.12  # keeps the dark blue channel's noise from being amplified
CONTRAST_FLOOR = 0.02
CONTRAST_SPAN = 4.0  # standard deviations of green that fill the network's range
NEUTRAL, HALF_RANGE = 128.0, 127.0


def normalise_colour(disc: UInt8Array, visible: BoolArray) -> UInt8Array:
    """Express each pixel by its ratio to the local mean, in units of the field's own green contrast.

    Args:
        disc: (S, S, 3) uint8 RGB, the field as a circle as wide as the picture.
        visible: (S, S) bool, True where it shows retina.

    Returns:
        (S, S, 3) uint8, where 128 is the mean and what lies outside the retina.
    """
    if not visible.any():
        return np.full_like(disc, NEUTRAL)
    mask = visible.view(np.uint8)
    offset = np.float32(255.0 * RATIO_OFFSET)
    base = _local_mean(np.asarray(cv2.copyTo(disc, mask), dtype=np.uint8), mask, float(offset))
    quotient = disc + offset
    cv2.divide(quotient, base, dst=quotient)
    # Measured on what every camera shows, so that neither depends on how much more this one does.
    common = np.zeros_like(mask)
    beyond = round((1 - COMMON_SHARE) / 2 * len(mask))
    common[beyond : len(mask) - beyond] = mask[beyond : len(mask) - beyond]
    middle, spread = cv2.meanStdDev(quotient, mask=common if common.any() else mask)
    contrast = max(CONTRAST_FLOOR, float(spread[1, 0]))
    gain = HALF_RANGE / (CONTRAST_SPAN * contrast)
    # NumPy would subtract it in loops of three values each, which is slow.
    cv2.subtract(quotient, np.append(middle[:, 0], 0.0), dst=quotient)
    scaled = cv2.addWeighted(quotient, gain, quotient, 0.0, NEUTRAL, dtype=cv2.CV_8U)
    normalised = np.full_like(disc, NEUTRAL)
    cv2.copyTo(cv2.max(scaled, np.ones_like(disc)), mask, normalised)
    return normalised


def _local_mean(disc: UInt8Array, mask: UInt8Array, offset: float) -> Float32Array:
    """Return `offset` plus the Gaussian mean of `disc` over the pixels where `mask` is 1, (S, S, 3) float32.

    Args:
        disc: (S, S, 3) uint8, 0 where `mask` is.
        mask: (S, S) uint8, 0 or 1.
        offset: what is added, in levels.
    """
    size = disc.shape[0]
    # The mean is smooth, so a quarter of the resolution carries it at a sixteenth of the cost.
    small = (max(8, size // 4), max(8, size // 4))
    sigma = LOCAL_MEAN_SIGMA * small[0] / 2
    values = cv2.resize(disc, small, interpolation=cv2.INTER_AREA)
    weight = cv2.resize(mask.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    # Blurred as one picture of four channels.
    blurred = cv2.GaussianBlur(np.dstack([values.astype(np.float32), weight]), (0, 0), sigma)
    mean = blurred[..., :3] / np.maximum(blurred[..., 3:], 1e-3) + np.float32(offset)
    return np.asarray(cv2.resize(mean, (size, size), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
