"""Screens many photographs: one row for each, in the order given, whatever happens to any of them.

Each thread takes one photograph all the way, from reading to its overlay, so that the stages of different photographs
overlap; one thread more than there are cores keeps them busy while a disk is waited for. No more photographs are in
memory than there are threads, and no more rows wait than the window holds: a hundred thousand need no more than ten.
"""

import logging
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from dr_core.domain.errors import DRError, PhotographError, StorageError
from dr_core.domain.photograph import Float32Array
from dr_core.domain.results import ScreeningResult
from dr_core.model.classifier import Classifier
from dr_core.model.runtime import count_cores
from dr_core.screening.crew import Crew
from dr_core.screening.failure_log import log_failure
from dr_core.screening.failures import report_failure, trace_origin
from dr_core.screening.pipeline import Screening, screen_photograph
from dr_core.screening.sources import PhotographSource

__all__ = ["BatchRow", "BatchSteps", "default_workers", "plan_steps", "screen_batch"]

# Beyond this many threads Python itself becomes the bottleneck.
MAX_WORKERS = 16
# Rows, not photographs: they are small, and one slow photograph does not stop the others behind it.
WINDOW_AHEAD = 16
UNEXPECTED = "An unexpected error stopped this photograph; the others are not affected. Export it as JPEG and retry."

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class BatchRow:
    """One photograph of a finished part of the batch.

    Attributes:
        number: row of the report, from 1.
        source: where the photograph came from.
        result: what was found; its class maps and lesion maps are dropped, so that many rows fit into memory.
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

    def reject(name: str, reason: str) -> ScreeningResult:
        return report_failure(name, reason, trace_origin("", classifier.spec))

    return BatchSteps(
        screen=partial(screen_photograph, classifier=classifier, grade_ungradable=grade_ungradable, alone=False),
        reject=reject,
        keep=keep,
        recall=recall,
    )


def default_workers() -> int:
    """Return how many threads serve a batch on this machine."""
    return min(MAX_WORKERS, count_cores() + 1)


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
    side = result.prediction.side
    if side is not None:
        hidden = side.hidden and replace(side.hidden, cells=None)
        side = replace(side, lesion_maps=_empty_like(side.lesion_maps), hidden=hidden)
    class_maps = _empty_like(result.prediction.class_maps)
    return replace(result, prediction=replace(result.prediction, class_maps=class_maps, side=side))


def _empty_like(maps: Float32Array) -> Float32Array:
    return np.zeros((0, 0, maps.shape[-1]), dtype=np.float32)
