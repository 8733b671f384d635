"""What changes the released probabilities into a clinic's own: temperature and shift, chosen by its readers' grades."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dr_core.model.calibration import REFERABLE_FROM, adapt, temper

__all__ = [
    "RELEASED",
    "SHIFTS",
    "TEMPERATURES",
    "ChosenSettings",
    "ClinicSettings",
    "choose_settings",
    "find_losses",
    "score_referable",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Which a grade counts for at least, when temperature and shift are chosen.
LEAST_PROBABILITY = 1e-6
TEMPERATURES = np.geomspace(0.25, 4.0, 49).round(4)
SHIFTS = np.linspace(-3.0, 3.0, 61).round(1)
# Of log T: one standard deviation is a factor of 1.65 either way.
TEMPERATURE_PRIOR_SD = 0.5
# In log odds: one standard deviation is a factor of 2.7 of the odds either way.
SHIFT_PRIOR_SD = 1.0


class ClinicSettings(NamedTuple):
    """Temperature and shift, as `adapt` takes them."""

    temperature: float
    shift: float


RELEASED = ClinicSettings(1.0, 0.0)


@dataclass(frozen=True, eq=False)
class ChosenSettings:
    """What a clinic's photographs say.

    Attributes:
        best: by all of them.
        others: N settings, for each photograph those that the others give.
        losses: (N,) how much each photograph's grade surprises at the settings that the others give, in nats.
    """

    best: ClinicSettings
    others: tuple[ClinicSettings, ...]
    losses: FloatArray


def choose_settings(probabilities: FloatArray, grades: IntArray) -> ChosenSettings:
    """Choose the settings of least loss and penalty among all pairs of `TEMPERATURES` and `SHIFTS`.

    Temperature by temperature, so that a clinic of thousands of photographs needs no table of all pairs at once.

    Args:
        probabilities: (N, 5), as the released model gives them.
        grades: (N,) the readers', 0 to 4.
    """
    columns = np.arange(grades.size)
    best, least = RELEASED, np.inf
    # Of each photograph, by the others alone: the least sum so far, where it was found, and the photograph's own loss.
    sums, own = np.full(grades.size, np.inf), np.zeros(grades.size)
    places = np.zeros((2, grades.size), dtype=np.int64)
    for number, temperature in enumerate(map(float, TEMPERATURES)):
        losses = _tabulate_losses(probabilities, grades, temperature)
        total = losses.sum(axis=1) + _penalise(temperature)
        if total.min() < least:
            least, best = float(total.min()), ClinicSettings(temperature, float(SHIFTS[total.argmin()]))
        without = total[:, None] - losses
        rows = without.argmin(axis=0)
        better = without[rows, columns] < sums
        sums = np.where(better, without[rows, columns], sums)
        own = np.where(better, losses[rows, columns], own)
        places = np.where(better, [np.full(grades.size, number), rows], places)
    pairs = zip(TEMPERATURES[places[0]].tolist(), SHIFTS[places[1]].tolist(), strict=True)
    return ChosenSettings(best, tuple(ClinicSettings(*pair) for pair in pairs), own)


def find_losses(probabilities: FloatArray, grades: IntArray) -> FloatArray:
    """Return (N,) how much each photograph's grade surprises as released, in nats."""
    return _lose(probabilities[np.arange(grades.size), grades])


def score_referable(probabilities: FloatArray, settings: ClinicSettings) -> FloatArray:
    """Return P(grade >= 2), (N,)."""
    return np.asarray(adapt(probabilities, *settings)[:, REFERABLE_FROM:].sum(axis=1), dtype=np.float64)


def _tabulate_losses(probabilities: FloatArray, grades: IntArray, temperature: float) -> FloatArray:
    """Return (len(SHIFTS), N): the loss of each photograph at this temperature and each shift, `adapt` in one step."""
    tempered = temper(np.clip(probabilities, LEAST_PROBABILITY, 1.0), temperature)
    nothing, rows = np.zeros_like(tempered[:, :1]), np.arange(grades.size)
    reached = np.hstack([np.cumsum(tempered[:, ::-1], axis=1)[:, ::-1], nothing])
    missed = np.hstack([nothing, np.cumsum(tempered, axis=1)])
    odds = np.exp(SHIFTS)[:, None]
    low, high = (_reach(odds, reached[rows, at], missed[rows, at]) for at in (grades, grades + 1))
    return _lose(low - high)


def _reach(odds: FloatArray, reached: FloatArray, missed: FloatArray) -> FloatArray:
    raised = odds * reached
    return np.asarray(raised / (raised + missed), dtype=np.float64)


def _lose(probabilities: FloatArray) -> FloatArray:
    # A grade that the model holds for impossible surprises much, not without end: one would decide alone.
    return np.asarray(-np.log(np.clip(probabilities, LEAST_PROBABILITY, 1.0)), dtype=np.float64)


def _penalise(temperature: float) -> FloatArray:
    """Return what the priors say against each of `SHIFTS` at this temperature, in nats."""
    unlikely = (np.log(temperature) / TEMPERATURE_PRIOR_SD) ** 2 + (SHIFTS / SHIFT_PRIOR_SD) ** 2
    return np.asarray(0.5 * unlikely, dtype=np.float64)
