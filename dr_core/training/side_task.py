"""A third task while the grader learns: to say what the release says beside the grade.

Whether a reader could grade the photograph, which eye it is, whether exudates lie near the fovea, and whether it shows
a retina at all. A grade teaches none of that, so that features that learned from grades alone carry little of it; one
network that learns all of it at once does (Caruana, 1997). What the task's own layers learn is thrown away: the release
has heads of its own, fitted afterwards on the same features (`dr_core.training.side_heads`).
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from dr_core.domain.photograph import Laterality
from dr_core.model.architecture import pool_extremes, pool_grid, pool_layers
from dr_core.training.companions import SIDE_TASKS, WEIGHT_RETINA, SideLabels
from dr_core.training.dataset import LabelledPhotograph

__all__ = ["SIDE_TASK_WEIGHT", "attach_side_task", "label_photographs", "name_side_layer"]

# Of the task in the loss, beside the grade's cross-entropy.
SIDE_TASK_WEIGHT = 0.3
# A photograph without a verdict counts as gradable, and for less.
WEIGHT_LABELLED, WEIGHT_OTHER = 1.0, 0.1
# The eye is read in squares, so that they are the same at every input size; its sides are 3 and 4 of them.
SQUARES_DOWN, SQUARES_ACROSS = 3, 4


def label_photographs(photographs: Sequence[LabelledPhotograph]) -> SideLabels:
    """Return what the manifest says of retinas beside their grade."""
    targets = [
        (
            photograph.gradable is not False,
            photograph.laterality is Laterality.OD,
            photograph.oedema_risk == 2,
            True,
        )
        for photograph in photographs
    ]
    weights = [
        (
            WEIGHT_OTHER if photograph.gradable is None else WEIGHT_LABELLED,
            WEIGHT_LABELLED * (photograph.laterality is not None),
            WEIGHT_LABELLED * (photograph.oedema_risk is not None),
            WEIGHT_RETINA,
        )
        for photograph in photographs
    ]
    return SideLabels(np.array(targets, dtype=np.float32), np.array(weights, dtype=np.float32))


def name_side_layer(task: str) -> str:
    """Return the name of the task's layer for one of `SIDE_TASKS`."""
    return f"side_task_{task}"


def attach_side_task(grader: Any) -> Any:
    """Return the symbolic (N, 4) logits of `SIDE_TASKS`, which start at 0.

    Args:
        grader: keras.Model as `build_grader` makes it, which learns through them.
    """
    pooled = pool_layers(grader)
    read = {"retina": pool_extremes(grader, pooled), "right_eye": pool_grid(grader, SQUARES_DOWN, SQUARES_ACROSS)}
    logits = [
        keras.layers.Dense(1, kernel_initializer="zeros", name=name_side_layer(task))(read.get(task, pooled))
        for task in SIDE_TASKS
    ]
    return keras.layers.Concatenate(name="side_task")(logits)
