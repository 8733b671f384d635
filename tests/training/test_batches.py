"""A batch depends on seed, epoch and step alone; rare photographs weigh more; copies take their turn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.training import batches
from dr_core.training.batches import (
    TAUGHT_SHARE,
    AugmentedBatches,
    Tasks,
    make_targets,
    soften_grades,
    weigh_photographs,
)
from dr_core.training.companions import SIDE_TASKS, Companions
from dr_core.training.dataset import DiscCache
from dr_core.training.outlined import LesionPhotograph
from dr_core.training.plan import Plan, Stage

PLAN = Plan((Stage(32, 1), Stage(64, 2)), batch_size=4, seed=3)


def test_ordinal_targets_peak_at_the_grade_and_fall_with_distance() -> None:
    targets = soften_grades(np.arange(5))
    np.testing.assert_allclose(targets.sum(axis=1), 1.0, rtol=1e-6)
    assert targets.argmax(axis=1).tolist() == [0, 1, 2, 3, 4]
    assert targets[0].tolist() == sorted(targets[0].tolist(), reverse=True)


def test_a_teacher_has_its_share_of_every_target(make_cache) -> None:
    train = make_cache(8)
    np.testing.assert_array_equal(make_targets(train), soften_grades(train.grades))
    sure_of_grade_4 = np.tile(np.float32([0, 0, 0, 0, 1]), (8, 1))
    targets = make_targets(replace(train, taught=sure_of_grade_4))
    np.testing.assert_allclose(targets.sum(axis=1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(targets[:, 0], (1 - TAUGHT_SHARE) * soften_grades(train.grades)[:, 0], rtol=1e-6)
    assert (targets[:, 4] >= TAUGHT_SHARE).all()


def test_rare_grades_and_small_sources_weigh_more(make_cache) -> None:
    train = make_cache(12)
    weights = weigh_photographs(train)
    sources = np.array([photograph.source for photograph in train.photographs])
    assert weights.mean() == pytest.approx(1.0, rel=1e-5)
    assert weights[train.grades == 4].mean() > weights[train.grades == 0].mean()
    assert weights[sources == "two"].mean() > weights[sources == "one"].mean()


def test_batches_are_the_same_whenever_they_are_drawn(make_cache) -> None:
    train = make_cache(14, copies=2)
    drawn = AugmentedBatches(train, PLAN)
    assert len(drawn) == 3
    later = list(AugmentedBatches(train, PLAN).draw_epoch(1))
    list(drawn.draw_epoch(0))
    for batch, again in zip(drawn.draw_epoch(1), later, strict=True):
        np.testing.assert_array_equal(batch.tensors, again.tensors)
        np.testing.assert_array_equal(batch.targets, again.targets)
        np.testing.assert_array_equal(batch.weights, again.weights)


def test_epochs_differ_and_take_the_size_of_their_stage(make_cache) -> None:
    drawn = AugmentedBatches(make_cache(8), PLAN)
    first, second, third = (next(drawn.draw_epoch(epoch)) for epoch in range(3))
    assert first.tensors.shape == (4, 24, 32, 3)
    assert second.tensors.shape == third.tensors.shape == (4, 48, 64, 3)
    assert second.tensors.dtype == np.float32
    assert not np.array_equal(second.tensors, third.tensors)


def test_a_photograph_is_shown_itself_in_seven_of_ten_and_as_a_copy_otherwise(monkeypatch, make_cache) -> None:
    train = make_cache(8, copies=3)
    shown: list[int] = []

    def remember(disc, movement, random):
        stores = [train, *train.copies]
        shown.append(next(place for place, store in enumerate(stores) if (store.discs == disc).all((1, 2, 3)).any()))
        return np.zeros((movement.size.height_px, movement.size.width_px, 3), np.float32)

    monkeypatch.setattr(batches, "augment_disc", remember)
    drawn = AugmentedBatches(train, Plan((Stage(32, 60),), batch_size=8))
    for epoch in range(60):
        list(drawn.draw_epoch(epoch))
    shares = np.bincount(shown, minlength=4) / len(shown)
    np.testing.assert_allclose(shares, [0.7, 0.1, 0.1, 0.1], atol=0.06)


def test_a_copy_that_lost_its_field_is_not_missed(make_cache) -> None:
    train = make_cache(8, copies=1)
    (copy,) = train.copies
    shorter = DiscCache(train.discs, train.photographs, (DiscCache(copy.discs[:3], copy.photographs[:3]),))
    assert len(list(AugmentedBatches(shorter, PLAN).draw_epoch(0))) == 2


def test_outlined_photographs_stand_behind_the_graded_ones(make_cache) -> None:
    random = np.random.default_rng(2)
    outlined = tuple(
        LesionPhotograph(
            Path("noise.jpg"),
            "train",
            random.integers(0, 255, (48, 48, 3), dtype=np.uint8),
            np.repeat(random.random((48, 48, 1)) < 0.02, 4, axis=2),
        )
        for _ in range(3)
    )
    train = replace(make_cache(14), outlined=outlined)
    plan = replace(PLAN, outlined=2)
    drawn = AugmentedBatches(train, plan)
    batch, later = (next(each.draw_epoch(1)) for each in (drawn, AugmentedBatches(train, plan)))
    assert (drawn.outlined, batch.tensors.shape, batch.targets.shape) == (2, (6, 48, 64, 3), (4, 5))
    assert batch.cells is not None
    assert batch.cell_weights is not None
    assert batch.cells.shape == (6, 6, 8, 4)
    assert not batch.cells[:4].any()
    assert 0 < batch.cells[4:].mean() < 1
    healthy = batch.targets.argmax(axis=1) == 0
    assert (batch.cell_weights[:4] > 0).tolist() == healthy.tolist()
    np.testing.assert_allclose(batch.cell_weights[4:], 0.5)
    np.testing.assert_array_equal(batch.tensors, later.tensors)
    np.testing.assert_array_equal(batch.cells, later.cells)
    # Half of them lend their lesions to photographs of grade 0; without those, all stay where they were outlined.
    ill = replace(train.select(lambda photograph: photograph.grade != 0), outlined=outlined)
    assert next(AugmentedBatches(ill, plan).draw_epoch(1)).cells is not None
    # Fewer than the plan wants are shown all at once, and none leaves the batch as it was.
    assert AugmentedBatches(train, replace(PLAN, outlined=9)).outlined == 3
    assert next(AugmentedBatches(make_cache(14), plan).draw_epoch(1)).cells is None


def test_companions_stand_between_graded_and_outlined_and_bring_their_labels(make_cache) -> None:
    random = np.random.default_rng(2)
    lesions = np.repeat(random.random((48, 48, 1)) < 0.02, 4, axis=2)
    noise = random.integers(0, 255, (8, 48, 48, 3), dtype=np.uint8)
    outlined = (LesionPhotograph(Path("noise.jpg"), "train", noise[6], lesions),)
    companions = Companions(noise[:6], np.array([0, 0, 1, 1, 2, 2]))
    train = replace(make_cache(14), outlined=outlined, companions=companions)
    plan = replace(PLAN, outlined=1, companions=3)
    drawn = AugmentedBatches(train, plan)
    batch, later = (next(each.draw_epoch(1)) for each in (drawn, AugmentedBatches(train, plan)))
    assert drawn.tasks == batch.tasks == Tasks(lesions=True, sides=True)
    assert (batch.tensors.shape, batch.targets.shape) == ((4 + 3 + 1, 48, 64, 3), (4, 5))
    np.testing.assert_array_equal(batch.tensors, later.tensors)
    assert batch.sides is not None
    assert batch.cell_weights is not None
    assert batch.sides.targets[:4, SIDE_TASKS.index("retina")].all()
    assert (batch.sides.weights[4:7, SIDE_TASKS.index("retina")] > 0).all()
    assert not batch.sides.weights[7:].any()
    assert not batch.cell_weights[4:7].any()
    assert batch.cell_weights[7] > 0
    # A cache without them leaves the task out, and so does a plan.
    assert AugmentedBatches(make_cache(14), plan).tasks == Tasks()


def test_too_few_photographs_are_refused_with_the_remedy(make_cache) -> None:
    with pytest.raises(ConfigurationError, match=r"3 photographs .* manifest"):
        AugmentedBatches(make_cache(3), PLAN)
