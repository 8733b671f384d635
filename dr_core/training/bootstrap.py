"""95% intervals by a seeded cluster bootstrap, and the full set of figures for one slice of photographs.

Patients are drawn with replacement, not photographs: two eyes of one patient, and two copies of one photograph, stand
or fall together. Each source is resampled within itself (the pooled figures are stratified by source, since the mix of
sources is fixed by design); grades are not held fixed. Intervals are the 2.5th and 97.5th percentiles. A sensitivity or
specificity of exactly 0 or 1 never varies under resampling; it gets the exact binomial interval (Clopper and Pearson,
1934) over its clusters instead. The calibration error is biased upwards by resampling, so its interval may lie above
its value on small sets.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dr_core.domain.agreement import kappa_of
from dr_core.domain.evaluation import BoundaryMetrics, Estimate, OperatingPoint, SliceMetrics
from dr_core.domain.grades import GRADE_COUNT
from dr_core.training import metrics
from dr_core.training.metrics import FlagArray, FloatArray, IntArray

RESAMPLES = 2000
SEED = 20190907
BOUNDARIES = (1, 2, 3)
_PERCENTILES = (2.5, 97.5)
_TAIL = 0.025
_MIN_DEFINED_SHARE = 0.95
_ONE_CLASS = "Only one class is present."
_ONE_GRADE = "Reader and model use one and the same grade throughout."
_EMPTY = "No photographs."
_RARE_CLASS = "No interval: one class is missing from more than 5% of the resamples."


@dataclass(frozen=True, eq=False)
class GradedSet:
    """Photographs with a reader's grade and the model's answer.

    Attributes:
        truth: (n,) int64, the reader's grade.
        grades: (n,) int64, the model's grade.
        exceedance: (n, 3) float64, P(grade >= 1), P(grade >= 2), P(grade >= 3).
        clusters: (n,) str; equal where photographs depend on each other (patient, or group of duplicates).
        sources: (n,) str, strata of the resampling.
    """

    truth: IntArray
    grades: IntArray
    exceedance: FloatArray
    clusters: NDArray[np.str_]
    sources: NDArray[np.str_]

    def select(self, chosen: FlagArray) -> "GradedSet":
        """Return the photographs for which `chosen` (n,) bool is true."""
        return GradedSet(
            self.truth[chosen],
            self.grades[chosen],
            self.exceedance[chosen],
            self.clusters[chosen],
            self.sources[chosen],
        )


def draw_resamples(graded: GradedSet, *, count: int = RESAMPLES, seed: int = SEED) -> FloatArray:
    """Draw how often each photograph counts in each resample.

    Returns:
        (count, n) float64 of whole numbers; in a row, photographs of one cluster share their number.
    """
    generator = np.random.default_rng(seed)
    weights = np.zeros((count, graded.truth.size))
    for source in np.unique(graded.sources):
        inside = np.flatnonzero(graded.sources == source)
        units, unit_of = np.unique(graded.clusters[inside], return_inverse=True)
        draws = generator.multinomial(units.size, np.full(units.size, 1.0 / units.size), size=count)
        weights[:, inside] = draws[:, unit_of]
    return weights


def measure_slice(
    graded: GradedSet,
    *,
    thresholds: Mapping[int, float],
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> SliceMetrics:
    """Measure every figure of one set of photographs, each with its interval.

    Args:
        graded: the photographs; may be of one class only, or empty.
        thresholds: frozen threshold of P(grade >= boundary), by boundary; a boundary may be left out.
        resamples: bootstrap resamples.
        seed: of the resampling.
    """
    weights = draw_resamples(graded, count=resamples, seed=seed)
    plain = np.ones((1, graded.truth.size))
    rows = np.concatenate([plain, weights])
    confusions = metrics.weigh_confusion(graded.truth, graded.grades, rows)
    counted = metrics.count_confusion(graded.truth, graded.grades)
    return SliceMetrics(
        n=int(graded.truth.size),
        n_clusters=count_clusters(graded),
        confusion=tuple(tuple(int(cell) for cell in row) for row in counted),
        accuracy=summarise(metrics.accuracy_of(confusions), _EMPTY),
        kappa=summarise(kappa_of(confusions), _ONE_GRADE if graded.truth.size else _EMPTY),
        boundaries=tuple(_measure_boundary(graded, k, thresholds.get(k), rows) for k in BOUNDARIES if k < GRADE_COUNT),
    )


def count_clusters(graded: GradedSet) -> int:
    """Count the independent units among the photographs: patients, or groups of copies, within each source."""
    return len(set(zip(graded.sources.tolist(), graded.clusters.tolist(), strict=True)))


def summarise(values: FloatArray, reason_undefined: str) -> Estimate:
    """Turn a figure and its resampled copies into an estimate.

    Args:
        values: (1 + B,) float64; first the figure itself, then one for each resample; NaN where undefined.
        reason_undefined: what to say when the figure itself is undefined.
    """
    value, resampled = float(values[0]), values[1:]
    if np.isnan(value):
        return Estimate(None, reason=reason_undefined)
    defined = resampled[~np.isnan(resampled)]
    if defined.size == 0 or defined.size < _MIN_DEFINED_SHARE * resampled.size:
        return Estimate(round(value, 4), reason=_RARE_CLASS)
    low, high = np.percentile(defined, _PERCENTILES)
    return Estimate(round(value, 4), round(float(low), 4), round(float(high), 4))


def _measure_boundary(graded: GradedSet, boundary: int, threshold: float | None, rows: FloatArray) -> BoundaryMetrics:
    positive = graded.truth >= boundary
    probability = graded.exceedance[:, BOUNDARIES.index(boundary)]
    return BoundaryMetrics(
        boundary=boundary,
        positives=int(positive.sum()),
        negatives=int((~positive).sum()),
        auc=summarise(metrics.area_under_roc(positive, probability, rows), _ONE_CLASS),
        roc=metrics.trace_roc(positive, probability),
        calibration_error=summarise(metrics.calibration_error(positive, probability, rows), _EMPTY),
        reliability=metrics.trace_reliability(positive, probability),
        operating_point=None if threshold is None else _measure_rates(graded, boundary, threshold, rows),
    )


def _measure_rates(graded: GradedSet, boundary: int, threshold: float, rows: FloatArray) -> OperatingPoint:
    positive = graded.truth >= boundary
    probability = graded.exceedance[:, BOUNDARIES.index(boundary)]
    sensitivity, specificity = metrics.rates_at(positive, probability, threshold, rows)
    return OperatingPoint(
        threshold=threshold,
        sensitivity=_summarise_rate(
            sensitivity, count_clusters(graded.select(positive)), "No photograph at or above this boundary."
        ),
        specificity=_summarise_rate(
            specificity, count_clusters(graded.select(~positive)), "No photograph below this boundary."
        ),
    )


def _summarise_rate(values: FloatArray, n_clusters: int, reason_undefined: str) -> Estimate:
    estimate = summarise(values, reason_undefined)
    if estimate.value == 1.0:
        return Estimate(1.0, round(_TAIL ** (1.0 / n_clusters), 4), 1.0)
    if estimate.value == 0.0:
        return Estimate(0.0, 0.0, round(1.0 - _TAIL ** (1.0 / n_clusters), 4))
    return estimate
