"""The loop is the same for every engine: it resumes to the same end, logs every epoch and returns the average.

A network of three layers stands for the grader; the engines' own tests and that of the release train the real one.
"""

import csv
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from dr_core.training import fit, weights
from dr_core.training.fit import fit_grader
from dr_core.training.plan import Plan, Stage
from dr_core.training.run_folder import LOG_COLUMNS, RunFolder
from dr_core.training.weights import read_weights

PLAN = Plan((Stage(48, 2), Stage(64, 2)), batch_size=4, seed=5, alpha=0.35)


class Killed(Exception):
    """Stands for ``kill -9``."""


class DriftingEngine:
    """No network: its weights drift by a step's rate and by what the photographs look like."""

    def __init__(self, grader) -> None:
        self.weights, self.steps, self.seed = read_weights(grader), 0, 0

    def begin_epoch(self, size, seed: int) -> None:
        self.size, self.seed = size, seed

    def train_step(self, batch, rate: float) -> float:
        assert batch.tensors.shape[1:3] == (self.size.height_px, self.size.width_px)
        self.steps += 1
        drift = np.float32(rate * (1 + batch.tensors.mean()) * self.steps + 1e-6 * self.seed)
        self.write_weights({name: values + drift for name, values in self.weights.items()})
        return float(batch.tensors.std() + rate)

    def predict(self, tensors):
        return np.outer(tensors.mean((1, 2, 3)), np.arange(5.0)) + self.weights["grade_logits/1"]

    def read_weights(self):
        return self.weights

    def write_weights(self, weights) -> None:
        for name, values in weights.items():
            self.weights[name][...] = values

    def read_moments(self):
        return {"steps": np.array(self.steps, np.float32)}

    def write_moments(self, moments) -> None:
        self.steps = int(moments["steps"])


def build_small(size, *, alpha: float, backbone_weights: Path | None = None) -> keras.Model:
    """The grader's first layers and its last one, which take inputs of every size; random weights."""
    assert (alpha, backbone_weights) == (PLAN.alpha, None)
    layers = keras.layers
    inputs = layers.Input((size.height_px, size.width_px, 3))
    hidden = layers.BatchNormalization(name="bn_Conv1")(layers.Conv2D(4, 3, strides=2, name="Conv1")(inputs))
    return keras.Model(inputs, layers.Dense(5, name="grade_logits")(layers.GlobalAveragePooling2D()(hidden)))


@pytest.fixture(autouse=True)
def drift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "make_engine", lambda plan, grader, tasks: DriftingEngine(grader))
    for module in (fit, weights):
        monkeypatch.setattr(module, "build_grader", build_small)


def read_log(run: RunFolder) -> list[list[str]]:
    with run.log.open(newline="", encoding="utf-8") as file:
        return [row[:-1] for row in csv.reader(file)]


def test_interrupted_run_goes_on_and_ends_like_an_uninterrupted_one(make_cache, tmp_path: Path) -> None:
    train, val = make_cache(13, copies=1), make_cache(7, split="val")
    whole, halved = RunFolder(tmp_path / "whole", PLAN), RunFolder(tmp_path / "halved", PLAN)
    lines: list[str] = []
    expected = fit_grader(train, val, whole, start=None, say=lines.append)

    def die_after_second_epoch(line: str) -> None:
        if line.startswith("epoch 2:"):
            raise Killed

    with pytest.raises(Killed):
        fit_grader(train, val, halved, start=None, say=die_after_second_epoch)
    found = fit_grader(train, val, halved, start=None, say=lambda line: None)
    assert read_log(halved) == read_log(whole)
    assert tuple(read_log(whole)[0]) == LOG_COLUMNS[:-1]
    assert [row[:3] for row in read_log(whole)[1:]] == [
        ["1", "1", "48"],
        ["2", "1", "48"],
        ["3", "2", "64"],
        ["4", "2", "64"],
    ]
    assert found.input_shape == (None, 48, 64, 3)
    for one, other in zip(expected.get_weights(), found.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert lines[0].startswith("epoch 1:")
    assert "left of the run" in lines[0]
    assert "average" in lines[-1]


def test_finished_run_is_read_back_and_not_repeated(make_cache, tmp_path: Path, monkeypatch) -> None:
    train, val, run = make_cache(8), make_cache(5, split="val"), RunFolder(tmp_path, PLAN)
    expected = fit_grader(train, val, run, start=None, say=lambda line: None)
    monkeypatch.setattr(fit, "make_engine", lambda plan, grader, tasks: pytest.fail("the run is finished"))
    found = fit_grader(train, val, run, start=None, say=lambda line: None)
    for one, other in zip(expected.get_weights(), found.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_average_is_returned_and_not_the_last_weights(make_cache, tmp_path: Path) -> None:
    run = RunFolder(tmp_path, PLAN)
    grader = fit_grader(make_cache(8), make_cache(5, split="val"), run, start=None, say=lambda line: None)
    checkpoint = run.resume()
    assert checkpoint is not None
    returned = read_weights(grader)
    for name, values in checkpoint.average.items():
        np.testing.assert_array_equal(returned[name], values)
    assert not np.array_equal(checkpoint.average["Conv1/0"], checkpoint.weights["Conv1/0"])


def test_an_earlier_release_keeps_its_share_in_what_is_trained_from_it(make_cache, tmp_path: Path) -> None:
    earlier = build_small(PLAN.stages[0].size, alpha=PLAN.alpha)
    earlier.save(tmp_path / "earlier.keras")
    train, val = make_cache(8), make_cache(5)

    def finish(share: float) -> dict[str, np.ndarray]:
        run = RunFolder(tmp_path / f"run-{share}", replace(PLAN, start_share=share))
        model = fit_grader(train, val, run, start=tmp_path / "earlier.keras", say=lambda line: None)
        return read_weights(model)

    began, alone, mean = read_weights(earlier), finish(0.0), finish(0.25)
    assert not np.allclose(alone["Conv1/0"], began["Conv1/0"], atol=1e-5)
    for name, values in mean.items():
        np.testing.assert_allclose(values, 0.25 * began[name] + 0.75 * alone[name], atol=1e-5)
