"""Keras' engine learns, leaves norms undecayed, and carries weights and optimiser from one size to the next."""

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import pytest

from dr_core.imaging.preprocess import InputSize
from dr_core.model.architecture import build_grader
from dr_core.training.batches import Batch, Tasks, soften_grades
from dr_core.training.companions import SIDE_TASKS, SideLabels
from dr_core.training.keras_engine import KerasEngine
from dr_core.training.lesion_task import TASK_FEATURES, mark_cells, name_task_layer, weigh_cells
from dr_core.training.side_task import name_side_layer

SMALL, LARGE = InputSize(36, 48), InputSize(48, 64)


def make_batch(size: InputSize) -> Batch:
    noise = np.random.default_rng(3).uniform(-1, 1, (5, size.height_px, size.width_px, 3)).astype(np.float32)
    return Batch(noise, soften_grades(np.arange(5)), np.ones(5, np.float32))


def add_outlined(batch: Batch) -> Batch:
    drawn = np.random.default_rng(4).random((2, LARGE.height_px // 8, LARGE.width_px // 8, 4))
    more = np.random.default_rng(5).uniform(-1, 1, (2, *batch.tensors.shape[1:])).astype(np.float32)
    return replace(
        batch,
        tensors=np.concatenate([batch.tensors, more]),
        cells=mark_cells(5, (drawn < 0.3).astype(np.float32)),
        cell_weights=weigh_cells(np.arange(5) == 0, 2),
    )


def add_sides(batch: Batch) -> Batch:
    """Add two pictures without a grade, and say of all which are gradable and which show a retina."""
    more = np.random.default_rng(6).uniform(-1, 1, (2, *batch.tensors.shape[1:])).astype(np.float32)
    targets = np.float32([[1, 1, 0, 1]] * 5 + [[0, 0, 0, 0]] * 2)
    weights = np.float32([[1, 1, 0, 0.15]] * 5 + [[0, 0, 0, 1]] * 2)
    return replace(batch, tensors=np.concatenate([batch.tensors, more]), sides=SideLabels(targets, weights))


@pytest.fixture
def engine() -> KerasEngine:
    engine = KerasEngine(build_grader(SMALL, alpha=0.35), alpha=0.35)
    # Tracing a step of 150 variables takes longer than a few steps without a graph.
    engine._model.run_eagerly = True
    return engine


def test_steps_on_one_batch_lower_its_loss_and_another_engine_goes_on_alike(engine: KerasEngine) -> None:
    batch = make_batch(SMALL)
    engine.begin_epoch(SMALL, 1)
    losses = [engine.train_step(batch, 2e-3) for _ in range(3)]
    assert losses[-1] < losses[0]
    resumed = KerasEngine(build_grader(SMALL, alpha=0.35), alpha=0.35)
    resumed._model.run_eagerly = True
    resumed.write_weights(engine.read_weights())
    resumed.write_moments(engine.read_moments())
    for each in (engine, resumed):
        each.begin_epoch(SMALL, 2)
    assert engine.train_step(batch, 1e-3) == pytest.approx(resumed.train_step(batch, 1e-3), rel=1e-5)
    for name, values in resumed.read_weights().items():
        np.testing.assert_allclose(values, engine.read_weights()[name], atol=1e-5)


def test_weights_and_optimiser_go_over_to_another_size(engine: KerasEngine) -> None:
    engine.begin_epoch(SMALL, 1)
    moments = engine.read_moments()
    moments = {name: np.full_like(values, 2) for name, values in moments.items()}
    engine.write_moments(moments)
    weights = engine.read_weights()
    engine.begin_epoch(LARGE, 2)
    assert engine.predict(make_batch(LARGE).tensors).shape == (5, 5)
    for name, values in engine.read_weights().items():
        np.testing.assert_array_equal(values, weights[name])
    for name, values in engine.read_moments().items():
        np.testing.assert_array_equal(values, moments[name])


def test_outlined_photographs_are_learned_beside_grades() -> None:
    batch = add_outlined(make_batch(LARGE))
    engine = KerasEngine(build_grader(LARGE, alpha=0.35), alpha=0.35, tasks=Tasks(lesions=True))
    engine._model.run_eagerly = True
    engine.begin_epoch(LARGE, 1)
    task = name_task_layer(TASK_FEATURES[0])
    before = {name: values.copy() for name, values in engine.read_weights().items() if name.startswith(task)}
    losses = [engine.train_step(batch, 2e-3) for _ in range(3)]
    assert losses[-1] < losses[0] < 3.0
    after = engine.read_weights()
    assert all(not np.array_equal(values, after[name]) for name, values in before.items())
    assert engine.predict(batch.tensors).shape == (7, 5)
    with pytest.raises(ValueError, match=r"Received: Tasks\(lesions=False"):
        engine.train_step(make_batch(LARGE), 2e-3)


@pytest.mark.parametrize(
    ("add", "tasks"), [(add_outlined, Tasks(lesions=True)), (add_sides, Tasks(sides=True))], ids=["lesions", "sides"]
)
def test_tasks_add_nothing_to_the_loss_of_grades(add: Callable[[Batch], Batch], tasks: Tasks) -> None:
    plain = KerasEngine(build_grader(LARGE, alpha=0.35), alpha=0.35)
    task = KerasEngine(build_grader(LARGE, alpha=0.35), alpha=0.35, tasks=tasks)
    found = []
    for engine, batch in ((plain, make_batch(LARGE)), (task, add(make_batch(LARGE)))):
        engine._model.run_eagerly = True
        for layer in engine._grader.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False  # statistics of the batch would differ
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0
        engine.write_weights({**engine.read_weights(), **plain.read_weights()})
        found.append(engine.train_step(batch, 0.0))
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_side_labels_are_learned_beside_grades_and_outlines() -> None:
    graded = add_sides(make_batch(LARGE))
    cells = np.zeros((7, LARGE.height_px // 8, LARGE.width_px // 8, 4), np.float32)
    batch = replace(graded, cells=cells, cell_weights=np.ones(7, np.float32) / 7)
    keras.utils.set_random_seed(1)
    engine = KerasEngine(build_grader(LARGE, alpha=0.35), alpha=0.35, tasks=Tasks(lesions=True, sides=True))
    engine._model.run_eagerly = True
    engine.begin_epoch(LARGE, 1)
    for _ in range(6):
        engine.train_step(batch, 2e-3)
    # By the batch's own statistics: after so few steps the moving ones still flatten everything.
    judged = np.asarray(engine._model(batch.tensors, training=True)[-1])
    assert judged[:5, 3].mean() > judged[5:, 3].mean() + 0.1
    bias = {name: engine.read_weights()[f"{name_side_layer(name)}/1"][0] for name in SIDE_TASKS}
    assert bias["right_eye"] > 0  # all that were known were right eyes
    assert bias["oedema"] == 0  # of which nothing was known


def test_only_kernels_decay(engine: KerasEngine) -> None:
    optimizer = engine._model.optimizer
    decayed = {variable.path for variable in engine._model.trainable_variables if optimizer._use_weight_decay(variable)}
    kernels = {variable.path for variable in engine._model.trainable_variables if len(variable.shape) > 1}
    assert decayed == kernels
