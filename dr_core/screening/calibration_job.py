"""A local calibration at work for one browser session: in memory alone, in a thread, with progress and a way to stop.

The session and the thread alone know it. It ends when nobody has asked after it for a while, so that a closed browser
leaves nothing behind, and nothing is ever written to a disk.
"""

import io
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from dr_core.domain.errors import DRError
from dr_core.model.classifier import Classifier
from dr_core.screening.clinic_sample import ClinicSample, screen_clinic
from dr_core.screening.failure_log import log_failure
from dr_core.screening.graded_photographs import GradedPhotograph
from dr_core.screening.job_state import JobState
from dr_core.screening.progress import BatchProgress

__all__ = ["CalibrationJob", "HeldPhotograph"]

UNEXPECTED = "An unexpected error stopped the calibration. Start it again; if it recurs, use the command line."
TURN_POLL_S = 0.2
ABANDONED_S = 600.0

logger = logging.getLogger(__name__)
# One at a time in this process: each keeps all cores busy.
_turn = threading.Semaphore(1)


@dataclass(frozen=True, eq=False)
class HeldPhotograph:
    """An upload that a browser session holds in memory; the name is untrusted text."""

    name: str
    upload: io.BytesIO

    def read_bytes(self) -> bytes:
        """Return the bytes, which are shared with the upload and not copied."""
        return self.upload.getvalue()

    def fingerprint(self) -> str:
        """Return the empty text: nothing is resumed here."""
        return ""


class _CancelledError(Exception):
    """The user stopped the calibration."""


class CalibrationJob:
    """One calibration; every method may be called from any thread."""

    def __init__(self, photographs: Sequence[GradedPhotograph]) -> None:
        """Take the photographs; `start` does the work."""
        self._photographs: Sequence[GradedPhotograph] = photographs
        self._progress = BatchProgress(total=len(photographs))
        self._state = JobState.WAITING
        self._cancelled = threading.Event()
        self._ended = threading.Event()
        self._asked_at = time.monotonic()
        self._sample: ClinicSample | None = None
        self.error = ""

    @property
    def state(self) -> JobState:
        """Where the calibration is in its life."""
        return self._state

    @property
    def progress(self) -> BatchProgress:
        """How far the screening is; whoever asks keeps it going."""
        self._asked_at = time.monotonic()
        return self._progress

    @property
    def sample(self) -> ClinicSample | None:
        """What was found; None until the calibration has finished."""
        return self._sample

    def start(self, classifier: Classifier) -> None:
        """Begin in a thread of its own."""
        threading.Thread(target=self._run, args=(classifier,), name="calibration", daemon=True).start()

    def cancel(self) -> None:
        """Stop after the photographs that are being worked on; nothing is kept."""
        self._cancelled.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the calibration has ended; return whether it has."""
        return self._ended.wait(timeout_s)

    def _run(self, classifier: Classifier) -> None:
        try:
            while not _turn.acquire(timeout=TURN_POLL_S):
                self._stop_if_cancelled()
            try:
                self._state = JobState.RUNNING
                self._sample = screen_clinic(self._photographs, classifier, progress=self._take_progress)
            finally:
                _turn.release()
            self._end(JobState.FINISHED)
        except _CancelledError:
            self._end(JobState.CANCELLED)
        except DRError as error:
            self._end(JobState.FAILED, str(error))
        except Exception as error:  # noqa: BLE001 - the border of a background thread
            log_failure(logger, "A local calibration stopped unexpectedly.", error)
            self._end(JobState.FAILED, UNEXPECTED)

    def _take_progress(self, progress: BatchProgress) -> None:
        self._progress = progress
        self._stop_if_cancelled()

    def _stop_if_cancelled(self) -> None:
        if self._cancelled.is_set() or time.monotonic() - self._asked_at > ABANDONED_S:
            raise _CancelledError

    def _end(self, state: JobState, error: str = "") -> None:
        # The photographs are of no use any more, and may be a gigabyte.
        self._photographs = ()
        self.error = error
        self._state = state
        self._ended.set()
