"""A calibration in the background of one session: its ends, and that it leaves nothing behind."""

import io
import threading

import pytest

from dr_core.screening import calibration_job
from dr_core.screening.calibration_job import CalibrationJob, HeldPhotograph
from dr_core.screening.graded_photographs import GradedPhotograph
from dr_core.screening.job_state import JobState
from tests.fakes import FakeClassifier, HeldClassifier

WAIT_S = 60


def hold(data: bytes, count: int, *, grade: int = 2) -> list[GradedPhotograph]:
    # A trailing byte makes each of them another photograph.
    uploads = [io.BytesIO(data + bytes([number])) for number in range(count)]
    return [GradedPhotograph(HeldPhotograph(f"{number}.jpg", upload), grade) for number, upload in enumerate(uploads)]


def finish(job: CalibrationJob) -> CalibrationJob:
    assert job.wait(WAIT_S)
    return job


def test_finished_job_has_its_sample_and_lets_go_of_the_photographs(fundus_jpeg):
    job = CalibrationJob(hold(fundus_jpeg, 3))
    assert job.state is JobState.WAITING
    job.start(FakeClassifier())
    finish(job)
    assert job.state is JobState.FINISHED
    assert job.sample is not None
    assert job.sample.grades.tolist() == [2, 2, 2]
    assert job.progress.done == job.progress.total == 3
    assert job._photographs == ()


def test_stopped_job_keeps_nothing(fundus_jpeg):
    job = CalibrationJob(hold(fundus_jpeg, 20))
    classifier = HeldClassifier()
    job.start(classifier)
    assert classifier.holding.wait(WAIT_S)
    job.cancel()
    classifier.go_on.set()
    assert finish(job).state is JobState.CANCELLED
    assert job.sample is None


def test_job_that_nobody_asks_after_ends(fundus_jpeg, monkeypatch):
    monkeypatch.setattr(calibration_job, "ABANDONED_S", -1.0)
    job = CalibrationJob(hold(fundus_jpeg, 3))
    job.start(FakeClassifier())
    assert finish(job).state is JobState.CANCELLED


def test_only_one_job_works_at_a_time(fundus_jpeg, monkeypatch):
    turn = threading.Semaphore(0)
    monkeypatch.setattr(calibration_job, "_turn", turn)
    waiting, stopped = CalibrationJob(hold(fundus_jpeg, 1)), CalibrationJob(hold(fundus_jpeg, 1))
    for job in (waiting, stopped):
        job.start(FakeClassifier())
    stopped.cancel()
    assert finish(stopped).state is JobState.CANCELLED
    assert waiting.state is JobState.WAITING
    turn.release()
    assert finish(waiting).state is JobState.FINISHED


def test_known_trouble_is_told(fundus_jpeg):
    upload = io.BytesIO(fundus_jpeg)
    twice = [GradedPhotograph(HeldPhotograph(f"{grade}.jpg", upload), grade) for grade in (1, 2)]
    job = CalibrationJob(twice)
    job.start(FakeClassifier())
    assert finish(job).state is JobState.FAILED
    assert "one and the same photograph" in job.error


def test_unexpected_trouble_is_logged_without_names(fundus_jpeg, monkeypatch, caplog):
    def break_down(*args: object, **kwargs: object) -> None:
        raise RuntimeError("patient_0815.jpg")

    monkeypatch.setattr(calibration_job, "screen_clinic", break_down)
    job = CalibrationJob(hold(fundus_jpeg, 1))
    job.start(FakeClassifier())
    assert finish(job).state is JobState.FAILED
    assert "command line" in job.error
    assert "patient" not in caplog.text


@pytest.mark.parametrize("state", JobState)
def test_states_that_have_ended(state):
    assert state.ended == (state.value not in ("waiting", "running"))
