"""A second task while the grader learns: to mark lesions, coarsely, on its own features.

A grade says little about what to look for; the outlines of a few photographs (IDRiD's segmentation part: Porwal et al.,
2018) say it cell by cell, and photographs of grade 0 say where there is nothing to mark. What the task's own layers
learn is thrown away: the release has a finer head, fitted afterwards (`dr_core.training.lesions`).
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from dr_core.domain.photograph import Float32Array
from dr_core.domain.results import LESIONS
from dr_core.imaging.preprocess import InputSize
from dr_core.training.lesions import pool_maximum, vary_photograph
from dr_core.training.outlined import LesionPhotograph
from dr_core.training.transplant import Transplants

__all__ = ["TASK_FEATURES", "TASK_WEIGHT", "attach_lesion_task", "draw_outlined", "mark_cells", "weigh_cells"]

# Read at strides 8 and 16, and marked at the first.
TASK_FEATURES = ("block_6_expand_relu", "block_13_expand_relu")
STRIDE = 8
# Of the task in the loss, beside the grade's cross-entropy.
TASK_WEIGHT = 3.0
# Of a cell that holds a lesion, since few do.
POSITIVE_WEIGHT = 3.0
# Of photographs of grade 0 together, beside 1 for the outlined ones: nobody searched them for every last dot.
HEALTHY_WEIGHT = 0.3
PRIOR_LOGIT = -4.0
# How often lesions are shown in a healthy eye of another camera, not where they were outlined.
TRANSPLANT_CHANCE = 0.5


def name_task_layer(feature: str) -> str:
    """Return the name of the task's layer on `feature`."""
    return f"lesion_task_{feature.removesuffix('_expand_relu')}"


def attach_lesion_task(grader: Any) -> Any:
    """Return the symbolic (N, h / 8, w / 8, 4) logits of `LESIONS` in each cell of `grader`'s input.

    Args:
        grader: keras.Model as `build_grader` makes it, which learns through both.
    """
    fine, coarse = (
        keras.layers.Conv2D(
            len(LESIONS),
            1,
            kernel_initializer="zeros",
            bias_initializer=keras.initializers.Constant(prior),
            name=name_task_layer(feature),
        )(grader.get_layer(feature).output)
        for feature, prior in zip(TASK_FEATURES, (PRIOR_LOGIT, 0.0), strict=True)
    )
    return fine + keras.ops.image.resize(coarse, fine.shape[1:3], interpolation="bilinear")


def draw_outlined(
    photographs: Sequence[LesionPhotograph],
    size: InputSize,
    count: int,
    key: tuple[int, ...],
    transplants: Transplants | None = None,
) -> tuple[Float32Array, Float32Array]:
    """Draw random variants of some outlined photographs.

    Args:
        photographs: to draw from, `count` or more.
        size: the network's input size, a multiple of 8 on both sides.
        count: how many are drawn, each at most once.
        key: of chance.
        transplants: of the same photographs; without them all lesions are shown where they were outlined.

    Returns:
        (count, height_px, width_px, 3) float32 in [-1, 1], and (count, height_px / 8, width_px / 8, 4) float32, 1 where
        a cell holds any pixel of a lesion.
    """
    random = np.random.default_rng(key)
    chosen = random.choice(len(photographs), count, replace=False)
    shown = [
        photographs[index]
        if transplants is None or random.random() >= TRANSPLANT_CHANCE
        else transplants.draw(int(index), random)
        for index in chosen
    ]
    # The last number of a variant's key is not 0, which stands for the photograph as it is.
    variants = [
        vary_photograph(photograph, size, (*key, int(index), 1))
        for photograph, index in zip(shown, chosen, strict=True)
    ]
    tensors = np.stack([tensor for tensor, _ in variants])
    return tensors, np.stack([pool_maximum(lesions, STRIDE) for _, lesions in variants]).astype(np.float32)


def mark_cells(graded: int, outlined: Float32Array) -> Float32Array:
    """Return the (graded + L, h, w, 4) targets of a batch: no lesions in its `graded` photographs, then `outlined`."""
    return np.concatenate([np.zeros((graded, *outlined.shape[1:]), dtype=np.float32), outlined])


def weigh_cells(healthy: Any, outlined: int) -> Float32Array:
    """Return each photograph's (B + L,) weight in the task's loss, which adds up over the batch.

    Args:
        healthy: (B,) bool, True for those of grade 0; the others, whose lesions nobody outlined, count nothing.
        outlined: L, how many stand behind them.
    """
    share = HEALTHY_WEIGHT / max(1, int(np.sum(healthy)))
    return np.concatenate([np.where(healthy, share, 0.0), np.full(outlined, 1.0 / outlined)]).astype(np.float32)
