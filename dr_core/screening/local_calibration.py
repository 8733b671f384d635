"""A clinic's own calibration and threshold from its graded photographs, and what they are worth there.

Three steps, each of them small enough for 100 to 200 photographs:

1. Temperature (Guo et al., 2017) and shift: one number for how sure the model may be, and one, added to the log odds
   of all boundaries between grades, for a camera that makes it see more disease or less than the readers do (Platt,
   1999). They are those of least negative log-likelihood of the readers' grades. Priors around 1 and 0
   (`TEMPERATURE_PRIOR_SD`, `SHIFT_PRIOR_SD`) weigh about as much as ten photographs, so that a small sample moves
   little. How common disease is among the photographs goes into the shift: a sample with more of it than the clinic has
   makes the program refer rather too many there, as it would with the released probabilities.
2. Threshold on P(grade >= 2): split conformal prediction for the class of referable photographs alone (Vovk, 2012).
   Of m referable photographs in rising order, number floor((1 - wanted) * (m + 1)) is the threshold. The next referable
   photograph of that clinic then reaches it with at least the wanted probability, whatever the distribution; the plain
   quantile falls short of it. Photographs that tie with the threshold are called referable. It ends at 0.5: from there
   on the grade itself refers, and a higher threshold would promise a specificity that nobody gets. Below
   `needed_referable` photographs no threshold can promise the sensitivity, and an error says how many are missing.
3. Sensitivity and specificity by leaving one out (Stone, 1974): each photograph is called with the calibration and the
   threshold that the others alone give, and the calls are counted, with intervals of Wilson (1927). Nothing is measured
   on a photograph that chose its own threshold. In 250 simulated clinics of 150 photographs each, whose camera hides
   lesions, shows too many, or neither, stated sensitivity and specificity and those of new photographs lay within 0.006
   of each other on average; the interval of the sensitivity held the truth in 91 to 94 of 100, and its lower end was
   below the truth in 98 (``python benchmarks/simulated_clinics.py``): it errs on the safe side. Two photographs of one
   patient count as two, so the intervals hold for one photograph a patient.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.evaluation import RocCurve
from dr_core.domain.grades import GRADE_COUNT, Grade
from dr_core.model.calibration import GRADE_FROM, REFERABLE_FROM
from dr_core.screening.clinic_figures import CalibrationStage, measure_stage, trace_roc
from dr_core.screening.clinic_settings import (
    RELEASED,
    ClinicSettings,
    choose_settings,
    find_losses,
    score_referable,
)

__all__ = [
    "DEFAULT_SENSITIVITY",
    "MIN_GRADED",
    "MIN_PER_CLASS",
    "SENSITIVITIES",
    "LocalCalibration",
    "calibrate_locally",
    "check_sample",
    "choose_threshold",
    "needed_referable",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
FlagArray = NDArray[np.bool_]

MIN_GRADED = 50
MIN_PER_CLASS = 20
# Lowest and highest sensitivity that can be asked for.
SENSITIVITIES = (0.50, 0.99)
DEFAULT_SENSITIVITY = 0.90
THRESHOLD_DIGITS = 6
THRESHOLD_STEP = 1e-6
# floor(0.1 * 40) must be 4, although 1 - 0.9 is a little less than 0.1.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class LocalCalibration:
    """What the clinic's photographs say.

    Attributes:
        wanted_sensitivity: what the threshold was chosen for.
        before: as released, which never saw these photographs.
        after: at the clinic's own, each photograph judged by what the others give.
        roc: of P(grade >= 2) as calibrated for the clinic.
        auc: area under it, ties counted by half.
        observed_share: share of referable photographs among them, by the readers.
        graded_count: photographs.
    """

    wanted_sensitivity: float
    before: CalibrationStage
    after: CalibrationStage
    roc: RocCurve
    auc: float
    observed_share: float
    graded_count: int


def calibrate_locally(
    probabilities: FloatArray, grades: IntArray, *, wanted_sensitivity: float, released_threshold: float
) -> LocalCalibration:
    """Choose temperature, shift and threshold, and measure them by leaving one out.

    Args:
        probabilities: (N, 5), as the released model gives them.
        grades: (N,) the readers', 0 to 4.
        wanted_sensitivity: for referable DR, within `SENSITIVITIES`.
        released_threshold: on P(grade >= 2), to compare with.

    Raises:
        ConfigurationError: too few photographs, or a sensitivity that cannot be asked for.
        ValueError: shapes or grades are wrong.
    """
    check_sample(grades, wanted_sensitivity)
    if probabilities.shape != (grades.size, GRADE_COUNT) or not np.isfinite(probabilities).all():
        raise ValueError(f"probabilities must be finite, (N, 5) for N grades. Received: {probabilities.shape}")
    positive = grades >= REFERABLE_FROM
    chosen = choose_settings(probabilities, grades)
    scores = score_referable(probabilities, chosen.best)
    threshold = choose_threshold(scores[positive], wanted_sensitivity)
    left_out, called = _judge_left_out(probabilities, positive, chosen.others, wanted_sensitivity)
    released = score_referable(probabilities, RELEASED)
    roc, auc = trace_roc(scores, positive)
    return LocalCalibration(
        wanted_sensitivity=wanted_sensitivity,
        before=measure_stage(
            (*RELEASED, released_threshold),
            released,
            positive,
            called=released >= released_threshold,
            surprise=float(find_losses(probabilities, grades).mean()),
        ),
        after=measure_stage(
            (*chosen.best, threshold),
            left_out,
            positive,
            called=called,
            surprise=float(chosen.losses.mean()),
        ),
        roc=roc,
        auc=auc,
        observed_share=float(positive.mean()),
        graded_count=int(grades.size),
    )


def check_sample(grades: IntArray, wanted_sensitivity: float) -> None:
    """Say whether so many graded photographs can be calibrated on.

    Raises:
        ConfigurationError: they are too few, or the sensitivity cannot be asked for.
        ValueError: a grade lies outside 0 to 4.
    """
    low, high = SENSITIVITIES
    if not low <= wanted_sensitivity <= high:
        raise ConfigurationError(f"The sensitivity must lie between {low:.2f} and {high:.2f}: 0.90 is usual.")
    if grades.ndim != 1 or (grades.size and not (grades.min() >= Grade(0) and grades.max() < GRADE_COUNT)):
        raise ValueError(f"grades must be a list of 0 to {GRADE_COUNT - 1}. Received: {grades}")
    referable = int((grades >= REFERABLE_FROM).sum())
    missing = (
        (needed_referable(wanted_sensitivity) - referable, "with referable DR (grade 2 or more)"),
        (MIN_PER_CLASS - (grades.size - referable), "without referable DR (grade 0 or 1)"),
    )
    wanted = [f"{count} more {kind}" for count, kind in missing if count > 0]
    still = MIN_GRADED - grades.size - sum(max(0, count) for count, _ in missing)
    if still > 0:
        wanted.append(f"{still} more of any grade")
    if wanted:
        *firsts, last = wanted
        more = f"{', '.join(firsts)} and {last}" if firsts else last
        raise ConfigurationError(
            f"{grades.size} gradable photographs with a reader's grade are too few for a sensitivity of "
            f"{wanted_sensitivity:.0%}: add {more}. 100 to 200 are a good number."
        )


def needed_referable(wanted_sensitivity: float) -> int:
    """Return how many referable photographs it takes, so that a threshold exists when one of them is left out."""
    return max(MIN_PER_CLASS, math.ceil(wanted_sensitivity / (1.0 - wanted_sensitivity) - _ROUNDING) + 1)


def choose_threshold(referable_scores: FloatArray, wanted_sensitivity: float) -> float:
    """Return the threshold that the next referable photograph reaches with at least the wanted probability.

    Args:
        referable_scores: (m,) P(grade >= 2) of the referable photographs.
        wanted_sensitivity: 0 to 1.

    Returns:
        A score of theirs, rounded down, and at most `GRADE_FROM`; the least threshold there is when they are too few to
        promise more.
    """
    rank = math.floor((1.0 - wanted_sensitivity) * (referable_scores.size + 1) + _ROUNDING)
    if rank == 0:
        return THRESHOLD_STEP
    score = float(np.partition(referable_scores, rank - 1)[rank - 1])
    rounded = round(math.floor(score / THRESHOLD_STEP) * THRESHOLD_STEP, THRESHOLD_DIGITS)
    return max(THRESHOLD_STEP, min(score, rounded, GRADE_FROM))


def _judge_left_out(
    probabilities: FloatArray, positive: FlagArray, own: tuple[ClinicSettings, ...], wanted_sensitivity: float
) -> tuple[FloatArray, FlagArray]:
    """Return score and call of each photograph at the calibration and threshold that the others alone give.

    Args:
        probabilities: (N, 5).
        positive: (N,) whether the reader's grade is referable.
        own: N settings that the others give.
        wanted_sensitivity: what their threshold is chosen for.
    """
    scores, called = np.empty(len(own)), np.empty(len(own), dtype=np.bool_)
    for settings in set(own):
        at = score_referable(probabilities, settings)
        for row in (row for row, other in enumerate(own) if other == settings):
            others = positive.copy()
            others[row] = False
            scores[row] = at[row]
            called[row] = at[row] >= choose_threshold(at[others], wanted_sensitivity)
    return scores, called
