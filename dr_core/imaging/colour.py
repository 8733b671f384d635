"""Take a camera's colour and exposure out of a photograph: each channel as its ratio to its own mean.

No mean is left, since it would tell the camera, and with it (in APTOS) the grade: benchmarks/framing_probe.py.
All of it acts on single levels, so that one table of 256 levels a channel does it.
"""

import cv2
import numpy as np

from dr_core.domain.photograph import BoolArray, UInt8Array

# Of the radius, above and below the centre: the rows of the field that practically every camera shows.
COMMON_SHARE = 0.729
RATIO_OFFSET = 0.12  # of full scale; keeps the dark blue channel's noise from being amplified
CONTRAST = 0.6  # of the network's range for a level of twice the mean: the optic disc of a dark photograph still fits
NEUTRAL, HALF_RANGE = 128.0, 127.0


def normalise_colour(disc: UInt8Array, visible: BoolArray) -> UInt8Array:
    """Express each level by its ratio to the mean of its channel over the field.

    Args:
        disc: (S, S, 3) uint8 RGB, the field as a circle as wide as the picture.
        visible: (S, S) bool, True where it shows retina.

    Returns:
        (S, S, 3) uint8, where 128 is the mean and what lies outside the retina; never 0 within it.
    """
    if not visible.any():
        return np.full_like(disc, NEUTRAL)
    mask = visible.view(np.uint8)
    # Measured on what every camera shows, so that neither depends on how much more this one does.
    beyond = round((1 - COMMON_SHARE) / 2 * len(mask))
    rows = slice(beyond, len(mask) - beyond)
    common = (disc[rows], mask[rows]) if mask[rows].any() else (disc, mask)
    middle = np.array(cv2.mean(common[0], mask=common[1])[:3])
    offset = 255.0 * RATIO_OFFSET
    ratio = (np.arange(256.0)[:, None] + offset) / (middle + offset)
    table = np.clip(np.rint(NEUTRAL + HALF_RANGE * CONTRAST * (ratio - 1)), 1, 255)
    normalised = np.full_like(disc, NEUTRAL)
    cv2.copyTo(cv2.LUT(disc, table.astype(np.uint8)[None]), mask, normalised)
    return normalised
