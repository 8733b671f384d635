"""Where work in the background is in its life, be it a batch or a calibration, and the clock that it lives by."""

import time
from enum import StrEnum

__all__ = ["JobState", "read_clock"]

# Linux has a clock of its own that goes on while the computer sleeps; elsewhere the ordinary one does.
_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class JobState(StrEnum):
    """Where a job is in its life."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """True when nothing more will happen."""
        return self not in (JobState.WAITING, JobState.RUNNING)


def read_clock() -> float:
    """Return seconds on a clock that nobody sets.

    The time of day would do harm: where it is put right by a day, the readers' grades of the morning would be gone; and
    where it is put back, photographs would stay for longer than was promised.
    """
    return time.clock_gettime(_CLOCK)
