"""Progress on a terminal renews one line; in a log it stays quiet."""

import io
import sys

import pytest

from dr_core.cli import progress_line
from dr_core.cli.progress_line import ProgressLine
from dr_core.screening.progress import BatchProgress

PROGRESS = BatchProgress(total=200, graded=50, elapsed_s=10.0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(progress_line.time, "monotonic", lambda: now[0])
    return now


def test_terminal_renews_its_line(clock):
    stream = Terminal()
    line = ProgressLine(stream)
    for now in (0.1, 0.3, 0.35, 0.6):
        clock[0] = now
        line.show(PROGRESS)
    assert stream.getvalue() == "\r\x1b[K 25%  50 of 200, 5.0 a second, 30 s left" * 2
    line.say("Done.")
    assert stream.getvalue().endswith("\r\x1b[KDone.\n")
    line.say("Report.")
    assert stream.getvalue().endswith("\nReport.\n")


def test_log_gets_a_line_now_and_then(clock):
    stream = io.StringIO()
    line = ProgressLine(stream)
    for now in range(0, 65, 5):
        clock[0] = float(now)
        line.show(PROGRESS)
    assert stream.getvalue() == "50 of 200, 5.0 a second, 30 s left\n" * 2


def test_work_goes_on_when_nobody_listens_any_more(clock):
    class Gone(Terminal):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    line = ProgressLine(Gone())
    clock[0] = 100.0
    line.show(PROGRESS)
    line.say("Done.")


def test_process_without_standard_error_says_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    line = ProgressLine()
    line.show(PROGRESS)
    line.say("Done.")
