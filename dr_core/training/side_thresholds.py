"""Freeze the thresholds of what the network says beside the grade, on the validation split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dr_core.domain.photograph import Laterality
from dr_core.imaging.quality import blend_scores
from dr_core.model.spec import SideSpec
from dr_core.training.dataset import LabelledPhotograph
from dr_core.training.logistic import fit_logistic
from dr_core.training.metrics import area_under_roc

__all__ = ["GateSamples", "choose_side"]

FloatArray = NDArray[np.float64]
SENT_BACK = 0.02
UNFAMILIAR_SHARE = 0.01
EYE_PRECISION, EYE_CONFIDENCES = 0.99, (0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
OEDEMA_AUC = 0.85
RETINAS_REFUSED = 0.006
# How far below val's the limit for a retina lies, in log odds: a camera or a disease that val does not show lies lower,
# and to refuse a diseased eye is worse than to grade a strange picture.
RETINA_MARGIN = 1.0
GATE_RIDGE = 0.1
# Sources without a gradability label count as gradable, and for less; so do photographs that we spoilt ourselves.
WEIGHT_LABELLED, WEIGHT_OTHER, WEIGHT_SPOILT = 1.0, 0.2, 0.3


@dataclass(frozen=True, eq=False)
class GateSamples:
    """Photographs to set the quality gate on: those of val first, then spoilt copies of some of them.

    Attributes:
        network: (N,) log odds of gradable by the network.
        measured: (N,) probability of gradable by light and sharpness, `score_quality`.
        retinas: log odds of a retina of further groups of pictures that show one: ungraded and stored anew; drawn.
    """

    network: FloatArray
    measured: FloatArray
    retinas: tuple[FloatArray, ...]


def choose_side(scores: FloatArray, photographs: Sequence[LabelledPhotograph], gate: GateSamples) -> SideSpec:
    """Freeze every threshold beside the grade.

    Args:
        scores: (N, 4 + E) side scores of the validation photographs: gradable, right eye, oedema, retina, embedding.
        photographs: the N rows that they belong to.
        gate: the same N photographs, and spoilt copies after them.

    Returns:
        Weights of the quality score; the highest threshold on it that sends back `SENT_BACK` of no source's gradable
        photographs; the distance beyond which `UNFAMILIAR_SHARE` of the photographs lie; the confidence from which the
        eye is right in `EYE_PRECISION`; whether oedema risk 2 reaches `OEDEMA_AUC`; and, lowered by
        `RETINA_MARGIN`, the highest log odds below which lies no more than `RETINAS_REFUSED` of any source, ungradable
        photographs included, or further group.
    """
    weights, gradable_score = _set_gate(photographs, gate)
    distances = np.linalg.norm(scores[:, 4:], axis=1)
    near = np.array([photograph.oedema_risk == 2 for photograph in photographs])
    known = np.array([photograph.oedema_risk is not None for photograph in photographs])
    area = float(area_under_roc(near[known], scores[known, 2]))
    return SideSpec(
        gate_weights=weights,
        gradable_score=gradable_score,
        unfamiliar_distance=round(float(np.quantile(distances, 1.0 - UNFAMILIAR_SHARE)), 4),
        eye_confidence=_find_eye_confidence(scores[:, 1], photographs),
        oedema_validated=area >= OEDEMA_AUC,
        retina_log_odds=_find_retina_limit(scores[:, 3], photographs, gate.retinas),
    )


def _set_gate(photographs: Sequence[LabelledPhotograph], gate: GateSamples) -> tuple[tuple[float, float, float], float]:
    count, spoilt_count = len(photographs), len(gate.network) - len(photographs)
    gradable = np.array([photograph.gradable is not False for photograph in photographs] + [False] * spoilt_count)
    counted = [WEIGHT_OTHER if photograph.gradable is None else WEIGHT_LABELLED for photograph in photographs]
    measured = np.clip(gate.measured, 1e-6, 1 - 1e-6)
    odds = np.column_stack([gate.network, np.log(measured) - np.log1p(-measured)])
    slope, intercept = fit_logistic(
        odds, gradable, ridge=GATE_RIDGE, weights=np.array(counted + [WEIGHT_SPOILT] * spoilt_count)
    )
    weights = (round(float(slope[0]), 4), round(float(slope[1]), 4), round(intercept, 4))
    chances = 1.0 / (1.0 + np.exp(-gate.network))
    score = np.array([blend_scores(p, q, weights) for p, q in zip(chances, gate.measured, strict=True)])[:count]
    sources = np.array([photograph.source for photograph in photographs])
    limits = []
    for source in np.unique(sources):
        of_source = np.sort(score[gradable[:count] & (sources == source)])
        limits.append(of_source[int(SENT_BACK * of_source.size)])
    return weights, float(np.clip(np.floor(min(limits) * 1e4) / 1e4, 1e-4, 0.9999))


def _find_retina_limit(
    log_odds: FloatArray, photographs: Sequence[LabelledPhotograph], more: Sequence[FloatArray]
) -> float:
    sources = np.array([photograph.source for photograph in photographs])
    groups = [log_odds[sources == source] for source in np.unique(sources)] + [group for group in more if group.size]
    # Never above zero: what is more likely a retina than not must pass, however well val lets the two be told apart.
    limit = min(0.0, *(float(np.sort(group)[int(RETINAS_REFUSED * group.size)]) for group in groups))
    return float(np.floor((limit - RETINA_MARGIN) * 1e3) / 1e3)


def _find_eye_confidence(logits: FloatArray, photographs: Sequence[LabelledPhotograph]) -> float:
    known = np.array([photograph.laterality is not None for photograph in photographs])
    right = np.array([photograph.laterality is Laterality.OD for photograph in photographs])[known]
    p_right = 1.0 / (1.0 + np.exp(-logits[known]))
    correct, confidence = (p_right >= 0.5) == right, np.maximum(p_right, 1.0 - p_right)
    for candidate in EYE_CONFIDENCES:
        sure = confidence >= candidate
        if sure.any() and correct[sure].mean() >= EYE_PRECISION:
            return float(candidate)
    return float(EYE_CONFIDENCES[-1])
