"""Progress of a long command on standard error: one line that renews itself, or now and then a line in a log."""

import sys
import time
from typing import TextIO

from dr_core.screening.progress import BatchProgress

__all__ = ["ProgressLine"]

TERMINAL_EVERY_S = 0.2
LOG_EVERY_S = 30.0
CLEAR_LINE = "\r\x1b[K"


class ProgressLine:
    """Shows progress as often as the reader can use it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to `stream`, by default standard error."""
        # A process that was started without standard error has None there.
        self._stream: TextIO | None = sys.stderr if stream is None else stream
        self._on_terminal = self._stream is not None and self._stream.isatty()
        self._shown_at = time.monotonic()
        self._line_open = False

    def show(self, progress: BatchProgress) -> None:
        """Show `progress` if the last time was long enough ago."""
        now = time.monotonic()
        if now - self._shown_at < (TERMINAL_EVERY_S if self._on_terminal else LOG_EVERY_S):
            return
        self._shown_at = now
        if self._on_terminal:
            self._write(f"{CLEAR_LINE}{progress.share:4.0%}  {progress.text}")
            self._line_open = True
        else:
            self._write(f"{progress.text}\n")

    def say(self, text: str) -> None:
        """Print a line of its own, above the progress."""
        if self._line_open:
            self._write(CLEAR_LINE)
            self._line_open = False
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            # Whoever watched has gone away; the photographs are graded all the same.
            self._stream = None
