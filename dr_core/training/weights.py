"""A network's weights outside any framework: by Keras' layer names, and averaged along a run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.photograph import Float32Array
from dr_core.imaging.preprocess import InputSize
from dr_core.model.architecture import build_grader

# "layer/place" -> array, in Keras' layout: ("Conv1/0" is (3, 3, 3, 32)); batch norms' moving statistics are among them.
Weights = dict[str, Float32Array]
AVERAGE_DECAY = 0.998
KERAS_SUFFIX = ".keras"


def read_weights(model: Any) -> Weights:
    """Return a copy of every weight of a Keras model."""
    return {
        f"{layer.name}/{place}": values for layer in model.layers for place, values in enumerate(layer.get_weights())
    }


def write_weights(model: Any, weights: Weights) -> None:
    """Put `weights` into a Keras model; those of layers that it does not have are left out.

    Raises:
        ValueError: a weight of the model is missing, or has another shape.
    """
    for layer in model.layers:
        names = [f"{layer.name}/{place}" for place in range(len(layer.get_weights()))]
        missing = [name for name in names if name not in weights]
        if missing:
            raise ValueError(f"weights must hold every weight of the model. Received: none for {', '.join(missing)}")
        if names:
            layer.set_weights([weights[name] for name in names])


def start_grader(size: InputSize, *, alpha: float = 1.0, start: Path | None = None) -> Any:
    """Build a grader with the weights that a run starts from.

    Args:
        size: input size.
        alpha: width multiplier.
        start: a ``.keras`` file of an earlier release, whose grade head is taken over too, or weights of
            ``MobileNetV2(include_top=False)``; random when None.

    Returns:
        keras.Model as `build_grader` makes it.

    Raises:
        ConfigurationError: the file holds another network.
    """
    if start is None or start.suffix != KERAS_SUFFIX:
        return build_grader(size, alpha=alpha, backbone_weights=start)
    grader = build_grader(size, alpha=alpha)
    try:
        write_weights(grader, read_weights(keras.models.load_model(start, compile=False, safe_mode=True)))
    except ValueError as error:
        raise ConfigurationError(
            f"{start.name} is not a model that this program has released. Name its .keras file with --start."
        ) from error
    return grader


@dataclass(frozen=True, eq=False)
class MovingAverage:
    """Exponential moving average of weights and of batch norms' statistics.

    Keras' own (``use_ema``) leaves the statistics out, so that averaged kernels would meet those of the last steps; and
    its decay is constant, so that a short run would end with its beginning in it.

    Attributes:
        weights: the average; changed in place.
    """

    weights: Weights

    @classmethod
    def begin(cls, weights: Weights) -> "MovingAverage":
        """Return an average that starts with a copy of `weights`, laid out in memory as they are."""
        return cls({name: np.copy(values) for name, values in weights.items()})

    def move(self, weights: Weights, step: int) -> None:
        """Move the average towards `weights` after `step`, counted from 0 over the whole run."""
        keep = min(AVERAGE_DECAY, (1 + step) / (10 + step))
        for name, values in weights.items():
            self.weights[name] += np.float32(1 - keep) * (values - self.weights[name])
