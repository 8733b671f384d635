"""A clinic's own temperature and threshold from its graded photographs, and what they are worth there.

Three steps, each of them small enough for 100 to 200 photographs:

1. Temperature (Guo et al., 2017): one number, of least negative log-likelihood of the readers' grades. A log-normal
   prior around 1 (`TEMPERATURE_PRIOR_SD`) weighs about as much as ten photographs, so that a small sample moves little.
2. Threshold on P(grade >= 2): split conformal prediction for the class of referable photographs alone (Vovk, 2012).
   Of m referable photographs in rising order, number floor((1 - wanted) * (m + 1)) is the threshold. The next referable
   photograph of that clinic then reaches it with at least the wanted probability, whatever the distribution; the plain
   quantile falls short of it. Photographs that tie with the threshold are called referable. Below `needed_referable`
   photographs no threshold can promise the sensitivity, and an error says how many are missing.
3. Sensitivity and specificity by leaving one out (Stone, 1974): each photograph is called with the temperature and the
   threshold that the others alone give, and the calls are counted, with intervals of Wilson (1927). Nothing is measured
   on a photograph that chose its own threshold. In 250 simulated clinics of 150 photographs the stated sensitivity and
   that of new photographs were both 0.91 on average; its interval held the truth in 91 of 100, and its lower end was
   below the truth in 98 of 100: it errs on the safe side. Two photographs of one patient count as two, so the intervals
   hold for one photograph a patient.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.evaluation import RocCurve
from dr_core.domain.grades import GRADE_COUNT, Grade
from dr_core.model.calibration import REFERABLE_FROM, temper
from dr_core.screening.clinic_figures import CalibrationStage, measure_stage, trace_roc

__all__ = [
    "MIN_GRADED",
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
# Which a grade counts for at least, when the temperature is chosen.
LEAST_PROBABILITY = 1e-6
TEMPERATURES = np.geomspace(0.25, 4.0, 241).round(4)
_UNCHANGED = int(np.flatnonzero(TEMPERATURES == 1.0)[0])
# Of log T: one standard deviation is a factor of 1.65 either way.
TEMPERATURE_PRIOR_SD = 0.5
THRESHOLD_DIGITS = 6
THRESHOLD_STEP = 1e-6
# floor(0.1 * 40) must be 4, although 1 - 0.9 is a little less than 0.1.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class LocalCalibration:
    """What the clinic's photographs say.

    Attributes:
        wanted_sensitivity: what the threshold was chosen for.
        before: at the released temperature and threshold, which never saw these photographs.
        after: at the clinic's own, each photograph judged by what the others give.
        roc: of P(grade >= 2) at the clinic's temperature.
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
    """Choose temperature and threshold, and measure them by leaving one out.

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
    losses = _tabulate_losses(probabilities, grades)
    total = losses.sum(axis=1) + _penalty()
    best = int(total.argmin())
    threshold = choose_threshold(_score(probabilities, best)[positive], wanted_sensitivity)
    own = (total[:, None] - losses).argmin(axis=0)
    left_out, called = _judge_left_out(probabilities, positive, own, wanted_sensitivity)
    released = probabilities[:, REFERABLE_FROM:].sum(axis=1)
    roc, auc = trace_roc(_score(probabilities, best), positive)
    return LocalCalibration(
        wanted_sensitivity=wanted_sensitivity,
        before=measure_stage(
            (1.0, released_threshold),
            released,
            positive,
            called=released >= released_threshold,
            surprise=float(losses[_UNCHANGED].mean()),
        ),
        after=measure_stage(
            (float(TEMPERATURES[best]), threshold),
            left_out,
            positive,
            called=called,
            surprise=float(losses[own, np.arange(grades.size)].mean()),
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
        A score of theirs, rounded down; the least threshold there is when they are too few to promise more.
    """
    rank = math.floor((1.0 - wanted_sensitivity) * (referable_scores.size + 1) + _ROUNDING)
    if rank == 0:
        return THRESHOLD_STEP
    score = float(np.partition(referable_scores, rank - 1)[rank - 1])
    rounded = round(math.floor(score / THRESHOLD_STEP) * THRESHOLD_STEP, THRESHOLD_DIGITS)
    return max(THRESHOLD_STEP, min(score, rounded))


def _tabulate_losses(probabilities: FloatArray, grades: IntArray) -> FloatArray:
    """Return (K, N): how much each photograph's grade surprises, in nats, at each of `TEMPERATURES`."""
    rows = np.arange(grades.size)
    # A grade that the model holds for impossible surprises much, not without end: one would decide alone.
    possible = np.clip(probabilities, LEAST_PROBABILITY, 1.0)
    return np.stack([-np.log(temper(possible, float(t))[rows, grades]) for t in TEMPERATURES])


def _penalty() -> FloatArray:
    return np.asarray(0.5 * (np.log(TEMPERATURES) / TEMPERATURE_PRIOR_SD) ** 2, dtype=np.float64)


def _score(probabilities: FloatArray, index: int) -> FloatArray:
    """Return P(grade >= 2) at one of `TEMPERATURES`."""
    tempered = temper(probabilities, float(TEMPERATURES[index]))
    return np.asarray(tempered[:, REFERABLE_FROM:].sum(axis=1), dtype=np.float64)


def _judge_left_out(
    probabilities: FloatArray, positive: FlagArray, own: IntArray, wanted_sensitivity: float
) -> tuple[FloatArray, FlagArray]:
    """Return score and call of each photograph at the temperature and threshold that the others alone give.

    Args:
        probabilities: (N, 5).
        positive: (N,) whether the reader's grade is referable.
        own: (N,) which of `TEMPERATURES` the others give.
        wanted_sensitivity: what their threshold is chosen for.
    """
    scores, called = np.empty(own.size), np.empty(own.size, dtype=np.bool_)
    for index in np.unique(own):
        at = _score(probabilities, int(index))
        for row in np.flatnonzero(own == index):
            others = positive.copy()
            others[row] = False
            scores[row] = at[row]
            called[row] = at[row] >= choose_threshold(at[others], wanted_sensitivity)
    return scores, called
