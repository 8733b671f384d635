"""Weights leave a network and enter another by name, and their average follows the run."""

from pathlib import Path

import keras
import numpy as np
import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.imaging.preprocess import InputSize
from dr_core.model.architecture import build_grader
from dr_core.training.weights import AVERAGE_DECAY, MovingAverage, read_weights, start_grader, write_weights

SIZE = InputSize(36, 48)
ALPHA = 0.35


def test_weights_go_from_one_size_to_another_by_name() -> None:
    first, second = build_grader(SIZE, alpha=ALPHA), build_grader(InputSize(48, 64), alpha=ALPHA)
    weights = read_weights(first)
    assert len(weights) == len(first.get_weights())
    write_weights(second, weights)
    for before, after in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    del weights["grade_logits/1"]
    with pytest.raises(ValueError, match="grade_logits/1"):
        write_weights(second, weights)


def test_run_starts_from_a_release_with_its_grade_head(tmp_path: Path) -> None:
    earlier = build_grader(SIZE, alpha=ALPHA)
    more = keras.layers.Dense(2, name="side_scores")(earlier.layers[-3].output)
    keras.Model(earlier.input, [earlier.output, more]).save(tmp_path / "earlier.keras")
    grader = start_grader(InputSize(48, 64), alpha=ALPHA, start=tmp_path / "earlier.keras")
    assert grader.input_shape == (None, 48, 64, 3)
    for before, after in zip(earlier.get_weights(), grader.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_start_from_another_network_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((8,))
    keras.Model(inputs, keras.layers.Dense(5)(inputs)).save(tmp_path / "other.keras")
    with pytest.raises(ConfigurationError, match=r"other\.keras is not a model.*--start"):
        start_grader(SIZE, alpha=ALPHA, start=tmp_path / "other.keras")


def test_average_follows_at_once_in_the_beginning_and_slowly_later() -> None:
    source = {"kernel": np.zeros(3, np.float32)}
    average = MovingAverage.begin(source)
    average.move({"kernel": np.ones(3, np.float32)}, 0)
    assert average.weights["kernel"] == pytest.approx(0.9)
    assert source["kernel"].tolist() == [0, 0, 0]
    average.weights["kernel"][:] = 0
    average.move({"kernel": np.ones(3, np.float32)}, 100_000)
    assert average.weights["kernel"] == pytest.approx(1 - AVERAGE_DECAY, rel=1e-4)
    assert average.weights["kernel"].dtype == np.float32
