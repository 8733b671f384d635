"""Where work in the background is in its life, be it a batch or a calibration."""

from enum import StrEnum

__all__ = ["JobState"]


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
