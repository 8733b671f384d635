"""A registry of background batches whose clock the test turns."""

from collections.abc import Iterator

import pytest

from dr_core.screening.job_state import read_clock
from dr_core.screening.jobs import JobRegistry


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return read_clock() + self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(tmp_path, clock) -> Iterator[JobRegistry]:
    registry = JobRegistry(tmp_path / "spools", lifetime_s=3600, clock=clock)
    yield registry
    registry.close()
