"""Screens a clinic's graded photographs with the released model, and keeps what a local calibration needs of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.operating_point import LocalOperatingPoint
from dr_core.domain.results import ScreeningResult, Status
from dr_core.model.calibration import release
from dr_core.model.classifier import Classifier
from dr_core.screening.batch import plan_steps, screen_batch
from dr_core.screening.graded_list import quote_name
from dr_core.screening.graded_photographs import GradedPhotograph
from dr_core.screening.progress import BatchProgress, Tally

__all__ = ["ClinicSample", "screen_clinic"]


@dataclass(frozen=True, eq=False)
class ClinicSample:
    """The graded photographs that are gradable, and how many were left out.

    Attributes:
        probabilities: (N, 5) float64, as the released model gives them.
        grades: (N,) int64, the readers'.
        ungradable: photographs that the quality gate refused; they get no grade in use, so they count for none here.
        failed: photographs that could not be read, or show no retina.
        repeated: photographs that are byte for byte another one, with the same grade.
        first_error: what was wrong with the first failed photograph; empty when none failed.
        released_threshold: of the model, on P(grade >= 2).
        model_sha256: of the weights that were used.
    """

    probabilities: NDArray[np.float64]
    grades: NDArray[np.int64]
    ungradable: int
    failed: int
    repeated: int
    first_error: str
    released_threshold: float
    model_sha256: str


def screen_clinic(
    photographs: Sequence[GradedPhotograph], classifier: Classifier, *, progress: Callable[[BatchProgress], None]
) -> ClinicSample:
    """Screen every photograph.

    Args:
        photographs: with their readers' grades.
        classifier: at the released operating point or at a clinic's own; the sample is the same.
        progress: told after every photograph; what it raises stops the work.

    Raises:
        ConfigurationError: one and the same photograph has two grades.
    """
    started = time.monotonic()
    rows = screen_batch([one.source for one in photographs], plan_steps(classifier))
    tally = Tally(len(photographs))
    results = []
    try:
        for row in rows:
            results.append(row.result)
            tally.add(row.result.status, reused=False)
            progress(tally.measure(time.monotonic() - started))
    finally:
        rows.close()
    graded = _drop_repeated(results, photographs)
    counts = tally.measure(time.monotonic() - started)
    probabilities = np.array([_release(result, classifier.operating_point) for result, _ in graded]).reshape(-1, 5)
    return ClinicSample(
        probabilities=probabilities,
        grades=np.array([grade for _, grade in graded], dtype=np.int64),
        ungradable=counts.ungradable,
        failed=counts.failed,
        repeated=counts.graded - len(graded),
        first_error=next((result.error for result in results if result.status is Status.FAILED), ""),
        released_threshold=classifier.spec.referable_threshold,
        model_sha256=classifier.spec.sha256,
    )


def _drop_repeated(
    results: Sequence[ScreeningResult], photographs: Sequence[GradedPhotograph]
) -> list[tuple[ScreeningResult, int]]:
    """Return each graded photograph once, with its reader's grade.

    Raises:
        ConfigurationError: one and the same photograph has two grades.
    """
    kept: dict[str, tuple[ScreeningResult, int]] = {}
    for result, photograph in zip(results, photographs, strict=True):
        if result.status is not Status.GRADED:
            continue
        first, grade = kept.setdefault(result.provenance.photograph_sha256, (result, photograph.grade))
        if grade != photograph.grade:
            raise ConfigurationError(
                f"{quote_name(first.name)} and {quote_name(result.name)} are one and the same photograph with the "
                f"grades {grade} and {photograph.grade}: decide on one, and take the other out of the list."
            )
    return list(kept.values())


def _release(result: ScreeningResult, local: LocalOperatingPoint | None) -> NDArray[np.float64]:
    """Return the (5,) probabilities of the released model, with a clinic's own calibration taken back."""
    if result.prediction is None:
        raise ValueError(f"a graded photograph has a prediction. Received: {result.status}")
    probabilities = np.asarray(result.prediction.probabilities, dtype=np.float64)
    return probabilities if local is None else release(probabilities, local)
