"""Judge whether a photograph can be graded, and say what the photographer should change.

Measured on the field of view at a fixed retinal scale, before normalisation and before the network's resize, so that a
verdict does not depend on the camera's resolution or framing.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from dr_core.domain.photograph import FieldOfView, Float32Array, FundusPhotograph, UInt8Array
from dr_core.domain.quality import Defect, HiddenRetina, QualityReport
from dr_core.imaging.detail import measure_detail, measure_flatness
from dr_core.imaging.disc import Disc, cut_disc, narrow_disc

DISC_PX, WIDEST_DISC_PX = 320, 480
TILE_PX = 32
LEVELS = np.arange(256, dtype=np.float32) / 255.0
DARK_LEVEL = 0.10
BRIGHT_LEVEL = 0.92

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
BLUR_BELOW_SHARPNESS = 0.25
LOW_CONTRAST_BELOW = 0.0165
DARK_BELOW_BRIGHTNESS, DARK_ABOVE_SHARE = 0.22, 0.35
BRIGHT_ABOVE_BRIGHTNESS, BRIGHT_ABOVE_SHARE = 0.93, 0.12
UNEVEN_ABOVE = 0.42
SMALL_FIELD_BELOW_PX = 160.0
# Of the field without any structure, not even a camera's noise: painted over, or nothing but black or white. Of 1,160
# gradable photographs of train and val three have so much of it, two of them nearly black.
OBSTRUCTED_ABOVE_SHARE = 0.03
# Of the retina that cannot be seen. A reader wants three quarters of the field, and the fovea; how much of the middle
# may be hidden was chosen on val. Both together send back 3 more of ODIR's 322 gradable photographs there, and 2 of the
# 529 of the other sources.
HIDDEN_NAMED_ABOVE, HIDDEN_ABOVE, HIDDEN_CENTER_ABOVE = 0.08, 0.25, 0.7
HOPELESS_SHARE = 0.5  # of the limit that a photograph's score must reach, where it shows too little
# Beyond this it is the whole photograph, and what ails it has another name if any other defect is found.
HIDDEN_EVERYWHERE = 0.7


@dataclass(frozen=True)
class QualityFeatures:
    """What is measured of one photograph: shares of the visible field, or ratios to the local brightness.

    Attributes:
        fine: contrast of detail between `dr_core.imaging.detail.FINE_SIGMAS_PX`, relative to the local brightness.
        coarse: the same between `COARSE_SIGMAS_PX`.
        sharpness: fine over coarse contrast; low for a blurred photograph, whatever its contrast.
        brightness: mean level, 0 to 1.
        dark_share: share that is nearly black.
        bright_share: share that is nearly saturated.
        unevenness: spread of tile brightness over its mean.
        flat_share: share without any structure.
        blueness: how much more blue than green it is, -1 to 1, as a share of all its light.
    """

    fine: float
    coarse: float
    sharpness: float
    brightness: float
    dark_share: float
    bright_share: float
    unevenness: float
    flat_share: float = 0.0
    blueness: float = -1.0


@dataclass(frozen=True)
class NetworkOpinion:
    """What the network adds to light and sharpness: its input is normalised, so that it cannot see how dark it was.

    Attributes:
        p_gradable: its own probability that a reader calls the photograph gradable.
        weights: of its log odds, of those measured here, and the intercept.
        gradable_score: threshold on the score that these make.
    """

    p_gradable: float
    weights: tuple[float, float, float]
    gradable_score: float


def assess_quality(
    photograph: FundusPhotograph,
    field_of_view: FieldOfView,
    opinion: NetworkOpinion | None = None,
    *,
    features: QualityFeatures | None = None,
    hidden: HiddenRetina | None = None,
) -> QualityReport:
    """Judge one photograph.

    Args:
        photograph: the decoded photograph.
        field_of_view: its field.
        opinion: the network's; without it the score is made from light and sharpness alone.
        features: of this photograph, where they are measured already.
        hidden: how much of its retina cannot be seen, where the network says so.

    Returns:
        The verdict, its score, and the defects, worst first; a marked defect is named for a gradable photograph too,
        and an ungradable one always has at least one.
    """
    features = features or measure_quality(photograph, field_of_view)
    score, limit = score_quality(features), GRADABLE_SCORE
    if opinion is not None:
        score, limit = blend_scores(opinion.p_gradable, score, opinion.weights), opinion.gradable_score
    severities = _find_severities(features, photograph, field_of_view)
    hopeless = max(severities[Defect.SMALL_FIELD], severities[Defect.OBSTRUCTION]) > 1.0
    if hidden is not None:
        hopeless = hopeless or hidden.share > HIDDEN_ABOVE or hidden.center > HIDDEN_CENTER_ABOVE
        severities[Defect.OBSTRUCTION] = max(severities[Defect.OBSTRUCTION], _judge_hidden(hidden, severities))
    if hopeless:
        # Light and sharpness of what is shown say little about a photograph that shows too little.
        score = min(score, HOPELESS_SHARE * limit)
    gradable = score >= limit
    ranked = sorted(severities, key=lambda defect: severities[defect], reverse=True)
    defects = [defect for defect in ranked if severities[defect] > 1.0]
    if not gradable and not defects:
        defects = ranked[:1]
    return QualityReport(gradable, score, tuple(defects), None if hidden is None else hidden.share)


def _judge_hidden(hidden: HiddenRetina, severities: Mapping[Defect, float]) -> float:
    """Return how far the hidden part has gone, 1 where it is to be named."""
    if hidden.share > HIDDEN_EVERYWHERE and max(severities.values()) > 1.0:
        return 0.0
    return max(hidden.share / HIDDEN_NAMED_ABOVE, hidden.center / HIDDEN_CENTER_ABOVE)


def blend_scores(p_network: float, p_measured: float, weights: tuple[float, float, float]) -> float:
    """Return the score, 0 to 1, that the network's and the measured probability make together."""
    by_network, by_measurement, intercept = weights
    logit = by_network * _log_odds(p_network) + by_measurement * _log_odds(p_measured) + intercept
    return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, logit))))


def _log_odds(probability: float) -> float:
    kept = min(max(probability, 1e-6), 1.0 - 1e-6)
    return math.log(kept / (1.0 - kept))


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
        Defect.OBSTRUCTION: features.flat_share / OBSTRUCTED_ABOVE_SHARE,
    }


def measure_quality(
    photograph: FundusPhotograph, field_of_view: FieldOfView, *, disc: Disc | None = None
) -> QualityFeatures:
    """Measure what the verdict is made from; see `QualityFeatures`.

    Args:
        photograph: the decoded photograph.
        field_of_view: its field.
        disc: the field as `cut_disc` gives it, where it is cut already: `DISC_PX` to `WIDEST_DISC_PX` wide.
    """
    pixels, visible = narrow_disc(disc, DISC_PX) if disc else cut_disc(photograph.pixels, field_of_view, DISC_PX)
    inner = np.asarray(cv2.erode(visible.view(np.uint8), np.ones((9, 9), np.uint8)), dtype=np.uint8)
    red, green, blue = (np.asarray(channel, dtype=np.uint8) for channel in cv2.split(pixels))
    fine, coarse = measure_detail(green, inner)
    level = np.maximum(np.maximum(red, green), blue)
    seen = _count_levels(level, inner)
    warm = _count_levels(np.minimum(red, green), inner)
    area = max(float(seen.sum()), 1.0)
    tiles = _average_tiles(level, inner)
    means = cv2.mean(pixels, mask=inner)
    return QualityFeatures(
        fine=fine,
        coarse=coarse,
        sharpness=fine / max(coarse, 1e-4),
        brightness=float(seen @ LEVELS) / area,
        dark_share=float(seen[LEVELS < DARK_LEVEL].sum()) / area,
        bright_share=float(warm[LEVELS > BRIGHT_LEVEL].sum()) / area,
        unevenness=float(tiles.std() / max(float(tiles.mean()), 1e-3)) if tiles.size else 0.0,
        flat_share=measure_flatness(green, inner),
        blueness=(means[2] - means[1]) / max(sum(means), 1.0),
    )


def _count_levels(level: UInt8Array, inner: UInt8Array) -> Float32Array:
    """Return how many pixels inside have each of the 256 levels, (256,) float32."""
    return np.asarray(cv2.calcHist([level], [0], inner, [256], [0, 256]), dtype=np.float32).ravel()


def _average_tiles(level: UInt8Array, inner: UInt8Array) -> Float32Array:
    """Return the mean brightness, 0 to 1, of each tile that lies mostly inside the field."""
    grid = (DISC_PX // TILE_PX, DISC_PX // TILE_PX)
    share = np.asarray(cv2.resize(inner.astype(np.float32), grid, interpolation=cv2.INTER_AREA), dtype=np.float32)
    lit = cv2.copyTo(level, inner).astype(np.float32)
    light = np.asarray(cv2.resize(lit, grid, interpolation=cv2.INTER_AREA), dtype=np.float32)
    full = share > 0.6
    return np.asarray(light[full] / share[full] / 255.0, dtype=np.float32)
