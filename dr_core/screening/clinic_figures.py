"""Figures of a clinic's own photographs: shares with intervals, the ROC curve, what is stated against what is seen."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dr_core.domain.evaluation import ReliabilityBin, RocCurve
from dr_core.domain.operating_point import Proportion
from dr_core.domain.roc import count_calls

__all__ = ["CalibrationStage", "bin_reliability", "measure_proportion", "measure_stage", "trace_roc"]

FloatArray = NDArray[np.float64]
FlagArray = NDArray[np.bool_]

MAX_BINS = 8
MIN_PER_BIN = 12
_NORMAL_975 = 1.959963984540054


@dataclass(frozen=True)
class CalibrationStage:
    """The clinic's photographs at one calibration and one threshold.

    Attributes:
        temperature: 1 for the released model.
        shift: of the boundaries' log odds; 0 for the released model.
        threshold: on P(grade >= 2) so calibrated.
        true_positives: referable photographs that are called referable.
        false_negatives: referable photographs that are missed.
        false_positives: other photographs that are called referable.
        true_negatives: other photographs that are not.
        surprise: mean negative log-likelihood of the readers' grades, in nats; less is better.
        stated_share: mean P(grade >= 2), what the model says is the share of referable photographs.
        reliability: stated against observed share in bins of equal count, from low to high.
    """

    temperature: float
    shift: float
    threshold: float
    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int
    surprise: float
    stated_share: float
    reliability: tuple[ReliabilityBin, ...]

    @property
    def sensitivity(self) -> Proportion:
        """Share of the referable photographs that are called so."""
        return measure_proportion(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def specificity(self) -> Proportion:
        """Share of the other photographs that are not called referable."""
        return measure_proportion(self.true_negatives, self.true_negatives + self.false_positives)


def measure_proportion(hits: int, count: int) -> Proportion:
    """Return `hits` of `count` as a share with its 95% interval (Wilson, 1927).

    Raises:
        ValueError: there is nothing to take a share of.
    """
    if not 0 <= hits <= count or count == 0:
        raise ValueError(f"hits must be some of a positive count. Received: {hits} of {count}")
    share, z2 = hits / count, _NORMAL_975**2
    center = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _NORMAL_975 / (1 + z2 / count) * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    # At both ends the formula gives 0 and 1 but for rounding.
    low = 0.0 if hits == 0 else max(0.0, center - half)
    high = 1.0 if hits == count else min(1.0, center + half)
    return Proportion(share, low, high, count)


def trace_roc(scores: FloatArray, positive: FlagArray) -> tuple[RocCurve, float]:
    """Return the ROC curve and the area under it, ties counted by half.

    Args:
        scores: (N,) higher for photographs that are more likely positive.
        positive: (N,) what they are; both kinds must be there.
    """
    hits, false_alarms = count_calls(scores, positive)
    sensitivity, fall_out = hits / positive.sum(), false_alarms / (~positive).sum()
    area = float(np.sum(np.diff(fall_out) * (sensitivity[1:] + sensitivity[:-1]) / 2))
    return RocCurve(tuple(fall_out.tolist()), tuple(sensitivity.tolist())), area


def bin_reliability(scores: FloatArray, positive: FlagArray) -> tuple[ReliabilityBin, ...]:
    """Return stated against observed share in bins of equal count, from low to high.

    Args:
        scores: (N,) stated probabilities.
        positive: (N,) what came true.
    """
    order = np.argsort(scores, kind="stable")
    bins = max(1, min(MAX_BINS, order.size // MIN_PER_BIN))
    return tuple(
        ReliabilityBin(float(scores[part].mean()), float(positive[part].mean()), int(part.size))
        for part in np.array_split(order, bins)
    )


def measure_stage(
    settings: tuple[float, float, float], scores: FloatArray, positive: FlagArray, *, called: FlagArray, surprise: float
) -> CalibrationStage:
    """Count the calls of a clinic's photographs, and compare what the model states with what the readers saw.

    Args:
        settings: temperature, shift and threshold, for the record.
        scores: (N,) P(grade >= 2).
        positive: (N,) whether the reader's grade is referable.
        called: (N,) whether the photograph is called referable.
        surprise: mean negative log-likelihood of the readers' grades.
    """
    temperature, shift, threshold = settings
    return CalibrationStage(
        temperature=temperature,
        shift=shift,
        threshold=threshold,
        true_positives=int((positive & called).sum()),
        false_negatives=int((positive & ~called).sum()),
        false_positives=int((~positive & called).sum()),
        true_negatives=int((~positive & ~called).sum()),
        surprise=surprise,
        stated_share=float(scores.mean()),
        reliability=bin_reliability(scores, positive),
    )
