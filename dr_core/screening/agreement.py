"""How far the program's grades agree with those of persons who had not seen them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dr_core.domain.agreement import kappa_of
from dr_core.domain.evaluation import Estimate
from dr_core.domain.grades import GRADE_COUNT
from dr_core.domain.operating_point import Proportion
from dr_core.domain.results import ScreeningResult
from dr_core.screening.clinic_figures import measure_proportion

__all__ = ["UNGRADED", "Agreement", "compare_blind_readings", "list_blind_readings"]

# Row and column of `Agreement.counts` behind the grades: no grade was given.
UNGRADED = GRADE_COUNT
RESAMPLES, SEED = 2000, 20261127
INTERVAL_PERCENTILES = (2.5, 97.5)
# Below so many photographs an interval of kappa says nothing.
LEAST_FOR_KAPPA = 10


@dataclass(frozen=True)
class Agreement:
    """Blind readings against the program's answers.

    Attributes:
        counts: 6 x 6 photographs; row = reader, column = program, the last of each = no grade.
        same: share of the photographs graded by both that have the same grade.
        within_one: share of them whose grades lie no more than one step apart.
        kappa: quadratic weighted, of those graded by both.
        sensitivity: share of what readers call referable that the program would refer, by its threshold or its grade,
            ungradable ones included, since those are referred or taken again; None where there is none.
        specificity: share of what readers call not referable that the program calls so; None likewise.
    """

    counts: tuple[tuple[int, ...], ...]
    same: Proportion | None
    within_one: Proportion | None
    kappa: Estimate
    sensitivity: Proportion | None
    specificity: Proportion | None

    @property
    def count(self) -> int:
        """All blind readings."""
        return sum(map(sum, self.counts))


def list_blind_readings(results: Sequence[ScreeningResult]) -> list[ScreeningResult]:
    """Return the results whose photograph was read before anybody could see the program's answer."""
    return [result for result in results if result.reading is not None and result.reading.blind]


def compare_blind_readings(results: Sequence[ScreeningResult]) -> Agreement | None:
    """Compare what persons said before they saw the program's answer with that answer; None where nobody did."""
    read = list_blind_readings(results)
    if not read:
        return None
    counts = np.zeros((GRADE_COUNT + 1, GRADE_COUNT + 1), dtype=np.int64)
    referred, called = [], []
    for result in read:
        said = result.reading.grade if result.reading is not None else None
        answer = result.decision.grade if result.decision is not None else None
        counts[UNGRADED if said is None else said, UNGRADED if answer is None else answer] += 1
        if said is not None:
            referred.append(said.referable)
            called.append(result.decision is None or result.decision.follow_up.refer)
    graded = counts[:GRADE_COUNT, :GRADE_COUNT]
    apart = np.abs(np.subtract.outer(np.arange(GRADE_COUNT), np.arange(GRADE_COUNT)))
    positive, positive_called = np.array(referred, dtype=np.bool_), np.array(called, dtype=np.bool_)
    return Agreement(
        counts=tuple(tuple(int(count) for count in row) for row in counts),
        same=_measure(int(graded[apart == 0].sum()), int(graded.sum())),
        within_one=_measure(int(graded[apart <= 1].sum()), int(graded.sum())),
        kappa=_estimate_kappa(graded),
        sensitivity=_measure(int((positive & positive_called).sum()), int(positive.sum())),
        specificity=_measure(int((~positive & ~positive_called).sum()), int((~positive).sum())),
    )


def _measure(hits: int, count: int) -> Proportion | None:
    return measure_proportion(hits, count) if count else None


def _estimate_kappa(graded: NDArray[np.int64]) -> Estimate:
    """Return kappa with the percentile interval of 2,000 resamples (Efron and Tibshirani, 1993)."""
    count, value = int(graded.sum()), float(kappa_of(graded))
    if np.isnan(value):
        return Estimate(None, reason="all photographs have one and the same grade")
    if count < LEAST_FOR_KAPPA:
        return Estimate(value, reason=f"fewer than {LEAST_FOR_KAPPA} photographs")
    resampled = np.random.default_rng(SEED).multinomial(count, (graded / count).ravel(), RESAMPLES)
    kappas = kappa_of(resampled.reshape(-1, GRADE_COUNT, GRADE_COUNT))
    low, high = np.nanpercentile(kappas, INTERVAL_PERCENTILES)
    return Estimate(value, float(low), float(high))
