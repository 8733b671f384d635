"""Companions are drawn by their groups' chances, and a mirrored right eye counts as a left one."""

import numpy as np

from dr_core.training.companions import (
    CHANCES,
    OTHERS,
    RETINAS,
    SIDE_TASKS,
    SPOILT,
    Companions,
    SideLabels,
    join_labels,
)

GRADABLE, EYE, _, RETINA = range(len(SIDE_TASKS))


def make_companions(*sizes: int) -> Companions:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    return Companions(np.zeros((len(groups), 8, 8, 3), np.uint8), groups)


def test_groups_are_drawn_by_their_chances_whatever_their_size() -> None:
    companions = make_companions(10, 500, 40)
    drawn = companions.groups[companions.draw(6000, np.random.default_rng(1))]
    np.testing.assert_allclose(np.bincount(drawn) / 6000, CHANCES, atol=0.02)


def test_a_group_that_is_missing_leaves_its_place_to_the_others() -> None:
    drawn = make_companions(0, 5, 5).draw(100, np.random.default_rng(1))
    assert len(drawn) == 100


def test_spoilt_photographs_are_ungradable_retinas_and_the_others_are_none() -> None:
    labels = make_companions(1, 1, 1).labels
    assert labels.targets[SPOILT].tolist() == [0, 0, 0, 1]
    assert labels.targets[OTHERS, RETINA] == 0
    assert labels.weights[OTHERS, GRADABLE] == 0  # nobody asked whether a pizza is gradable
    assert labels.targets[RETINAS, RETINA] == 1
    assert not labels.weights[:, EYE].any()


def test_a_mirrored_right_eye_is_a_left_one_and_nothing_else_changes() -> None:
    labels = SideLabels(np.float32([[1, 1, 0, 1], [0, 0, 1, 1]]), np.float32([[1, 1, 0, 1], [1, 1, 1, 1]]))
    taken = labels.take(np.array([1, 0, 0]), np.array([True, True, False]))
    assert taken.targets[:, EYE].tolist() == [1, 0, 1]
    np.testing.assert_array_equal(np.delete(taken.targets, EYE, 1), np.delete(labels.targets[[1, 0, 0]], EYE, 1))
    assert labels.targets[:, EYE].tolist() == [1, 0]


def test_joined_labels_end_with_what_is_unknown() -> None:
    labels = make_companions(1, 1, 0).labels
    joined = join_labels(labels, labels, unknown=2)
    assert joined.targets.shape == joined.weights.shape == (6, 4)
    assert not joined.weights[4:].any()
