"""Many photographs: one row each, in order, with bounded memory, whatever happens to any of them."""

import logging
import threading
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest

from dr_core.domain.errors import StorageError, UnreadablePhotograph
from dr_core.domain.quality import HiddenRetina
from dr_core.domain.results import LESIONS, SideFindings, Status
from dr_core.screening.batch import WINDOW_AHEAD, BatchSteps, plan_steps, screen_batch
from dr_core.screening.crew import Crew
from dr_core.screening.folder import find_photographs
from dr_core.screening.pipeline import Screening
from dr_core.screening.progress import BatchProgress, Tally, format_duration
from tests.fakes import FakeClassifier, make_failed, make_graded
from tests.hostile import READABLE, make_hostile_folder

WAIT_S = 30


@dataclass(frozen=True)
class MemorySource:
    name: str
    delay_s: float = 0.0
    begun: threading.Event | None = None

    def read_bytes(self) -> bytes:
        if self.begun is not None:
            self.begun.set()
        if self.name == "unreadable":
            raise UnreadablePhotograph("No bytes.")
        if self.name == "explodes":
            raise RuntimeError("secret patient name")
        time.sleep(self.delay_s)
        return self.name.encode()

    def fingerprint(self) -> str:
        return f"of {self.name}"


def make_steps(**more: object) -> BatchSteps:
    return BatchSteps(
        screen=lambda data, name: Screening(make_graded(name)),
        reject=make_failed,
        **more,
    )


def test_rows_come_in_order_however_long_each_takes():
    sources = [MemorySource(f"{number}", delay_s=0.02 if number % 3 == 0 else 0) for number in range(20)]
    rows = list(screen_batch(sources, make_steps(), workers=4))
    assert [row.number for row in rows] == list(range(1, 21))
    assert [row.result.name for row in rows] == [source.name for source in sources]
    assert rows[0].fingerprint == "of 0"


def test_empty_batch_has_no_rows():
    assert list(screen_batch([], make_steps())) == []


def test_maps_are_dropped():
    hidden = HiddenRetina(0.1, 0.2, np.ones((3, 4), np.float32))
    side = SideFindings(0.9, 0.2, 0.7, None, np.ones((3, 4, len(LESIONS)), np.float32), hidden=hidden)

    def screen(data: bytes, name: str) -> Screening:
        result = make_graded(name)
        return Screening(replace(result, prediction=replace(result.prediction, side=side)))

    (row,) = screen_batch([MemorySource("a")], BatchSteps(screen=screen, reject=make_failed))
    assert row.result.prediction.class_maps.shape == (0, 0, 5)
    assert row.result.prediction.p_referable == pytest.approx(0.9)
    assert row.result.prediction.side.lesion_maps.shape == (0, 0, len(LESIONS))
    assert row.result.prediction.side.p_right_eye == pytest.approx(0.7)
    assert row.result.prediction.side.hidden == HiddenRetina(0.1, 0.2)
    assert row.result.prediction.side.hidden.cells is None


def test_reading_overlaps_with_grading():
    reading = threading.Event()
    overlapped = []

    def screen(data: bytes, name: str) -> Screening:
        if name == "0":
            overlapped.append(reading.wait(WAIT_S))
        return Screening(make_graded(name))

    sources = [MemorySource("0"), MemorySource("1", begun=reading)]
    rows = list(screen_batch(sources, BatchSteps(screen=screen, reject=make_failed), workers=2))
    assert len(rows) == 2
    assert overlapped == [True]


def test_order_and_number_of_threads_change_no_result(write_photographs, classifier):
    sources = find_photographs([str(path) for path in write_photographs(4)]).photographs
    steps = plan_steps(classifier, grade_ungradable=True)

    def grade(order, workers):
        rows = screen_batch(order, steps, workers=workers)
        return {
            row.source.name: (row.result.status, row.result.quality, row.result.prediction.probabilities)
            for row in rows
        }

    alone = grade(sources, workers=1)
    assert len(alone) == 4
    assert grade(sources[::-1], workers=3) == alone
    assert grade(sources, workers=4) == alone


def test_unreadable_photograph_is_a_row_with_its_reason():
    rows = list(screen_batch([MemorySource("a"), MemorySource("unreadable"), MemorySource("b")], make_steps()))
    assert [row.result.status for row in rows] == [Status.GRADED, Status.FAILED, Status.GRADED]
    assert rows[1].result.error == "No bytes."


def test_unexpected_error_is_one_failed_row_and_its_log_names_nobody(caplog):
    with caplog.at_level(logging.ERROR):
        rows = list(screen_batch([MemorySource("explodes"), MemorySource("b")], make_steps()))
    assert [row.result.status for row in rows] == [Status.FAILED, Status.GRADED]
    assert "unexpected error" in rows[0].result.error
    assert "secret" not in rows[0].result.error
    assert "RuntimeError" in caplog.text
    assert "test_batch.py" in caplog.text
    assert "secret" not in caplog.text


def test_disk_that_refuses_stops_the_batch():
    def keep(number: int, screening: Screening) -> None:
        raise StorageError("Disk full.")

    with pytest.raises(StorageError, match="Disk full"):
        list(screen_batch([MemorySource("a"), MemorySource("b")], make_steps(keep=keep)))


def test_recalled_results_are_not_screened_again():
    def recall(number, source):
        return make_graded("earlier") if number == 1 else None

    kept = []
    rows = list(
        screen_batch(
            [MemorySource("explodes"), MemorySource("b")],
            make_steps(recall=recall, keep=lambda number, screening: kept.append(number)),
        )
    )
    assert [(row.result.name, row.reused) for row in rows] == [("earlier", True), ("b", False)]
    assert kept == [2]


def test_memory_stays_bounded_when_the_reader_of_rows_is_slow():
    begun = []
    lock = threading.Lock()

    def screen(data: bytes, name: str) -> Screening:
        with lock:
            begun.append(name)
        return Screening(make_graded(name))

    steps = BatchSteps(screen=screen, reject=make_failed)
    rows = screen_batch([MemorySource(str(number)) for number in range(100)], steps, workers=2)
    next(rows)
    time.sleep(0.1)
    assert len(begun) <= 2 + WINDOW_AHEAD
    rows.close()


def test_closing_stops_the_batch_soon(monkeypatch):
    threads_before = set(threading.enumerate())
    begun = []
    closing = threading.Event()
    dismiss = Crew.dismiss

    def let_go_and_dismiss(crew: Crew[object]) -> None:
        closing.set()
        dismiss(crew)

    def screen(data: bytes, name: str) -> Screening:
        begun.append(name)
        if name != "0":
            closing.wait(WAIT_S)
        return Screening(make_graded(name))

    monkeypatch.setattr(Crew, "dismiss", let_go_and_dismiss)
    steps = BatchSteps(screen=screen, reject=make_failed)
    rows = screen_batch([MemorySource(str(number)) for number in range(1000)], steps, workers=2)
    next(rows)
    rows.close()
    # The first, and one in the hands of each thread; what is queued behind them is dropped.
    assert len(begun) <= 3
    left = set(threading.enumerate()) - threads_before
    assert not [thread for thread in left if thread.name.startswith("screening")]


def test_real_pipeline_grades_a_hostile_folder_row_by_row(tmp_path, fundus_jpeg, caplog):
    made = make_hostile_folder(tmp_path / "hostile", fundus_jpeg)
    batch = find_photographs([str(made.path)])
    rows = list(screen_batch(batch.photographs, plan_steps(FakeClassifier()), workers=2))
    found = {row.result.name.removeprefix(f"{made.path}/"): row.result for row in rows}
    assert len(rows) == len(made.rows) == len(found)
    wrong = {
        name: (found[name].status.value, found[name].error)
        for name, outcome in made.rows.items()
        if (found[name].width_px == 0 if outcome == READABLE else found[name].status is not Status.FAILED)
    }
    assert wrong == {}
    assert all(result.error for result in found.values() if result.status is Status.FAILED)
    assert caplog.text == ""


def test_progress_tells_count_rate_and_time_left():
    tally = Tally(10)
    assert tally.measure(0.0).text == "0 of 10"
    assert tally.measure(0.0).remaining_s is None
    for _ in range(2):
        tally.add(Status.GRADED, reused=True)
    assert tally.measure(5.0).rate_per_s == 0
    tally.add(Status.FAILED, reused=False)
    tally.add(Status.UNGRADABLE, reused=False)
    progress = tally.measure(4.0)
    assert (progress.graded, progress.ungradable, progress.failed, progress.done) == (2, 1, 1, 4)
    assert progress.rate_per_s == pytest.approx(0.5)
    assert progress.remaining_s == pytest.approx(12)
    assert progress.text == "4 of 10, 0.5 a second, 12 s left"
    assert BatchProgress(total=0).share == 1.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "under 1 s"),
        (1, "1 s"),
        (59.4, "59 s"),
        (61, "1 min 01 s"),
        (3599.6, "1 h 00 min"),
        (12000, "3 h 20 min"),
    ],
)
def test_durations_read_naturally(seconds, text):
    assert format_duration(seconds) == text
