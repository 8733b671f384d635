"""One cosine over all stages, and every epoch in its stage."""

import numpy as np
import pytest

from dr_core.imaging.preprocess import InputSize
from dr_core.training.plan import WARMUP_STEPS, Plan, Stage, schedule_rate

THREE = Plan((Stage(64, 2), Stage(96, 1), Stage(128, 1)))


def test_every_epoch_belongs_to_its_stage() -> None:
    assert [THREE.find_stage(epoch) for epoch in range(THREE.epochs)] == [0, 0, 1, 2]
    assert (THREE.epochs, THREE.widest_px) == (4, 128)
    for epoch in (-1, 4):
        with pytest.raises(ValueError, match=f"Received: {epoch}"):
            THREE.find_stage(epoch)


def test_input_is_three_quarters_as_high_as_wide() -> None:
    assert Stage(64, 1).size == InputSize(48, 64)


def test_work_counts_pixels_and_ends_at_one() -> None:
    shares = [THREE.find_work_share(epoch, part) for epoch in range(4) for part in (0.0, 0.5)]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert THREE.find_work_share(3, 1.0) == pytest.approx(1.0)
    assert shares[7] - shares[6] == pytest.approx(4 * (shares[1] - shares[0]))


def test_unknown_engine_is_refused() -> None:
    with pytest.raises(ValueError, match="Received: steam"):
        Plan(engine="steam")


def test_learning_rate_warms_up_once_and_falls_to_zero() -> None:
    rates = [schedule_rate(step, 1000, 1e-3) for step in range(1000)]
    assert int(np.argmax(rates)) in (WARMUP_STEPS - 1, WARMUP_STEPS)
    assert max(rates) == pytest.approx(1e-3)
    assert rates[0] == pytest.approx(1e-3 / WARMUP_STEPS)
    assert rates[-1] < 1e-8
    assert np.all(np.diff(rates[WARMUP_STEPS:]) < 0)


def test_short_run_does_not_spend_itself_on_warming_up() -> None:
    rates = [schedule_rate(step, 20, 1.0) for step in range(20)]
    assert int(np.argmax(rates)) <= 4
    assert schedule_rate(0, 1, 1.0) == 1.0
