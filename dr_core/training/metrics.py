"""Agreement, discrimination and calibration of grades, each for one set of weights or for thousands at once.

Every figure takes `weights` of shape (B, n): row b says how often photograph i counts in resample b. A row of ones is
the plain figure, so the value and its bootstrap interval come from the same lines. Undefined figures are NaN here and
become an `Estimate` with a reason in `dr_core.training.bootstrap`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dr_core.domain.agreement import kappa_of
from dr_core.domain.evaluation import ReliabilityBin, RocCurve
from dr_core.domain.grades import GRADE_COUNT
from dr_core.domain.roc import count_calls

CALIBRATION_BINS = 15
ROC_POINTS = 200

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
FlagArray = NDArray[np.bool_]


def count_confusion(truth: ArrayLike, grades: ArrayLike) -> IntArray:
    """Count pairs of reader's and model's grade.

    Args:
        truth: (n,) int, 0 to 4, the reader's grades.
        grades: (n,) int, 0 to 4, the model's grades.

    Returns:
        (5, 5) int64; row = reader, column = model.

    Raises:
        ValueError: lengths differ, or a grade lies outside 0 to 4.
    """
    cells = _cell_index(truth, grades)
    return np.bincount(cells, minlength=GRADE_COUNT**2).reshape(GRADE_COUNT, GRADE_COUNT).astype(np.int64)


def weigh_confusion(truth: ArrayLike, grades: ArrayLike, weights: FloatArray) -> FloatArray:
    """Count the confusion of each resample: (B, 5, 5) float64 from weights (B, n)."""
    cells = _cell_index(truth, grades)
    one_hot = np.zeros((cells.size, GRADE_COUNT**2))
    one_hot[np.arange(cells.size), cells] = 1.0
    return (weights @ one_hot).reshape(-1, GRADE_COUNT, GRADE_COUNT)


def accuracy_of(confusion: ArrayLike) -> FloatArray:
    """Share of the diagonal in confusion matrices (..., 5, 5); NaN where one is empty."""
    matrix = np.asarray(confusion, dtype=np.float64)
    return _divide(np.trace(matrix, axis1=-2, axis2=-1), matrix.sum((-2, -1)))


def quadratic_weighted_kappa(truth: ArrayLike, grades: ArrayLike) -> float:
    """Quadratic weighted kappa of two gradings, -1 to 1; NaN when both use one and the same grade throughout.

    Raises:
        ValueError: lengths differ, or a grade lies outside 0 to 4.
    """
    return float(kappa_of(count_confusion(truth, grades)))


def area_under_roc(positive: ArrayLike, score: ArrayLike, weights: FloatArray | None = None) -> FloatArray:
    """Area under the ROC curve, ties counted by half (Mann-Whitney), for each resample.

    Args:
        positive: (n,) bool.
        score: (n,) float, higher means more likely positive.
        weights: (B, n) float64; every photograph counts once when left out.

    Returns:
        (B,) float64, 0 to 1, or () without weights; NaN where a resample lacks one of the classes.
    """
    flags, scores = _flags_and_scores(positive, score)
    rows = _weight_rows(weights, flags.size)
    order = np.argsort(scores, kind="stable")
    if order.size == 0:
        return _drop_row(np.full(len(rows), np.nan), weights)
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    sorted_rows = rows[:, order]
    hits = np.add.reduceat(sorted_rows * flags[order], starts, axis=1)
    misses = np.add.reduceat(sorted_rows * ~flags[order], starts, axis=1)
    below = np.cumsum(misses, axis=1) - misses
    won = (hits * (below + 0.5 * misses)).sum(1)
    return _drop_row(_divide(won, hits.sum(1) * misses.sum(1)), weights)


def trace_roc(positive: ArrayLike, score: ArrayLike, *, max_points: int = ROC_POINTS) -> RocCurve | None:
    """Trace the ROC curve in at most `max_points` points, ends included; None where one class is missing."""
    flags, scores = _flags_and_scores(positive, score)
    if flags.all() or not flags.any():
        return None
    hits, false_alarms = count_calls(scores, flags)
    # Points in the middle of a straight piece draw nothing.
    corners = np.flatnonzero(np.r_[True, (np.diff(hits, 2) != 0) | (np.diff(false_alarms, 2) != 0), True])
    keep = corners[np.unique(np.linspace(0, corners.size - 1, min(max_points, corners.size)).round().astype(int))]
    return RocCurve(_as_tuple(false_alarms[keep] / (~flags).sum()), _as_tuple(hits[keep] / flags.sum()))


def rates_at(positive: ArrayLike, score: ArrayLike, threshold: float, weights: FloatArray) -> FloatArray:
    """Sensitivity and specificity of `score >= threshold`: (2, B) float64, NaN where a class is missing."""
    flags, scores = _flags_and_scores(positive, score)
    called = scores >= threshold
    sensitivity = _divide(weights @ (flags & called), weights @ flags.astype(np.float64))
    specificity = _divide(weights @ (~flags & ~called), weights @ (~flags).astype(np.float64))
    return np.stack([sensitivity, specificity])


def calibration_error(positive: ArrayLike, probability: ArrayLike, weights: FloatArray | None = None) -> FloatArray:
    """Expected calibration error in 15 equal-width bins: count-weighted mean of |mean probability - observed rate|.

    Args:
        positive: (n,) bool.
        probability: (n,) float, 0 to 1.
        weights: (B, n) float64; every photograph counts once when left out.

    Returns:
        (B,) float64, 0 to 1, or () without weights; NaN where a resample is empty.
    """
    flags, p = _flags_and_scores(positive, probability)
    rows = _weight_rows(weights, flags.size)
    member = np.zeros((flags.size, CALIBRATION_BINS))
    member[np.arange(flags.size), _bin_index(p)] = 1.0
    gap = rows @ (member * (p - flags)[:, None])
    return _drop_row(_divide(np.abs(gap).sum(1), rows.sum(1)), weights)


def trace_reliability(positive: ArrayLike, probability: ArrayLike) -> tuple[ReliabilityBin, ...]:
    """Return the filled ones of the bins behind `calibration_error`, from low to high probability."""
    flags, p = _flags_and_scores(positive, probability)
    index = _bin_index(p)
    bins = (index == k for k in range(CALIBRATION_BINS))
    return tuple(
        ReliabilityBin(round(float(p[inside].mean()), 4), round(float(flags[inside].mean()), 4), int(inside.sum()))
        for inside in bins
        if inside.any()
    )


def _cell_index(truth: ArrayLike, grades: ArrayLike) -> IntArray:
    reader, model = np.asarray(truth, dtype=np.int64), np.asarray(grades, dtype=np.int64)
    if reader.ndim != 1 or reader.shape != model.shape:
        raise ValueError(f"Two lists of equal length are needed. Received: shapes {reader.shape} and {model.shape}")
    both = np.concatenate([reader, model])
    if both.size and not (both.min() >= 0 and both.max() < GRADE_COUNT):
        raise ValueError(f"Grades run from 0 to {GRADE_COUNT - 1}. Received: {both.min()} to {both.max()}")
    return reader * GRADE_COUNT + model


def _flags_and_scores(positive: ArrayLike, score: ArrayLike) -> tuple[FlagArray, FloatArray]:
    flags, scores = np.asarray(positive, dtype=np.bool_), np.asarray(score, dtype=np.float64)
    if flags.ndim != 1 or flags.shape != scores.shape:
        raise ValueError(f"Two lists of equal length are needed. Received: shapes {flags.shape} and {scores.shape}")
    if not np.isfinite(scores).all():
        raise ValueError(f"Scores must be finite. Received: {int((~np.isfinite(scores)).sum())} that are not")
    return flags, scores


def _weight_rows(weights: FloatArray | None, size: int) -> FloatArray:
    return np.ones((1, size)) if weights is None else weights


def _drop_row(values: FloatArray, weights: FloatArray | None) -> FloatArray:
    return values.reshape(()) if weights is None else values


def _bin_index(probability: FloatArray) -> IntArray:
    if probability.size and not (probability.min() >= 0.0 and probability.max() <= 1.0 + 1e-6):
        raise ValueError(f"Probabilities run from 0 to 1. Received: {probability.min()} to {probability.max()}")
    return np.minimum((probability * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


def _divide(top: ArrayLike, bottom: ArrayLike) -> FloatArray:
    numerator, denominator = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    result = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result


def _as_tuple(values: FloatArray) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in values)
