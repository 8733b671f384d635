"""Batches that go on when the page is left: kept in this process, outside any session, found by an unguessable id.

Whoever knows the id sees the batch, and nobody else does. Uploads and results lie in a private folder until they expire
or the program ends, whichever comes first.
"""

import atexit
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from dr_core.domain.errors import ConfigurationError
from dr_core.model.classifier import Classifier
from dr_core.screening.job import BatchJob, JobRequest
from dr_core.screening.job_state import read_clock
from dr_core.screening.spool import Spool, SpoolRoot

__all__ = ["JobRegistry", "get_registry"]

JOBS_AT_ONCE = 2
MAX_JOBS = 50
MAX_PHOTOGRAPHS = 20_000
SWEEP_EVERY_S = 300.0
CLOSING_S = 10.0
ID_BYTES = 32

_registry_lock = threading.Lock()
_registries: dict[Path, "JobRegistry"] = {}


class JobRegistry:
    """All batches of this process."""

    def __init__(self, parent: Path, *, lifetime_s: float, clock: Callable[[], float] = read_clock) -> None:
        """Make the private folder.

        Args:
            parent: folder to make it in.
            lifetime_s: seconds for which a batch is kept after its end.
            clock: seconds, on the clock that batches end by.

        Raises:
            StorageError: the disk refused.
        """
        self._root = SpoolRoot(parent)
        self._lifetime_s = lifetime_s
        self._clock = clock
        self._jobs: dict[str, BatchJob] = {}
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(JOBS_AT_ONCE)
        self._closed = threading.Event()
        threading.Thread(target=self._sweep_often, name="batch-sweeper", daemon=True).start()

    def make_spool(self) -> Spool:
        """Return a private folder for the uploads of one batch; `start` takes it over.

        Raises:
            StorageError: the disk refused.
        """
        return self._root.make_spool()

    def start(self, request: JobRequest, classifier: Classifier) -> BatchJob:
        """Start a batch in the background.

        Raises:
            ConfigurationError: no photographs, too many of them, or too many batches.
        """
        count = len(request.batch.photographs)
        if count == 0:
            raise ConfigurationError("There is no photograph among the files: add JPEG, PNG, TIFF or DICOM files.")
        if count > MAX_PHOTOGRAPHS:
            raise ConfigurationError(
                f"{count:,} photographs are more than the page takes ({MAX_PHOTOGRAPHS:,}): use the command line, "
                "python -m dr_core grade."
            )
        self.sweep()
        job = BatchJob(secrets.token_urlsafe(ID_BYTES), request, self._lifetime_s)
        with self._lock:
            if len(self._jobs) >= MAX_JOBS:
                raise ConfigurationError("The server holds too many batches: delete one that is done, or wait.")
            self._jobs[job.id] = job
        threading.Thread(target=job.run, args=(classifier, self._turns), name="batch", daemon=True).start()
        return job

    def find(self, job_id: str) -> BatchJob | None:
        """Return the batch with this id; None when there is none or it has expired."""
        self.sweep()
        with self._lock:
            return self._jobs.get(job_id)

    def discard(self, job_id: str) -> None:
        """Stop a batch and delete its files."""
        with self._lock:
            job = self._jobs.pop(job_id, None)
        if job is not None:
            job.remove()

    def sweep(self) -> None:
        """Delete batches that ended long enough ago."""
        now = self._clock()
        with self._lock:
            expired = [job for job in self._jobs.values() if job.state.ended and job.expires_at < now]
            for job in expired:
                del self._jobs[job.id]
        for job in expired:
            job.remove()

    def close(self) -> None:
        """Stop all batches and delete all files; a second call does nothing."""
        if self._closed.is_set():
            return
        self._closed.set()
        with self._lock:
            jobs = list(self._jobs.values())
            self._jobs.clear()
        for job in jobs:
            job.cancel()
        for job in jobs:
            job.wait(CLOSING_S)
        self._root.remove()

    def _sweep_often(self) -> None:
        while not self._closed.wait(SWEEP_EVERY_S):
            self.sweep()


def get_registry(parent: Path, *, lifetime_s: float) -> JobRegistry:
    """Return the one registry of this process for `parent`, made at the first call and closed at exit.

    Raises:
        StorageError: the disk refused.
    """
    with _registry_lock:
        if parent not in _registries:
            _registries[parent] = JobRegistry(parent, lifetime_s=lifetime_s)
            atexit.register(_registries[parent].close)
        return _registries[parent]
