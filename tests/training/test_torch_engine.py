"""PyTorch's engine learns, and a run on it resumes to the same bits."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dr_core.imaging.preprocess import InputSize
from dr_core.model.architecture import build_grader
from dr_core.training.batches import Batch, soften_grades
from dr_core.training.companions import SideLabels
from dr_core.training.engine import WEIGHT_DECAY
from dr_core.training.fit import fit_grader
from dr_core.training.lesion_task import mark_cells, weigh_cells
from dr_core.training.plan import TORCH, Plan, Stage
from dr_core.training.run_folder import RunFolder

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install -r requirements-train.txt")

from dr_core.training.torch_engine import TorchEngine  # noqa: E402 - only where there is PyTorch

SIZE = InputSize(36, 48)
PLAN = Plan((Stage(48, 1), Stage(64, 1)), batch_size=4, seed=5, alpha=0.35, engine=TORCH)


class Killed(Exception):
    """Stands for ``kill -9``."""


@pytest.fixture
def engine() -> TorchEngine:
    return TorchEngine(build_grader(SIZE, alpha=0.35), alpha=0.35)


@pytest.fixture
def batch() -> Batch:
    noise = np.random.default_rng(3).uniform(-1, 1, (5, SIZE.height_px, SIZE.width_px, 3)).astype(np.float32)
    return Batch(noise, soften_grades(np.arange(5)), np.ones(5, np.float32))


def test_steps_on_one_batch_lower_its_loss_and_move_statistics(engine: TorchEngine, batch: Batch) -> None:
    before = engine.read_weights()["bn_Conv1/2"].copy()
    engine.begin_epoch(SIZE, 1)
    losses = [engine.train_step(batch, 1e-3) for _ in range(8)]
    assert losses[-1] < losses[0]
    assert not np.array_equal(before, engine.read_weights()["bn_Conv1/2"])


def test_outlined_photographs_move_what_the_task_reads_and_not_the_loss_of_grades(batch: Batch) -> None:
    size = InputSize(48, 64)
    noise = np.random.default_rng(3).uniform(-1, 1, (7, size.height_px, size.width_px, 3)).astype(np.float32)
    cells = (np.random.default_rng(4).random((2, 6, 8, 4)) < 0.3).astype(np.float32)
    marked = mark_cells(5, cells)
    start, found = build_grader(size, alpha=0.35), []
    for weights in (weigh_cells(np.arange(5) == 0, 2), np.zeros(7, np.float32)):
        torch.manual_seed(1)
        engine = TorchEngine(start, alpha=0.35)
        engine.begin_epoch(size, 1)
        step = replace(batch, tensors=noise, cells=marked, cell_weights=weights)
        losses = [engine.train_step(step, 1e-3) for _ in range(2)]
        found.append((losses[0], engine.read_weights()["block_6_expand/0"].copy()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    assert not np.array_equal(found[0][1], found[1][1])


def test_side_labels_move_what_the_task_reads_and_not_the_loss_of_grades(batch: Batch) -> None:
    size = InputSize(48, 64)
    noise = np.random.default_rng(3).uniform(-1, 1, (7, size.height_px, size.width_px, 3)).astype(np.float32)
    targets = np.float32([[1, 1, 0, 1]] * 5 + [[0, 0, 0, 0]] * 2)
    start, found = build_grader(size, alpha=0.35), []
    for weight in (1.0, 0.0):
        torch.manual_seed(1)
        engine = TorchEngine(start, alpha=0.35)
        engine.begin_epoch(size, 1)
        step = replace(batch, tensors=noise, sides=SideLabels(targets, np.full_like(targets, weight)))
        losses = [engine.train_step(step, 1e-3) for _ in range(2)]
        found.append((losses[0], engine.read_weights()["block_6_expand/0"].copy()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    assert not np.array_equal(found[0][1], found[1][1])


def test_predicting_leaves_training_as_it_was(engine: TorchEngine, batch: Batch) -> None:
    engine.begin_epoch(SIZE, 1)
    before = engine.read_weights()["bn_Conv1/2"].copy()
    logits = engine.predict(batch.tensors)
    np.testing.assert_array_equal(logits, engine.predict(batch.tensors))
    assert (logits.shape, logits.dtype) == ((5, 5), np.float64)
    np.testing.assert_array_equal(before, engine.read_weights()["bn_Conv1/2"])
    assert np.isfinite(engine.train_step(batch, 1e-3))


def test_only_kernels_decay(engine: TorchEngine, batch: Batch) -> None:
    groups = engine._optimizer.param_groups
    assert {parameter.ndim for parameter in groups[0]["params"]} == {2, 4}
    assert {parameter.ndim for parameter in groups[1]["params"]} == {1}
    assert (groups[0]["weight_decay"], groups[1]["weight_decay"]) == (WEIGHT_DECAY, 0.0)


def test_interrupted_run_ends_with_the_same_bits(make_cache, tmp_path: Path) -> None:
    train, val = make_cache(9, copies=1), make_cache(6, split="val")
    whole, halved = RunFolder(tmp_path / "whole", PLAN), RunFolder(tmp_path / "halved", PLAN)
    expected = fit_grader(train, val, whole, start=None, say=lambda line: None)

    def die_after_first_epoch(line: str) -> None:
        if line.startswith("epoch 1:"):
            raise Killed

    with pytest.raises(Killed):
        fit_grader(train, val, halved, start=None, say=die_after_first_epoch)
    found = fit_grader(train, val, halved, start=None, say=lambda line: None)
    logs = []
    for run in (whole, halved):
        with run.log.open(newline="", encoding="utf-8") as file:
            logs.append([row[:-1] for row in csv.reader(file)])
    assert logs[0] == logs[1]
    for one, other in zip(expected.get_weights(), found.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
