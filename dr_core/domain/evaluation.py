"""What an evaluation measured: frozen records that the command writes and the model page reads.

An undefined figure (an AUC where one class is missing) is an `Estimate` without value and with its reason.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A figure with its bootstrap interval.

    Attributes:
        value: the figure on the photographs as they are; None where it is undefined.
        low: lower end of the 95% percentile interval; None where too few resamples define the figure.
        high: upper end of the same interval.
        reason: why the figure or its interval is missing; empty when both are there.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class RocCurve:
    """A receiver operating characteristic, thinned for drawing.

    Attributes:
        false_positive_rate: rising from 0 to 1.
        true_positive_rate: same length, rising from 0 to 1.
    """

    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]


@dataclass(frozen=True)
class ReliabilityBin:
    """Photographs whose probability falls into one of the equal-width bins.

    Attributes:
        mean_probability: what the model said of them on average.
        observed_rate: share of them that are positive.
        count: how many there are; empty bins are left out.
    """

    mean_probability: float
    observed_rate: float
    count: int


@dataclass(frozen=True)
class OperatingPoint:
    """Sensitivity and specificity at a threshold that was frozen before these photographs were seen."""

    threshold: float
    sensitivity: Estimate
    specificity: Estimate


@dataclass(frozen=True)
class BoundaryMetrics:
    """How well P(grade >= boundary) separates, and whether it can be taken at its word.

    Attributes:
        boundary: 1 for any DR, 2 for referable, 3 for vision-threatening.
        positives: photographs at or above the boundary.
        negatives: photographs below it.
        auc: area under the ROC curve.
        roc: the curve; None where one class is missing.
        calibration_error: expected calibration error of P(grade >= boundary).
        reliability: the bins behind `calibration_error`.
        operating_point: None where the model freezes no threshold for this boundary.
    """

    boundary: int
    positives: int
    negatives: int
    auc: Estimate
    roc: RocCurve | None
    calibration_error: Estimate
    reliability: tuple[ReliabilityBin, ...]
    operating_point: OperatingPoint | None


@dataclass(frozen=True)
class SliceMetrics:
    """All figures of one set of photographs.

    Attributes:
        n: photographs in the set.
        n_clusters: independent units among them (patients, or groups of duplicates).
        confusion: 5 rows of 5 counts; row = reader's grade, column = model's grade.
        accuracy: share of exactly equal grades.
        kappa: quadratic weighted kappa.
        boundaries: metrics of the boundaries 1, 2 and 3, in this order.
    """

    n: int
    n_clusters: int
    confusion: tuple[tuple[int, ...], ...]
    accuracy: Estimate
    kappa: Estimate
    boundaries: tuple[BoundaryMetrics, ...]

    def at_boundary(self, boundary: int) -> BoundaryMetrics:
        """Return the metrics of one boundary.

        Raises:
            ValueError: the boundary was not measured.
        """
        for metrics in self.boundaries:
            if metrics.boundary == boundary:
                return metrics
        raise ValueError(f"No metrics for this boundary. Received: {boundary}")


@dataclass(frozen=True)
class SourceEvaluation:
    """One source of the split, or all of them together.

    Attributes:
        source: name in the manifest, or `POOLED`.
        n_labelled: photographs of the split with a reader's grade; each is counted below exactly once.
        n_gradable: passed the quality gate.
        n_ungradable: refused by the quality gate; graded all the same, for `everything`.
        n_failed: no prediction at all; in no figure but `accuracy_failed_as_wrong`.
        accuracy_failed_as_wrong: accuracy over `n_labelled`, each failed photograph counting as an error.
        everything: figures over gradable and ungradable photographs; None when none has a prediction.
        gradable: figures over the photographs that a clinic would get a grade for; None when there are none.
    """

    source: str
    n_labelled: int
    n_gradable: int
    n_ungradable: int
    n_failed: int
    accuracy_failed_as_wrong: float
    everything: SliceMetrics | None
    gradable: SliceMetrics | None


POOLED = "pooled"


@dataclass(frozen=True)
class EvaluationRecord:
    """Everything one run of the evaluation has to say.

    Attributes:
        split: val or test.
        model_name: name in the model's JSON.
        model_sha256: hex digest of the released weights.
        preprocessing_version: version of geometry and colour normalisation.
        package_version: version of RetinaDesk.
        created_utc: ISO 8601 time, UTC.
        bootstrap_resamples: resamples behind every interval.
        bootstrap_seed: seed of the resampling.
        seconds_per_photograph: mean wall-clock time from bytes to result on the machine that ran it.
        sources: one entry a source, in the order of the manifest, then the pooled one.
    """

    split: str
    model_name: str
    model_sha256: str
    preprocessing_version: str
    package_version: str
    created_utc: str
    bootstrap_resamples: int
    bootstrap_seed: int
    seconds_per_photograph: float
    sources: tuple[SourceEvaluation, ...]


@dataclass(frozen=True)
class BaselineSource:
    """The notebook baseline's figures on one source."""

    source: str
    metrics: SliceMetrics


@dataclass(frozen=True)
class BaselineRecord:
    """The starting notebook's way, trained and tested on the same APTOS split.

    Attributes:
        description: how it was trained, in a few words.
        created_utc: ISO 8601 time, UTC.
        seconds_per_original: mean time for one full-resolution photograph, read, resized and predicted alone.
        retinadesk_seconds_per_original: the same photographs through RetinaDesk's pipeline, on the same machine.
        n_originals: photographs behind both times.
        sources: test figures; the first is APTOS, which it was trained on.
    """

    description: str
    created_utc: str
    seconds_per_original: float
    retinadesk_seconds_per_original: float
    n_originals: int
    sources: tuple[BaselineSource, ...]
