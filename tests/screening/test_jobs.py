"""Batches in the background: found by their id alone, cancelled, expired, cleaned away."""

import io
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.grades import Grade
from dr_core.domain.reading import Reading
from dr_core.domain.results import Status
from dr_core.screening import jobs as jobs_module
from dr_core.screening.batch import WINDOW_AHEAD, default_workers
from dr_core.screening.job import BatchJob, JobRequest
from dr_core.screening.job_state import JobState
from dr_core.screening.jobs import JobRegistry, get_registry
from dr_core.screening.sources import BatchInput
from dr_core.screening.spool import ROOT_PREFIX, spool_uploads
from tests.fakes import FakeClassifier, HeldClassifier

WAIT_S = 60


def make_request(registry: JobRegistry, files: dict[str, bytes], **options: bool) -> JobRequest:
    spool = registry.make_spool()
    batch = spool_uploads(spool, [(name, io.BytesIO(data)) for name, data in files.items()], chosen_outright=True)
    return JobRequest(batch, spool, **options)


def start(registry: JobRegistry, files: dict[str, bytes], classifier: FakeClassifier | None = None) -> BatchJob:
    return registry.start(make_request(registry, files), classifier or FakeClassifier())


def start_and_hold(registry: JobRegistry, files: dict[str, bytes], *, free: int = 0) -> tuple[BatchJob, HeldClassifier]:
    classifier = HeldClassifier(free=free)
    job = start(registry, files, classifier)
    assert classifier.holding.wait(WAIT_S)
    return job, classifier


def folder_of(tmp_path: Path) -> Path:
    (folder,) = (tmp_path / "spools").glob(f"{ROOT_PREFIX}*")
    return folder


def fill_turns(registry: JobRegistry, photograph: bytes) -> tuple[list[BatchJob], HeldClassifier]:
    """Start as many batches as may run at once; none of them ends before the classifier goes on."""
    classifier = HeldClassifier()
    jobs = [start(registry, {"a.jpg": photograph}, classifier) for _ in range(jobs_module.JOBS_AT_ONCE)]
    wait_until(lambda: all(job.state is JobState.RUNNING for job in jobs))
    return jobs, classifier


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not done() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert done()


def test_batch_runs_to_its_end_and_keeps_pictures(registry, fundus_jpeg):
    job = start(registry, {"b.jpg": fundus_jpeg, "a.jpg": fundus_jpeg, "broken.jpg": b"x"})
    assert job.wait(WAIT_S)
    assert job.state is JobState.FINISHED
    assert [result.name for result in job.results] == ["a.jpg", "b.jpg", "broken.jpg"]
    assert [result.status for result in job.results] == [Status.GRADED, Status.GRADED, Status.FAILED]
    assert (job.progress.done, job.progress.failed, job.referable) == (3, 1, 2)
    assert job.find_overlay(1).startswith("000001_")
    assert job.find_overlay(1) != job.find_overlay(2)
    assert job.find_overlay(3) == ""
    assert (job.picture_folder / job.find_overlay(1)).read_bytes().startswith(b"\xff\xd8")
    assert job.read_thumbnail(1).startswith(b"\xff\xd8")
    assert job.read_thumbnail(3) is None
    assert job.find_source(2).read_bytes() == fundus_jpeg


def test_readings_are_kept_counted_and_taken_back(registry, clock, fundus_jpeg):
    job = start(registry, {"a.jpg": fundus_jpeg, "b.jpg": fundus_jpeg})
    assert job.wait(WAIT_S)
    before = (job.revision, job.referable)
    job.read(2, Reading(Grade.NO_DR, "2026-01-02T03:04:05+00:00"))
    assert [result.final_grade for result in job.results] == [Grade.MODERATE_NPDR, Grade.NO_DR]
    assert (job.read_count, job.referable) == (1, before[1] - 1)
    assert job.revision != before[0]
    job.read(2, None)
    assert (job.read_count, job.referable) == (0, before[1])
    assert job.results[1].reading is None


def test_batch_is_found_by_its_id_alone(registry, fundus_jpeg):
    job = start(registry, {"a.jpg": fundus_jpeg})
    other = start(registry, {"a.jpg": fundus_jpeg})
    assert registry.find(job.id) is job
    assert registry.find(other.id) is other
    assert len(job.id) >= 43
    assert job.id != other.id
    assert registry.find("") is None
    assert registry.find(job.id[:-1]) is None
    assert all(one.wait(WAIT_S) for one in (job, other))


def test_files_are_private_and_named_by_us(registry, tmp_path, fundus_jpeg):
    job = start(registry, {"../../patient name.jpg": fundus_jpeg})
    job.wait(WAIT_S)
    root = folder_of(tmp_path)
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    names = [path.name for path in root.rglob("*")]
    assert not any("patient" in name for name in names)
    assert not any(job.id in str(path) for path in root.rglob("*"))
    assert not list(tmp_path.parent.glob("patient*"))


def test_cancelled_batch_keeps_what_is_done(registry, fundus_jpeg):
    # A batch begins no more than this before its second row is out, so that the first two rows are never held.
    free = default_workers() + WINDOW_AHEAD + 1
    job, classifier = start_and_hold(registry, {f"{n:02d}.jpg": fundus_jpeg for n in range(40)}, free=free)
    wait_until(lambda: job.progress.done >= 2)
    assert not job.stopping
    job.cancel()
    assert job.stopping
    classifier.go_on.set()
    assert job.wait(WAIT_S)
    assert not job.stopping
    assert job.state is JobState.CANCELLED
    assert 2 <= len(job.results) < 40
    assert job.progress.done == len(job.results)


def test_batches_beyond_the_limit_wait_their_turn(registry, fundus_jpeg):
    running, classifier = fill_turns(registry, fundus_jpeg)
    late = start(registry, {"a.jpg": fundus_jpeg})
    assert not late.wait(0.3)
    assert late.state is JobState.WAITING
    assert late.progress.elapsed_s == 0
    classifier.go_on.set()
    wait_until(lambda: {job.state for job in (*running, late)} == {JobState.FINISHED})


def test_waiting_batch_can_be_cancelled(registry, fundus_jpeg):
    running, classifier = fill_turns(registry, fundus_jpeg)
    waiting = start(registry, {"a.jpg": fundus_jpeg})
    waiting.cancel()
    assert waiting.wait(WAIT_S)
    assert waiting.state is JobState.CANCELLED
    assert waiting.results == ()
    classifier.go_on.set()
    assert all(job.wait(WAIT_S) for job in running)


def test_ungradable_option_reaches_the_pipeline(registry, fundus_jpeg):
    job = registry.start(make_request(registry, {"a.jpg": fundus_jpeg}, grade_ungradable=True), FakeClassifier())
    assert job.wait(WAIT_S)
    assert job.results[0].prediction is not None


def test_batch_expires_after_its_end_and_takes_its_files_along(registry, clock, fundus_jpeg):
    job = start(registry, {"a.jpg": fundus_jpeg})
    job.wait(WAIT_S)
    clock.now = 3500
    assert registry.find(job.id) is job
    clock.now = 3700
    assert registry.find(job.id) is None
    wait_until(lambda: not job.request.spool.folder.exists())


def test_setting_the_time_of_day_ends_no_batch(tmp_path, monkeypatch, fundus_jpeg):
    registry = JobRegistry(tmp_path / "spools", lifetime_s=3600)
    try:
        job = start(registry, {"a.jpg": fundus_jpeg})
        job.wait(WAIT_S)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 400 * 86_400)
        assert registry.find(job.id) is job
    finally:
        registry.close()


def test_running_batch_does_not_expire(registry, clock, fundus_jpeg):
    job, classifier = start_and_hold(registry, {"a.jpg": fundus_jpeg})
    clock.now = 10_000
    assert registry.find(job.id) is job
    classifier.go_on.set()
    assert job.wait(WAIT_S)


def test_discarded_batch_is_gone_with_its_files_even_while_it_runs(registry, fundus_jpeg):
    job, classifier = start_and_hold(registry, {f"{number}.jpg": fundus_jpeg for number in range(20)})
    registry.discard(job.id)
    assert registry.find(job.id) is None
    classifier.go_on.set()
    wait_until(lambda: not job.request.spool.folder.exists())
    assert len(job.results) < 20
    registry.discard("unknown")


def test_empty_and_endless_batches_are_refused(registry, monkeypatch, fundus_jpeg):
    with pytest.raises(ConfigurationError, match="no photograph"):
        registry.start(JobRequest(BatchInput(()), registry.make_spool()), FakeClassifier())
    monkeypatch.setattr(jobs_module, "MAX_PHOTOGRAPHS", 1)
    with pytest.raises(ConfigurationError, match="command line"):
        start(registry, {"a.jpg": fundus_jpeg, "b.jpg": fundus_jpeg})


def test_number_of_batches_is_limited(registry, monkeypatch, fundus_jpeg):
    monkeypatch.setattr(jobs_module, "MAX_JOBS", 1)
    start(registry, {"a.jpg": fundus_jpeg}).wait(WAIT_S)
    with pytest.raises(ConfigurationError, match="too many batches"):
        start(registry, {"a.jpg": fundus_jpeg})


def test_disk_that_refuses_ends_the_batch_with_a_sentence(registry, fundus_jpeg):
    request = make_request(registry, {"a.jpg": fundus_jpeg})
    job = BatchJob("id", request, 60)
    job.picture_folder.rmdir()
    job.run(FakeClassifier(), threading.Semaphore(1))
    assert job.state is JobState.FAILED
    assert "could not be written" in job.error


def test_unexpected_error_ends_the_batch_without_its_message(registry, fundus_jpeg, monkeypatch, caplog):
    def explode(*_: object, **__: object) -> None:
        raise RuntimeError("secret patient name")

    monkeypatch.setattr("dr_core.screening.job.screen_batch", explode)
    job = start(registry, {"a.jpg": fundus_jpeg})
    assert job.wait(WAIT_S)
    assert job.state is JobState.FAILED
    assert "unexpected error" in job.error
    assert "secret" not in job.error + caplog.text
    assert "RuntimeError" in caplog.text


def test_closing_stops_everything_and_deletes_all(tmp_path, monkeypatch, fundus_jpeg):
    monkeypatch.setattr(jobs_module, "CLOSING_S", WAIT_S)
    registry = JobRegistry(tmp_path / "spools", lifetime_s=60)
    job = start(registry, {f"{number}.jpg": fundus_jpeg for number in range(50)}, FakeClassifier(delay_s=0.05))
    root = folder_of(tmp_path)
    registry.close()
    assert not root.exists()
    assert job.state.ended


def test_registry_is_one_for_the_process(tmp_path):
    first = get_registry(tmp_path, lifetime_s=60)
    assert get_registry(tmp_path, lifetime_s=60) is first
    first.close()
