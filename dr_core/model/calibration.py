"""From logits to honest probabilities and a decision at thresholds frozen on the validation split."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dr_core.domain.grades import GRADE_COUNT, Grade
from dr_core.domain.guideline import find_follow_up
from dr_core.domain.operating_point import LocalOperatingPoint
from dr_core.domain.photograph import Float32Array
from dr_core.domain.results import Decision, Prediction, ReviewReason, SideFindings
from dr_core.model.spec import ModelSpec

REFERABLE_FROM = Grade.MODERATE_NPDR
# From so many grades on, a grade set asks for a person.
WIDE_SET_GRADES = 4
UNFAMILIAR_FROM = 1.0
# A grade is reported from this probability of reaching it on; the grade refers, so no threshold may lie above.
GRADE_FROM = 0.5
_TINY = 1e-6

FloatArray = NDArray[np.float64]


def calibrate_logits(logits: NDArray[np.floating], temperature: float) -> FloatArray:
    """Return softmax(logits / temperature) (Guo et al., 2017), (..., 5) float64 summing to 1."""
    scaled = logits.astype(np.float64) / temperature
    raised = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float64)


def calibrate_boundaries(probabilities: FloatArray, boundaries: Sequence[tuple[float, float]]) -> FloatArray:
    """Calibrate P(grade >= 1) to P(grade >= 4) one by one (Platt, 1999), and return grade probabilities again.

    Args:
        probabilities: (..., 5) summing to 1.
        boundaries: slope and intercept on the log odds of each of the 4 boundaries; empty changes nothing.

    Returns:
        (..., 5) float64 summing to 1; where two calibrated boundaries would cross, the higher one gives way.
    """
    if not boundaries:
        return probabilities
    exceedance = np.cumsum(probabilities[..., ::-1], axis=-1)[..., ::-1][..., 1:]
    odds = np.log(np.clip(exceedance, _TINY, 1.0 - _TINY)) - np.log(np.clip(1.0 - exceedance, _TINY, 1.0 - _TINY))
    slopes, intercepts = np.asarray(boundaries, dtype=np.float64).T
    calibrated = np.minimum.accumulate(1.0 / (1.0 + np.exp(-(slopes * odds + intercepts))), axis=-1)
    ends = np.ones_like(calibrated[..., :1])
    steps = np.concatenate([ends, calibrated, np.zeros_like(ends)], axis=-1)
    return np.asarray(steps[..., :-1] - steps[..., 1:], dtype=np.float64)


def temper(probabilities: FloatArray, temperature: float) -> FloatArray:
    """Return (..., 5) probabilities to the power of 1 / `temperature`, summing to 1 again; 1 / it takes that back."""
    raised = np.asarray(probabilities, dtype=np.float64) ** (1.0 / temperature)
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float64)


def shift_boundaries(probabilities: FloatArray, shift: float) -> FloatArray:
    """Add `shift` to the log odds of all four boundaries, P(grade >= 1) to P(grade >= 4); -`shift` takes that back.

    Args:
        probabilities: (..., 5) summing to 1.
        shift: above 0, every grade becomes more likely to be reached.

    Returns:
        (..., 5) float64 summing to 1, each at least 0.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    reached = np.cumsum(p[..., ::-1], axis=-1)[..., ::-1][..., 1:]
    missed = np.cumsum(p, axis=-1)[..., :-1]
    # Both sums, since one minus a sum near 1 has no digits left.
    raised = reached * np.exp(shift)
    exceedance = raised / (raised + missed)
    ends = np.ones_like(exceedance[..., :1])
    steps = np.concatenate([ends, exceedance, np.zeros_like(ends)], axis=-1)
    return np.asarray(np.maximum(steps[..., :-1] - steps[..., 1:], 0.0), dtype=np.float64)


def adapt(probabilities: FloatArray, temperature: float, shift: float) -> FloatArray:
    """Return (..., 5) probabilities as a clinic's own `temperature`, and then `shift`, change the released ones."""
    tempered = temper(probabilities, temperature) if temperature != 1.0 else probabilities
    return shift_boundaries(tempered, shift) if shift else tempered


def release(probabilities: FloatArray, local: LocalOperatingPoint) -> FloatArray:
    """Return the (..., 5) probabilities of the released model: what `adapt` did for a clinic, taken back."""
    shifted = shift_boundaries(probabilities, -local.shift) if local.shift else probabilities
    return temper(shifted, 1.0 / local.temperature) if local.temperature != 1.0 else shifted


def calibrate_for(
    spec: ModelSpec, logits: NDArray[np.floating], local: LocalOperatingPoint | None = None
) -> FloatArray:
    """Return the probabilities that are reported for (..., 5) `logits`: the model's calibration, then the clinic's."""
    found = calibrate_boundaries(calibrate_logits(logits, spec.temperature), spec.boundaries)
    return found if local is None else adapt(found, local.temperature, local.shift)


def make_prediction(
    probabilities: FloatArray, class_maps: Float32Array, side: SideFindings | None = None
) -> Prediction:
    """Turn (5,) calibrated probabilities and (h, w, 5) class maps into a `Prediction`."""
    p = probabilities
    return Prediction(
        probabilities=(float(p[0]), float(p[1]), float(p[2]), float(p[3]), float(p[4])),
        expected_grade=float(p @ np.arange(GRADE_COUNT)),
        p_referable=float(p[REFERABLE_FROM:].sum()),
        class_maps=class_maps,
        side=side,
    )


def find_middle_grades(probabilities: FloatArray) -> NDArray[np.int64]:
    """Return the median grade of (..., 5) probabilities: the highest that is more likely reached than not.

    The median costs the fewest steps between the model's grade and a reader's; the longest bar forgets how the others
    lie, and cut points fitted on the expected grade did not travel from one source to another (docs/experiments.md).
    """
    exceedance = np.cumsum(probabilities[..., ::-1], axis=-1)[..., ::-1][..., 1:]
    return np.asarray((exceedance > GRADE_FROM).sum(axis=-1), dtype=np.int64)


def rank_mass(probabilities: FloatArray, start: Grade) -> FloatArray:
    """Return (5,) float64: the probability of the neighbouring grades that a set holds when it first takes in each one.

    The set grows from `start` by whichever neighbour is likelier, so that it never has a gap (ordinal adaptive
    prediction sets, Lu et al., 2022). The value of a grade is the mass of the set just before it comes in, which makes
    the smallest set that of `start` alone.
    """
    mass = np.zeros(GRADE_COUNT)
    low = high = int(start)
    held = float(probabilities[start])
    while high - low < GRADE_COUNT - 1:
        below = float(probabilities[low - 1]) if low > 0 else -1.0
        above = float(probabilities[high + 1]) if high < GRADE_COUNT - 1 else -1.0
        if above >= below:
            high += 1
            mass[high] = held
        else:
            low -= 1
            mass[low] = held
        held += max(above, below)
    return mass


def find_grade_set(probabilities: FloatArray, start: Grade, set_mass: float) -> tuple[Grade, ...]:
    """Return the neighbouring grades around `start` whose `rank_mass` stays below `set_mass`."""
    mass = rank_mass(probabilities, start)
    return tuple(grade for grade in Grade if grade is start or mass[grade] < set_mass)


def decide(prediction: Prediction, spec: ModelSpec, local: LocalOperatingPoint | None = None) -> Decision:
    """Apply the model's frozen threshold, or the clinic's, to one prediction, and report its middle grade."""
    probabilities = np.asarray(prediction.probabilities, dtype=np.float64)
    grade = Grade(int(find_middle_grades(probabilities)))
    threshold = spec.referable_threshold if local is None else local.referable_threshold
    grade_set = _find_set(probabilities, grade, spec, local) if spec.coverage else ()
    referable = prediction.p_referable >= threshold
    return Decision(
        grade=grade,
        referable=referable,
        referable_threshold=threshold,
        follow_up=find_follow_up(grade, referable=referable),
        grade_set=grade_set,
        coverage=spec.coverage,
        review=_find_reasons(prediction, grade_set, divided=referable != grade.referable),
        operating_point=local.label if local else "",
    )


def _find_set(
    probabilities: FloatArray, grade: Grade, spec: ModelSpec, local: LocalOperatingPoint | None
) -> tuple[Grade, ...]:
    """Return the set of the model's own probabilities, for which its mass was chosen, and every grade up to `grade`."""
    if local is None:
        return find_grade_set(probabilities, grade, spec.set_mass)
    released = release(probabilities, local)
    found = find_grade_set(released, Grade(int(find_middle_grades(released))), spec.set_mass)
    return tuple(other for other in Grade if min(*found, grade) <= other <= max(*found, grade))


def _find_reasons(prediction: Prediction, grade_set: tuple[Grade, ...], *, divided: bool) -> tuple[ReviewReason, ...]:
    reasons = []
    if len(grade_set) >= WIDE_SET_GRADES:
        reasons.append(ReviewReason.WIDE_SET)
    if prediction.side is not None and prediction.side.unfamiliarity > UNFAMILIAR_FROM:
        reasons.append(ReviewReason.UNFAMILIAR)
    if divided:
        reasons.append(ReviewReason.DIVIDED)
    return tuple(reasons)
