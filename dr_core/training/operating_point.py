"""Choose temperature, boundaries and thresholds on the validation split; the test split never comes here."""

import numpy as np
from numpy.typing import NDArray

from dr_core.domain.grades import GRADE_COUNT, Grade
from dr_core.model.calibration import (
    GRADE_FROM,
    calibrate_boundaries,
    calibrate_logits,
    find_middle_grades,
    rank_mass,
)
from dr_core.training.export import OperatingPoint
from dr_core.training.logistic import fit_logistic

TEMPERATURES = np.geomspace(0.2, 3.0, 57)
WANTED_SENSITIVITY = 0.90
WANTED_COVERAGE = 0.90
# Pulls the slope and intercept of each boundary towards 1 and 0; grade 4 has few photographs to fit them on.
BOUNDARY_RIDGE = 1.0

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def choose_operating_point(logits: FloatArray, grades: IntArray, sources: NDArray[np.str_]) -> OperatingPoint:
    """Fit everything that follows the network.

    Args:
        logits: (N, 5) of the validation photographs.
        grades: (N,) the readers' grades.
        sources: (N,) where each photograph comes from; the grade sets cover each of them.

    Returns:
        Temperature of least negative log-likelihood and a calibration of each boundary; for referable and
        vision-threatening DR the highest threshold with `WANTED_SENSITIVITY`; the mass of the grade sets that hold the
        reader's grade with `WANTED_COVERAGE` in every source.

    Raises:
        ValueError: a grade is missing, so that a boundary cannot be fitted.
    """
    if missing := sorted(set(range(GRADE_COUNT)) - set(grades.tolist())):
        raise ValueError(f"grades must hold some of each grade. Received: none of grade {missing[0]}")
    temperature = round(fit_temperature(logits, grades), 4)
    boundaries = fit_boundaries(calibrate_logits(logits, temperature), grades)
    probabilities = calibrate_boundaries(calibrate_logits(logits, temperature), boundaries)
    reported = find_middle_grades(probabilities)
    return OperatingPoint(
        temperature=temperature,
        boundaries=boundaries,
        set_mass=fit_set_mass(probabilities, reported, grades, sources),
        coverage=WANTED_COVERAGE,
        # From `GRADE_FROM` on the grade itself refers.
        referable_threshold=min(_threshold(probabilities, grades, Grade.MODERATE_NPDR), GRADE_FROM),
        vision_threatening_threshold=_threshold(probabilities, grades, Grade.SEVERE_NPDR),
    )


def fit_temperature(logits: FloatArray, grades: IntArray) -> float:
    """Return the temperature of least negative log-likelihood (Guo et al., 2017), by search over `TEMPERATURES`."""
    rows = np.arange(len(grades))
    losses = [-np.log(calibrate_logits(logits, t)[rows, grades] + 1e-12).mean() for t in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


def fit_boundaries(probabilities: FloatArray, grades: IntArray) -> tuple[tuple[float, float], ...]:
    """Return slope and intercept on the log odds of each boundary (Platt, 1999), for `calibrate_boundaries`."""
    exceedance = np.clip(np.cumsum(probabilities[:, ::-1], axis=1)[:, ::-1][:, 1:], 1e-6, 1 - 1e-6)
    odds = np.log(exceedance) - np.log1p(-exceedance)
    found = []
    for boundary in range(1, GRADE_COUNT):
        column = odds[:, boundary - 1]
        slope, intercept = fit_logistic(
            column[:, None], grades >= boundary, ridge=BOUNDARY_RIDGE, prior=np.array([1.0, 0.0])
        )
        found.append((round(max(float(slope[0]), 0.05), 4), round(intercept, 4)))
    return tuple(found)


def fit_set_mass(probabilities: FloatArray, reported: IntArray, grades: IntArray, sources: NDArray[np.str_]) -> float:
    """Return the mass at which grade sets stop growing, so that they cover `WANTED_COVERAGE` of every source.

    Split conformal prediction (Vovk et al., 2005) source by source, and the widest of them for all: a new clinic is
    like one of the sources at best.
    """
    pairs = zip(probabilities, reported, grades, strict=True)
    scores = np.array([rank_mass(p, Grade(int(start)))[grade] for p, start, grade in pairs])
    wanted = []
    for source in np.unique(sources):
        of_source = np.sort(scores[sources == source])
        rank = int(np.ceil((of_source.size + 1) * WANTED_COVERAGE)) - 1
        wanted.append(of_source[min(rank, of_source.size - 1)])
    return float(min(1.0, np.ceil(max(wanted) * 1e4 + 1) / 1e4))


def _threshold(probabilities: FloatArray, grades: IntArray, lowest: Grade) -> float:
    """Return the highest threshold, rounded down to 4 digits, that finds `WANTED_SENSITIVITY` of the positives."""
    scores = np.sort(probabilities[grades >= lowest, lowest:].sum(axis=1))
    missed = int(np.floor((1 - WANTED_SENSITIVITY) * scores.size))
    return float(np.clip(np.floor(scores[missed] * 1e4) / 1e4, 1e-4, 0.9999))
