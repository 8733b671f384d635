"""Keras' engine learns, leaves norms undecayed, and carries weights and optimiser from one size to the next."""

import numpy as np
import pytest

from dr_core.imaging.preprocess import InputSize
from dr_core.model.architecture import build_grader
from dr_core.training.batches import Batch, soften_grades
from dr_core.training.keras_engine import KerasEngine

SMALL, LARGE = InputSize(36, 48), InputSize(48, 64)


def make_batch(size: InputSize) -> Batch:
    noise = np.random.default_rng(3).uniform(-1, 1, (5, size.height_px, size.width_px, 3)).astype(np.float32)
    return Batch(noise, soften_grades(np.arange(5)), np.ones(5, np.float32))


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


def test_only_kernels_decay(engine: KerasEngine) -> None:
    optimizer = engine._model.optimizer
    decayed = {variable.path for variable in engine._model.trainable_variables if optimizer._use_weight_decay(variable)}
    kernels = {variable.path for variable in engine._model.trainable_variables if len(variable.shape) > 1}
    assert decayed == kernels
