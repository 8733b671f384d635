"""How far a batch is, how fast it goes and when it will be done."""

from dataclasses import dataclass

from dr_core.domain.results import Status

__all__ = ["BatchProgress", "Tally", "format_duration"]


@dataclass(frozen=True)
class BatchProgress:
    """State of a batch at one moment.

    Attributes:
        total: rows that the report will have.
        graded: rows graded so far.
        ungradable: rows found ungradable so far.
        failed: rows that failed so far.
        reused: rows taken over from an earlier run; part of the three numbers above.
        elapsed_s: seconds since the start.
    """

    total: int
    graded: int = 0
    ungradable: int = 0
    failed: int = 0
    reused: int = 0
    elapsed_s: float = 0.0

    @property
    def done(self) -> int:
        """Rows finished so far."""
        return self.graded + self.ungradable + self.failed

    @property
    def share(self) -> float:
        """Finished share of the batch, 0 to 1; an empty batch is finished."""
        return self.done / self.total if self.total else 1.0

    @property
    def rate_per_s(self) -> float:
        """Photographs a second in this run; 0 before the first."""
        fresh = self.done - self.reused
        return fresh / self.elapsed_s if fresh > 0 and self.elapsed_s > 0 else 0.0

    @property
    def remaining_s(self) -> float | None:
        """Seconds left at this rate; None before there is a rate."""
        rate = self.rate_per_s
        return (self.total - self.done) / rate if rate > 0 else None

    @property
    def text(self) -> str:
        """One line: count, rate and time left."""
        parts = [f"{self.done:,} of {self.total:,}"]
        if self.rate_per_s > 0:
            parts.append(f"{self.rate_per_s:.1f} a second")
        if self.remaining_s is not None and self.done < self.total:
            parts.append(f"{format_duration(self.remaining_s)} left")
        return ", ".join(parts)


class Tally:
    """Counts rows as they come in."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._counts = dict.fromkeys(Status, 0)
        self._reused = 0

    def add(self, status: Status, *, reused: bool) -> None:
        """Count one row."""
        self._counts[status] += 1
        self._reused += reused

    def measure(self, elapsed_s: float) -> BatchProgress:
        """Return the state after `elapsed_s` seconds."""
        return BatchProgress(
            total=self._total,
            graded=self._counts[Status.GRADED],
            ungradable=self._counts[Status.UNGRADABLE],
            failed=self._counts[Status.FAILED],
            reused=self._reused,
            elapsed_s=elapsed_s,
        )


def format_duration(seconds: float) -> str:
    """Return ``under 1 s``, ``45 s``, ``12 min 05 s`` or ``3 h 20 min``."""
    if 0 < seconds < 1:
        return "under 1 s"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
