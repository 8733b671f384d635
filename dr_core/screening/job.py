"""One batch in the background: its state, its results so far, and its pictures."""

import logging
import secrets
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from dr_core.domain.errors import DRError
from dr_core.domain.reading import Reading
from dr_core.domain.results import ScreeningResult
from dr_core.model.classifier import Classifier
from dr_core.screening.batch import BatchRow, plan_steps, screen_batch
from dr_core.screening.curtain import Curtain
from dr_core.screening.failure_log import log_failure
from dr_core.screening.job_state import JobState, read_clock
from dr_core.screening.keepsakes import PictureFolder, draw_overlay, draw_thumbnail
from dr_core.screening.overlay_mark import name_overlay
from dr_core.screening.pipeline import Screening
from dr_core.screening.progress import BatchProgress, Tally
from dr_core.screening.sources import BatchInput, PhotographSource
from dr_core.screening.spool import Spool

__all__ = ["BatchJob", "JobRequest"]

UNEXPECTED = "An unexpected error stopped this batch. Start it again; if it recurs, use the command line."
TURN_POLL_S = 0.2

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobRequest:
    """What a batch is asked to do.

    Attributes:
        batch: the photographs.
        spool: private folder that holds the uploads, if any, and takes the results.
        grade_ungradable: whether ungradable photographs get probabilities as well.
        read_first: whether each answer stays hidden until a person has graded the photograph.
    """

    batch: BatchInput
    spool: Spool
    grade_ungradable: bool = False
    read_first: bool = False


class BatchJob:
    """One batch and what it has found; every method may be called from any thread."""

    def __init__(self, job_id: str, request: JobRequest, lifetime_s: float) -> None:
        """Prepare a batch; `run` does the work."""
        self.id = job_id
        self.request = request
        self.expires_at = read_clock() + lifetime_s
        self.error = ""
        self._lifetime_s = lifetime_s
        self._pictures = PictureFolder(request.spool.folder / "pictures")
        self._state = JobState.WAITING
        self._cancelled = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._results: list[ScreeningResult] = []
        self._referable, self._revision = 0, 0
        self._curtain = Curtain(closed=request.read_first)
        self._tally = Tally(len(request.batch.photographs))
        self._started_at: float | None = None
        self._elapsed_s = 0.0

    @property
    def state(self) -> JobState:
        """Where the batch is in its life."""
        return self._state

    @property
    def stopping(self) -> bool:
        """True between `cancel` and the end, while the photographs at hand are finished."""
        return self._cancelled.is_set() and not self._state.ended

    @property
    def progress(self) -> BatchProgress:
        """How far the batch is."""
        with self._lock:
            running = self._started_at is not None and not self._state.ended
            elapsed_s = time.monotonic() - self._started_at if running and self._started_at else self._elapsed_s
            return self._tally.measure(elapsed_s)

    @property
    def results(self) -> tuple[ScreeningResult, ...]:
        """Results so far, in the order of the report."""
        with self._lock:
            return tuple(self._results)

    @property
    def referable(self) -> int:
        """How many photographs are referable so far."""
        with self._lock:
            return self._referable

    @property
    def read_count(self) -> int:
        """How many photographs a person has read."""
        with self._lock:
            return sum(result.reading is not None for result in self._results)

    @property
    def revision(self) -> int:
        """Changes with every reading, and when the answers are shown."""
        with self._lock:
            return self._revision

    @property
    def hidden(self) -> frozenset[int]:
        """Rows, from 1, whose answer waits for a person's grade."""
        with self._lock:
            return self._curtain.find_hidden(self._results)

    @property
    def hides_answers(self) -> bool:
        """Whether any answer is hidden, or will be when its photograph is done."""
        with self._lock:
            hidden = self._curtain.find_hidden(self._results)
            return bool(hidden) or (self._curtain.closed and not self._state.ended)

    def show_all(self) -> None:
        """Show every answer that is still hidden; grades given from now on are not independent of them."""
        with self._lock:
            self._curtain.closed = False
            self._revision += 1

    def recall_reading(self, number: int) -> Reading | None:
        """Return what a person says of the photograph of row `number`, from 1, at this moment."""
        with self._lock:
            return self._results[number - 1].reading

    def read(self, number: int, reading: Reading | None) -> None:
        """Put what a person says to the photograph of row `number`, from 1, or take it back with None.

        A batch that is being read is kept as long as one that has just ended. Whether a grade is blind is found here.
        """
        with self._lock:
            before = self._results[number - 1]
            after = replace(before, reading=self._curtain.judge(number, before.reading, reading))
            self._results[number - 1] = after
            self._referable += (after.final_referable is True) - (before.final_referable is True)
            self._revision += 1
            self.expires_at = read_clock() + self._lifetime_s

    @property
    def picture_folder(self) -> Path:
        """Folder that holds the overlays."""
        return self._pictures.folder

    def find_source(self, number: int) -> PhotographSource:
        """Return where the photograph of row `number`, from 1, came from."""
        return self.request.batch.photographs[number - 1]

    def find_overlay(self, number: int) -> str:
        """Return the file name of the overlay of row `number`, from 1; empty when there is none."""
        with self._lock:
            sha256 = self._results[number - 1].provenance.photograph_sha256
        name = name_overlay(number, sha256)
        return name if self._pictures.has(name) else ""

    def read_thumbnail(self, number: int) -> bytes | None:
        """Return a small JPEG of row `number`, from 1; None when there is none."""
        return self._pictures.read(_name_thumbnail(number))

    def new_file(self, suffix: str) -> Path:
        """Return the path of a file in the private folder that does not exist yet; the caller removes it."""
        return self.request.spool.folder / f"{secrets.token_hex(8)}{suffix}"

    def cancel(self) -> None:
        """Stop after the photographs that are being worked on; what is done stays."""
        self._cancelled.set()

    def remove(self) -> None:
        """Stop, and delete all files as soon as nothing works on them any more."""
        self.cancel()
        if self._ended.is_set():
            self.request.spool.remove()
        else:
            threading.Thread(target=self._remove_when_ended, name="batch-remover", daemon=True).start()

    def _remove_when_ended(self) -> None:
        self._ended.wait()
        self.request.spool.remove()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the batch has ended; return whether it has."""
        return self._ended.wait(timeout_s)

    def run(self, classifier: Classifier, turns: threading.Semaphore) -> None:
        """Do the work, when it is this batch's turn."""
        try:
            while not turns.acquire(timeout=TURN_POLL_S):
                if self._cancelled.is_set():
                    self._end(JobState.CANCELLED)
                    return
            try:
                self._screen_all(classifier)
            finally:
                turns.release()
        except DRError as error:
            self._end(JobState.FAILED, str(error))
        except Exception as error:  # noqa: BLE001 - the border of a background thread
            log_failure(logger, "A batch stopped unexpectedly.", error)
            self._end(JobState.FAILED, UNEXPECTED)

    def _screen_all(self, classifier: Classifier) -> None:
        with self._lock:
            self._started_at = time.monotonic()
            self._state = JobState.RUNNING
        steps = plan_steps(classifier, grade_ungradable=self.request.grade_ungradable, keep=self._keep)
        rows = screen_batch(self.request.batch.photographs, steps)
        try:
            for row in rows:
                self._add(row)
                if self._cancelled.is_set():
                    break
        finally:
            rows.close()
        complete = len(self._results) == len(self.request.batch.photographs)
        self._end(JobState.FINISHED if complete else JobState.CANCELLED)

    def _add(self, row: BatchRow) -> None:
        with self._lock:
            self._results.append(row.result)
            self._referable += row.result.final_referable is True
            self._tally.add(row.result.status, reused=False)

    def _keep(self, number: int, screening: Screening) -> None:
        if (thumbnail := draw_thumbnail(screening)) is not None:
            self._pictures.write(_name_thumbnail(number), thumbnail)
        if (overlay := draw_overlay(screening)) is not None:
            self._pictures.write(name_overlay(number, screening.result.provenance.photograph_sha256), overlay)

    def _end(self, state: JobState, error: str = "") -> None:
        with self._lock:
            self._elapsed_s = time.monotonic() - self._started_at if self._started_at is not None else 0.0
            self.error = error
            self.expires_at = read_clock() + self._lifetime_s
            self._state = state
        self._ended.set()


def _name_thumbnail(number: int) -> str:
    return f"thumbnail_{number:06d}.jpg"
