"""Which answers of a batch are still hidden from its readers, and which of their grades are therefore blind."""

from collections.abc import Sequence
from dataclasses import replace

from dr_core.domain.reading import Reading
from dr_core.domain.results import ScreeningResult, Status

__all__ = ["Curtain"]


class Curtain:
    """Hides each answer until its photograph is read; whoever uses it from several threads locks it.

    Attributes:
        closed: whether answers that have not been shown yet are hidden.
    """

    def __init__(self, *, closed: bool) -> None:
        """Hide every answer, or none."""
        self.closed = closed
        # Rows whose answer somebody may have seen: a grade given afterwards is not independent of it.
        self._shown: set[int] = set()

    def find_hidden(self, results: Sequence[ScreeningResult]) -> frozenset[int]:
        """Return the rows, from 1, whose answer is hidden; a file that failed has none to hide."""
        numbered = enumerate(results, start=1)
        return frozenset(
            number for number, result in numbered if self._hides(number) and result.status is not Status.FAILED
        )

    def judge(self, number: int, before: Reading | None, reading: Reading | None) -> Reading | None:
        """Return `reading` of row `number` with its `blind` found out, and show the row's answer from now on.

        Args:
            number: row, from 1.
            before: what was said so far; its grade stays blind while only name or note change.
            reading: what is said now; None takes it back, and what was seen stays seen.
        """
        if reading is None:
            return None
        kept = before is not None and before.blind and before.grade is reading.grade
        blind = kept or self._hides(number)
        self._shown.add(number)
        return replace(reading, blind=blind)

    def _hides(self, number: int) -> bool:
        return self.closed and number not in self._shown
