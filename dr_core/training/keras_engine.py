"""Train with Keras on TensorFlow, which every installation has."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dr_core.domain.grades import GRADE_COUNT
from dr_core.domain.photograph import Float32Array
from dr_core.imaging.preprocess import InputSize
from dr_core.model.architecture import HEAD, build_grader
from dr_core.training.batches import Batch, Tasks
from dr_core.training.engine import WEIGHT_DECAY
from dr_core.training.lesion_task import POSITIVE_WEIGHT, TASK_WEIGHT, attach_lesion_task
from dr_core.training.run_folder import Arrays
from dr_core.training.side_task import SIDE_TASK_WEIGHT, attach_side_task
from dr_core.training.weights import Weights, read_weights, write_weights

NOT_DECAYED = ["gamma", "beta", "bias"]


class KerasEngine:
    """A Keras grader and its AdamW.

    The graph is built anew for each size, since Keras pads a strided convolution by its input's parity only where it
    knows the input's size; weights and optimiser go over.
    """

    def __init__(self, grader: Any, *, alpha: float, tasks: Tasks | None = None) -> None:
        self._grader, self._alpha, self._tasks = grader, alpha, tasks or Tasks()
        self._compile()

    def _compile(self) -> None:
        learned = [(self._grader.output, keras.losses.CategoricalCrossentropy(from_logits=True), 1.0)]
        if self._tasks.lesions:
            learned.append((attach_lesion_task(self._grader), _miss_cells, TASK_WEIGHT))
        if self._tasks.sides:
            learned.append((attach_side_task(self._grader), _miss_sides, SIDE_TASK_WEIGHT))
        outputs, losses, shares = (list(part) for part in zip(*learned, strict=True))
        # Learns as a whole; without tasks it is the grader itself.
        self._model = keras.Model(self._grader.input, outputs) if len(outputs) > 1 else self._grader
        optimizer = keras.optimizers.AdamW(weight_decay=WEIGHT_DECAY)
        optimizer.exclude_from_weight_decay(var_names=NOT_DECAYED)
        optimizer.build(self._model.trainable_variables)
        self._model.compile(optimizer=optimizer, loss=losses, loss_weights=shares)

    def begin_epoch(self, size: InputSize, seed: int) -> None:
        """Take inputs of `size` from now on; `seed` decides what dropout drops in this epoch."""
        if self._grader.input_shape[1:3] != (size.height_px, size.width_px):
            weights, moments = self.read_weights(), self.read_moments()
            self._grader = build_grader(size, alpha=self._alpha)
            self._compile()
            self.write_weights(weights)
            self.write_moments(moments)
        for layer in self._grader.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.seed_generator.state.assign([seed, 0])

    def train_step(self, batch: Batch, rate: float) -> float:
        """Learn from one batch at a learning rate, and return the grades' loss.

        Raises:
            ValueError: the batch teaches other tasks than the engine's.
        """
        # Assigned from outside, since a schedule inside the optimiser is traced for every variable.
        self._model.optimizer.learning_rate.assign(rate)
        if batch.tasks != self._tasks:
            raise ValueError(f"batches must teach {self._tasks}. Received: {batch.tasks}")
        # Keras wants as many of everything, and divides by that: rows that count nothing stand for the missing grades.
        graded, count = len(batch.targets), len(batch.tensors)
        missing = np.full((count - graded, GRADE_COUNT), 1 / GRADE_COUNT, np.float32)
        targets = [np.concatenate([batch.targets, missing])]
        weights = [np.append(batch.weights * (count / graded), np.zeros(count - graded)).astype(np.float32)]
        if batch.cells is not None and batch.cell_weights is not None:
            targets.append(batch.cells)
            weights.append(batch.cell_weights * count)
        if batch.sides is not None:
            targets.append(np.concatenate([batch.sides.targets, batch.sides.weights], axis=1))
            weights.append(np.full(count, count / graded, np.float32))
        losses = self._model.train_on_batch(batch.tensors, targets, sample_weight=weights, return_dict=True)
        return float(losses["loss" if len(targets) == 1 else f"{HEAD}_loss"])

    def predict(self, tensors: Float32Array) -> NDArray[np.float64]:
        """Return the (N, 5) logits of (N, height_px, width_px, 3) float32 inputs of the epoch's size."""
        return np.asarray(self._grader.predict_on_batch(tensors), dtype=np.float64)

    def read_weights(self) -> Weights:
        """Return a copy of the weights by Keras' names."""
        return read_weights(self._model)

    def write_weights(self, weights: Weights) -> None:
        """Replace the weights."""
        write_weights(self._model, weights)

    def read_moments(self) -> Arrays:
        """Return the state of the optimiser, step and rate included, in Keras' order."""
        moments: Arrays = {}
        self._model.optimizer.save_own_variables(moments)
        return moments

    def write_moments(self, moments: Arrays) -> None:
        """Replace the state of the optimiser by one that `read_moments` returned."""
        self._model.optimizer.load_own_variables(moments)


def _miss_cells(cells: Any, logits: Any) -> Any:
    """Return each photograph's mean cross-entropy over its cells, those with a lesion weighted up."""
    missed = POSITIVE_WEIGHT * cells * keras.ops.softplus(-logits) + (1 - cells) * keras.ops.softplus(logits)
    return keras.ops.mean(missed, axis=(1, 2, 3))


def _miss_sides(labels: Any, logits: Any) -> Any:
    """Return each picture's cross-entropies of the side task, added up with their weights.

    Args:
        labels: (N, 8), the 4 targets and then their 4 weights.
        logits: (N, 4).
    """
    targets, weights = keras.ops.split(labels, 2, axis=1)
    missed = targets * keras.ops.softplus(-logits) + (1 - targets) * keras.ops.softplus(logits)
    return keras.ops.sum(weights * missed, axis=1)
