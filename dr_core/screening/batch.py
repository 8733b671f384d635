"""Screens many photographs: one row for each, in the order given, whatever happens to any of them.

A few threads read, decode and grade; the classifier itself takes one photograph at a time. No more photographs are
in memory than there are threads and places in the window, so that a hundred thousand need no more than ten.
"""

import logging
import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import numpy as np

from dr_core import __version__
from dr_core.domain.errors import DRError, PhotographError, StorageError
from dr_core.domain.results import Provenance, ScreeningResult, Status
from dr_core.imaging.preprocess import PREPROCESSING_VERSION
from dr_core.model.classifier import Classifier
from dr_core.screening.crew import Crew
from dr_core.screening.failure_log import log_failure
from dr_core.screening.pipeline import Screening, screen_photograph
from dr_core.screening.sources import PhotographSource

__all__ = ["BatchRow", "BatchSteps", "default_workers", "plan_steps", "screen_batch"]

MAX_WORKERS = 4
WINDOW_AHEAD = 2
UNEXPECTED = "An unexpected error stopped this photograph; the others are not affected. Export it as JPEG and retry."

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class BatchRow:
    """One photograph of a finished part of the batch.

    Attributes:
        number: row of the report, from 1.
        source: where the photograph came from.
        result: what was found; its class maps are dropped, so that many rows fit into memory.
        fingerprint: of the source, taken before its bytes were read.
        reused: whether the result was taken over from an earlier run.
    """

    number: int
    source: PhotographSource
    result: ScreeningResult
    fingerprint: str = ""
    reused: bool = False


@dataclass(frozen=True, eq=False)
class BatchSteps:
    """What is done with each photograph. All are called from several threads at once.

    Attributes:
        screen: grades bytes under a name; never raises for a bad photograph.
        reject: makes the failed result of a photograph whose bytes cannot be had, from its name and the reason.
        keep: takes what shall outlive the photograph (its overlay), given row number and screening.
        recall: returns the result of an earlier run, given row number and source, or None.
    """

    screen: Callable[[bytes, str], Screening]
    reject: Callable[[str, str], ScreeningResult]
    keep: Callable[[int, Screening], None] | None = None
    recall: Callable[[int, PhotographSource], ScreeningResult | None] | None = None


def plan_steps(
    classifier: Classifier,
    *,
    grade_ungradable: bool = False,
    keep: Callable[[int, Screening], None] | None = None,
    recall: Callable[[int, PhotographSource], ScreeningResult | None] | None = None,
) -> BatchSteps:
    """Return the steps that grade with `classifier`; see `BatchSteps` and `screen_photograph` for the rest."""
    return BatchSteps(
        screen=partial(screen_photograph, classifier=classifier, grade_ungradable=grade_ungradable),
        reject=partial(_reject, classifier=classifier),
        keep=keep,
        recall=recall,
    )


def default_workers() -> int:
    """Return how many threads serve a batch on this machine."""
    return max(1, min(MAX_WORKERS, os.cpu_count() or 1))


def screen_batch(
    sources: Sequence[PhotographSource], steps: BatchSteps, *, workers: int | None = None
) -> Generator[BatchRow, None, None]:
    """Yield one row for each source, in their order.

    Closing the generator stops the batch after the photographs that are being worked on.

    Args:
        sources: the photographs.
        steps: what is done with each.
        workers: threads; None for what suits the machine.

    Raises:
        StorageError: an overlay or the journal could not be written: no photograph's fault, so the batch stops.
    """
    count = default_workers() if workers is None else workers
    window: deque[Future[BatchRow]] = deque()
    crew: Crew[BatchRow] = Crew(count, "screening")
    try:
        for number, source in enumerate(sources, start=1):
            if len(window) >= count + WINDOW_AHEAD:
                yield window.popleft().result()
            window.append(crew.submit(partial(_screen_source, number, source, steps)))
        while window:
            yield window.popleft().result()
    finally:
        for future in window:
            future.cancel()
        crew.dismiss()


def _screen_source(number: int, source: PhotographSource, steps: BatchSteps) -> BatchRow:
    try:
        earlier = steps.recall(number, source) if steps.recall else None
        if earlier is not None:
            return BatchRow(number, source, earlier, reused=True)
        fingerprint = source.fingerprint()
        return BatchRow(number, source, _screen_bytes(number, source, steps), fingerprint)
    except StorageError:
        raise
    except Exception as error:  # noqa: BLE001 - the batch item
        log_failure(logger, f"Photograph {number} of the batch failed unexpectedly.", error)
        reason = str(error) if isinstance(error, DRError) else UNEXPECTED
        return BatchRow(number, source, steps.reject(source.name, reason))


def _screen_bytes(number: int, source: PhotographSource, steps: BatchSteps) -> ScreeningResult:
    try:
        data = source.read_bytes()
    except PhotographError as error:
        return steps.reject(source.name, str(error))
    screening = steps.screen(data, source.name)
    if steps.keep is not None:
        steps.keep(number, screening)
    return _drop_maps(screening.result)


def _drop_maps(result: ScreeningResult) -> ScreeningResult:
    if result.prediction is None:
        return result
    no_maps = np.zeros((0, 0, len(result.prediction.probabilities)), dtype=np.float32)
    return replace(result, prediction=replace(result.prediction, class_maps=no_maps))


def _reject(name: str, reason: str, *, classifier: Classifier) -> ScreeningResult:
    return ScreeningResult(
        name=name,
        status=Status.FAILED,
        laterality=None,
        width_px=0,
        height_px=0,
        quality=None,
        prediction=None,
        decision=None,
        provenance=Provenance(
            photograph_sha256="",
            model_name=classifier.spec.name,
            model_sha256=classifier.spec.sha256,
            preprocessing_version=PREPROCESSING_VERSION,
            package_version=__version__,
            created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
        elapsed_s=0.0,
        error=reason,
    )
