"""From logits to honest probabilities and a decision at thresholds frozen on the validation split."""

import numpy as np
from numpy.typing import NDArray

from dr_core.domain.grades import GRADE_COUNT, Grade
from dr_core.domain.guideline import find_follow_up
from dr_core.domain.results import Decision, Prediction
from dr_core.model.spec import ModelSpec

REFERABLE_FROM = Grade.MODERATE_NPDR


def calibrate_logits(logits: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Return softmax(logits / temperature) (Guo et al., 2017), (..., 5) float64 summing to 1."""
    scaled = logits.astype(np.float64) / temperature
    raised = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float64)


def make_prediction(logits: NDArray[np.floating], class_maps: NDArray[np.float32], temperature: float) -> Prediction:
    """Turn (5,) logits and (h, w, 5) class maps into a calibrated `Prediction`."""
    p = calibrate_logits(logits, temperature)
    probabilities = (float(p[0]), float(p[1]), float(p[2]), float(p[3]), float(p[4]))
    return Prediction(
        probabilities=probabilities,
        expected_grade=float(p @ np.arange(GRADE_COUNT)),
        p_referable=float(p[REFERABLE_FROM:].sum()),
        class_maps=class_maps,
    )


def decide(prediction: Prediction, spec: ModelSpec) -> Decision:
    """Apply the model's frozen cut points and threshold to one prediction."""
    if spec.grade_cuts:
        grade = Grade(sum(prediction.expected_grade >= cut for cut in spec.grade_cuts))
    else:
        grade = Grade(int(np.argmax(prediction.probabilities)))
    return Decision(
        grade=grade,
        referable=prediction.p_referable >= spec.referable_threshold,
        referable_threshold=spec.referable_threshold,
        follow_up=find_follow_up(grade),
    )
