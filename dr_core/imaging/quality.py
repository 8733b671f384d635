"""Judge whether a photograph can be graded, and say what the photographer should change.

Measured on the field of view at a fixed retinal scale, before normalisation and before the network's resize, so that a
verdict does not depend on the camera's resolution or framing.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from dr_core.domain.photograph import BoolArray, FieldOfView, Float32Array, FundusPhotograph
from dr_core.domain.results import Defect, QualityReport
from dr_core.imaging.preprocess import cut_disc

DISC_PX = 320
# Second-order vessels are about 3 pixels wide at this scale: fine is their edge, coarse their body and shading.
DETAIL_SIGMAS_PX = (1.0, 2.0, 4.0, 8.0)
BASE_SIGMA_PX = 16.0
TILE_PX = 32
DARK_LEVEL = 0.10
BRIGHT_LEVEL = 0.92
RATIO_OFFSET = 0.05

# Logistic regression on the EyePACS gradability labels, on the other sources as gradable, and on drawn blur, darkness,
# glare, uneven light and haze (train split alone); `benchmarks/quality_gate.py --fit` fits and measures it again.
LOG_OFFSET = 2e-3
DIM_LEVEL = 0.5
WEIGHT_FINE, WEIGHT_COARSE, WEIGHT_DIM = 3.02, 0.47, 9.77
WEIGHT_DARK, WEIGHT_BRIGHT, WEIGHT_UNEVEN = -4.0, -8.02, -2.59
INTERCEPT = 12.16
# Chosen so that about 2% of each source's gradable photographs are sent back.
GRADABLE_SCORE = 0.27

# A defect is named from here on; nine in ten gradable photographs stay clear of each limit.
BLUR_BELOW_SHARPNESS = 0.20
LOW_CONTRAST_BELOW = 0.0165
DARK_BELOW_BRIGHTNESS, DARK_ABOVE_SHARE = 0.22, 0.35
BRIGHT_ABOVE_BRIGHTNESS, BRIGHT_ABOVE_SHARE = 0.93, 0.12
UNEVEN_ABOVE = 0.42
SMALL_FIELD_BELOW_PX = 160.0


@dataclass(frozen=True)
class QualityFeatures:
    """What is measured of one photograph: shares of the visible field, or ratios to the local brightness.

    Attributes:
        fine: contrast of detail between the finest two scales, relative to the local brightness.
        coarse: the same two octaves coarser.
        sharpness: fine over coarse contrast; low for a blurred photograph, whatever its contrast.
        brightness: mean level, 0 to 1.
        dark_share: share that is nearly black.
        bright_share: share that is nearly saturated.
        unevenness: spread of tile brightness over its mean.
    """

    fine: float
    coarse: float
    sharpness: float
    brightness: float
    dark_share: float
    bright_share: float
    unevenness: float


def assess_quality(photograph: FundusPhotograph, field_of_view: FieldOfView) -> QualityReport:
    """Judge one photograph.

    Args:
        photograph: the decoded photograph.
        field_of_view: its field.

    Returns:
        The verdict, its score, and the defects, worst first; a marked defect is named for a gradable photograph too,
        and an ungradable one always has at least one.
    """
    features = measure_quality(photograph, field_of_view)
    score = score_quality(features)
    severities = _find_severities(features, photograph, field_of_view)
    small = severities[Defect.SMALL_FIELD] > 1.0
    gradable = score >= GRADABLE_SCORE and not small
    ranked = sorted(severities, key=lambda defect: severities[defect], reverse=True)
    defects = [defect for defect in ranked if severities[defect] > 1.0]
    if not gradable and not defects:
        defects = ranked[:1]
    return QualityReport(gradable, score, tuple(defects))


def score_quality(features: QualityFeatures) -> float:
    """Return the probability, 0 to 1, that a grader calls a photograph with these features gradable."""
    logit = (
        INTERCEPT
        + WEIGHT_FINE * math.log(features.fine + LOG_OFFSET)
        + WEIGHT_COARSE * math.log(features.coarse + LOG_OFFSET)
        + WEIGHT_DIM * min(features.brightness, DIM_LEVEL)
        + WEIGHT_DARK * features.dark_share
        + WEIGHT_BRIGHT * features.bright_share
        + WEIGHT_UNEVEN * features.unevenness
    )
    return 1.0 / (1.0 + math.exp(-logit))


def _find_severities(
    features: QualityFeatures, photograph: FundusPhotograph, field_of_view: FieldOfView
) -> dict[Defect, float]:
    """Return how far each defect has gone, 1 at its limit."""
    shrunk = max(photograph.source_width_px, photograph.source_height_px) / max(photograph.pixels.shape[:2])
    diameter_px = 2 * field_of_view.radius_px * shrunk
    tiny = 1e-4
    return {
        Defect.BLUR: BLUR_BELOW_SHARPNESS / max(features.sharpness, tiny),
        Defect.DARK: max(
            DARK_BELOW_BRIGHTNESS / max(features.brightness, tiny), features.dark_share / DARK_ABOVE_SHARE
        ),
        Defect.BRIGHT: max(
            # Brightness ends at 1, so its share of the way there says how far glare has gone.
            (1.0 - BRIGHT_ABOVE_BRIGHTNESS) / max(1.0 - features.brightness, tiny),
            features.bright_share / BRIGHT_ABOVE_SHARE,
        ),
        Defect.UNEVEN: features.unevenness / UNEVEN_ABOVE,
        Defect.SMALL_FIELD: SMALL_FIELD_BELOW_PX / max(diameter_px, 1.0),
        Defect.LOW_CONTRAST: LOW_CONTRAST_BELOW / max(features.coarse, tiny),
    }


def measure_quality(photograph: FundusPhotograph, field_of_view: FieldOfView) -> QualityFeatures:
    """Measure what the verdict is made from; see `QualityFeatures`."""
    disc, visible = cut_disc(photograph.pixels, field_of_view, DISC_PX)
    inner = cv2.erode(visible.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(np.bool_)
    values = disc.astype(np.float32) / 255.0
    green, level = values[..., 1], values.max(axis=2)
    blurred = [cv2.GaussianBlur(green, (0, 0), sigma) for sigma in DETAIL_SIGMAS_PX]
    base = cv2.GaussianBlur(green, (0, 0), BASE_SIGMA_PX) + RATIO_OFFSET
    bands = [(sharp - soft) / base for sharp, soft in pairwise(blurred)]
    fine, _, coarse = (_robust_spread(np.asarray(band, dtype=np.float32), inner) for band in bands)
    tiles = _average_tiles(level, inner)
    seen = level[inner]
    return QualityFeatures(
        fine=fine,
        coarse=coarse,
        sharpness=fine / max(coarse, 1e-4),
        brightness=float(seen.mean()),
        dark_share=float((seen < DARK_LEVEL).mean()),
        bright_share=float((values[..., :2].min(axis=2)[inner] > BRIGHT_LEVEL).mean()),
        unevenness=float(tiles.std() / max(float(tiles.mean()), 1e-3)),
    )


def _robust_spread(band: Float32Array, inner: BoolArray) -> float:
    """Return half the width of the central 80%: single bright lesions do not count as sharpness."""
    low, high = np.percentile(band[inner], (10, 90)) if inner.any() else (0.0, 0.0)
    return float(high - low) / 2


def _average_tiles(level: Float32Array, inner: BoolArray) -> Float32Array:
    """Return the mean brightness of each tile that lies mostly inside the field."""
    weight = inner.astype(np.float32)
    grid = (DISC_PX // TILE_PX, DISC_PX // TILE_PX)
    share = np.asarray(cv2.resize(weight, grid, interpolation=cv2.INTER_AREA), dtype=np.float32)
    light = np.asarray(cv2.resize(level * weight, grid, interpolation=cv2.INTER_AREA), dtype=np.float32)
    full = share > 0.6
    return np.asarray(light[full] / share[full], dtype=np.float32)
