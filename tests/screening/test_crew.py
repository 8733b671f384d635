"""Threads that work off a queue, and end when they are dismissed or when the program ends."""

import subprocess
import sys
import threading
from pathlib import Path

import cv2
import pytest

from dr_core.screening.crew import Crew


def test_work_is_done_and_errors_reach_whoever_asks():
    crew: Crew[int] = Crew(2, "crew")
    numbers = [crew.submit(lambda number=number: number * 2) for number in range(20)]
    failing = crew.submit(lambda: 1 // 0)
    crew.dismiss()
    assert [future.result() for future in numbers] == list(range(0, 40, 2))
    with pytest.raises(ZeroDivisionError):
        failing.result()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("crew_")]


def test_cancelled_work_is_not_done():
    gate = threading.Event()
    done = []
    crew: Crew[None] = Crew(1, "crew")
    crew.submit(lambda: gate.wait(10) and None)
    waiting = crew.submit(lambda: done.append(1))
    assert waiting.cancel()
    gate.set()
    crew.dismiss()
    assert done == []


def test_opencv_leaves_the_cores_to_the_crews_and_gets_its_threads_back():
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        first: Crew[int] = Crew(1, "crew")
        second: Crew[int] = Crew(1, "crew")
        assert first.submit(cv2.getNumThreads).result() == 1
        first.dismiss()
        assert second.submit(cv2.getNumThreads).result() == 1
        second.dismiss()
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


def test_background_batch_ends_quietly_with_the_program(tmp_path):
    code = f"""
import io, sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from fakes import FakeClassifier
from dr_core.screening.job import JobRequest
from dr_core.screening.jobs import get_registry
from dr_core.screening.spool import spool_uploads
registry = get_registry(Path({str(tmp_path)!r}), lifetime_s=60)
spool = registry.make_spool()
data = Path("assets/sample_healthy.jpg").read_bytes()
batch = spool_uploads(spool, [(f"{{n}}.jpg", io.BytesIO(data)) for n in range(200)], chosen_outright=True)
job = registry.start(JobRequest(batch, spool), FakeClassifier(delay_s=0.05))
while job.progress.done < 2:
    time.sleep(0.01)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
