"""Train with PyTorch, which is faster than Keras on a CPU.

Its batch norm in training mode is one pass over memory, and with channels last its convolutions need no copies.
This module loads PyTorch, which is no requirement of the program: requirements-train.txt.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from dr_core.domain.photograph import Float32Array
from dr_core.imaging.preprocess import InputSize
from dr_core.training.batches import Batch
from dr_core.training.engine import WEIGHT_DECAY
from dr_core.training.lesion_task import POSITIVE_WEIGHT, TASK_WEIGHT
from dr_core.training.run_folder import Arrays
from dr_core.training.side_task import SIDE_TASK_WEIGHT
from dr_core.training.torch_network import TorchGrader
from dr_core.training.weights import Weights, read_weights


class TorchEngine:
    """The grader's network in PyTorch and its AdamW."""

    def __init__(self, grader: Any, *, alpha: float) -> None:
        self._network = TorchGrader(alpha=alpha).to(memory_format=torch.channels_last)
        self._network.write_weights(read_weights(grader))
        self._views: Weights = self._network.view_weights()
        self._parameters = list(self._network.parameters())
        kernels = [parameter for parameter in self._parameters if parameter.ndim > 1]
        others = [parameter for parameter in self._parameters if parameter.ndim == 1]
        groups = [{"params": kernels, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
        self._optimizer = torch.optim.AdamW(groups, foreach=True)

    def begin_epoch(self, size: InputSize, seed: int) -> None:
        """Take inputs of any size; `seed` decides what dropout drops in this epoch."""
        torch.manual_seed(seed)
        self._network.train()

    def train_step(self, batch: Batch, rate: float) -> float:
        """Learn from one batch at a learning rate, and return the grades' loss."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        logits, marked, judged = self._network.learn(_take_in(batch.tensors), batch.tasks)
        losses = functional.cross_entropy(
            logits[: len(batch.targets)], torch.from_numpy(batch.targets), reduction="none"
        )
        loss = (losses * torch.from_numpy(batch.weights)).mean()
        together = loss
        if batch.cells is not None and batch.cell_weights is not None:
            missed = functional.binary_cross_entropy_with_logits(
                marked, _take_in(batch.cells), reduction="none", pos_weight=torch.tensor(POSITIVE_WEIGHT)
            )
            together = loss + TASK_WEIGHT * (missed.mean((1, 2, 3)) * torch.from_numpy(batch.cell_weights)).sum()
        if batch.sides is not None:
            missed = functional.binary_cross_entropy_with_logits(
                judged, torch.from_numpy(batch.sides.targets), reduction="none"
            )
            sides = (missed * torch.from_numpy(batch.sides.weights)).sum() / len(batch.targets)
            together = together + SIDE_TASK_WEIGHT * sides
        self._optimizer.zero_grad()
        together.backward()
        self._optimizer.step()
        return float(loss.item())

    def predict(self, tensors: Float32Array) -> NDArray[np.float64]:
        """Return the (N, 5) logits of (N, height_px, width_px, 3) float32 inputs."""
        training = self._network.training
        self._network.eval()
        with torch.inference_mode():
            logits = self._network(_take_in(tensors)).numpy()
        self._network.train(training)
        return np.asarray(logits, dtype=np.float64)

    def read_weights(self) -> Weights:
        """Return views of the weights by Keras' names."""
        return self._views

    def write_weights(self, weights: Weights) -> None:
        """Replace the weights."""
        self._network.write_weights(weights)

    def read_moments(self) -> Arrays:
        """Return the state of the optimiser, "parameter/name"; empty before the first step."""
        return {
            f"{index}/{name}": values.numpy()
            for index, parameter in enumerate(self._parameters)
            for name, values in self._optimizer.state[parameter].items()
        }

    def write_moments(self, moments: Arrays) -> None:
        """Replace the state of the optimiser by one that `read_moments` returned."""
        for key, values in moments.items():
            index, _, name = key.partition("/")
            parameter = self._parameters[int(index)]
            # Laid out in memory as the parameter is; otherwise each step would copy.
            state = torch.tensor(values) if values.ndim == 0 else torch.empty_like(parameter.data)
            self._optimizer.state[parameter][name] = state.copy_(torch.from_numpy(values))


def _take_in(tensors: Float32Array) -> Any:
    """Return (N, 3, height, width) without a copy: channels stay last in memory."""
    return torch.from_numpy(tensors).permute(0, 3, 1, 2)
