"""What computes the steps of a training run: the same run on Keras, or faster on PyTorch.

An engine knows nothing of stages, schedules, averages and logs, which `dr_core.training.fit` has once for all of them.
"""

from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.photograph import Float32Array
from dr_core.imaging.preprocess import InputSize
from dr_core.training.batches import Batch, Tasks
from dr_core.training.plan import KERAS, TORCH, Plan
from dr_core.training.run_folder import Arrays
from dr_core.training.weights import Weights

# Of convolutions and of the head; a batch norm's scale and shift and the head's bias are not pulled to zero.
WEIGHT_DECAY = 2e-2


class Engine(Protocol):
    """A network that is being trained, and its optimiser."""

    def begin_epoch(self, size: InputSize, seed: int) -> None:
        """Take inputs of `size` from now on; `seed` decides what dropout drops in this epoch."""

    def train_step(self, batch: Batch, rate: float) -> float:
        """Learn from one batch at a learning rate, and return the grades' loss."""

    def predict(self, tensors: Float32Array) -> NDArray[np.float64]:
        """Return the (N, 5) logits of (N, height_px, width_px, 3) float32 inputs of the epoch's size."""

    def read_weights(self) -> Weights:
        """Return the weights by Keras' names; what they hold after another step is undefined."""

    def write_weights(self, weights: Weights) -> None:
        """Replace the weights."""

    def read_moments(self) -> Arrays:
        """Return the state of the optimiser."""

    def write_moments(self, moments: Arrays) -> None:
        """Replace the state of the optimiser by one that `read_moments` returned."""


def check_engine(name: str) -> None:
    """Make sure that an engine is installed, before anything takes time.

    Raises:
        ConfigurationError: it is not.
    """
    if name == TORCH and find_spec("torch") is None:
        raise ConfigurationError(
            "--engine torch needs PyTorch, which is not installed. Run pip install -r requirements-train.txt, or train "
            f"with --engine {KERAS}, which needs nothing more and takes longer."
        )


def make_engine(plan: Plan, grader: Any, tasks: Tasks) -> Engine:
    """Return the plan's engine with the weights of a Keras `grader` of the plan's width multiplier.

    Args:
        plan: of the run.
        grader: holds the weights.
        tasks: what its batches will teach beside grades.

    Raises:
        ConfigurationError: the engine is not installed.
    """
    check_engine(plan.engine)
    if plan.engine == TORCH:
        from dr_core.training.torch_engine import TorchEngine

        return TorchEngine(grader, alpha=plan.alpha)
    from dr_core.training.keras_engine import KerasEngine

    return KerasEngine(grader, alpha=plan.alpha, tasks=tasks)
