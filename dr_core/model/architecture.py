"""The network: MobileNetV2 (Sandler et al., 2018) as one flat graph with a linear head.

Flat, because a nested backbone breaks tf-keras-vis; linear after global average pooling, because Grad-CAM of a logit is
then the class-weighted sum of the last feature maps (Zhou et al., 2016) and costs no gradient pass.
This module loads TensorFlow.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dr_core.domain.grades import GRADE_COUNT
from dr_core.imaging.preprocess import InputSize

LAST_FEATURES = "out_relu"
HEAD = "grade_logits"
SIDE_SCORES = "side_scores"
LESION_MAPS = "lesion_maps"
HIDDEN_MAP = "hidden_map"
# What the linear heads beside the grade read, from edges to whole lesions.
POOLED_LAYERS = ("block_3_expand_relu", "block_6_expand_relu", "block_13_expand_relu", "out_relu")
# Fine enough to place the optic disc: its column tells the eye, its row whether a camera turned the photograph over.
GRID_LAYER = "block_13_expand_relu"
GRID_ROWS, GRID_COLUMNS = 3, 5
BATCH_NORM_MOMENTUM = 0.9  # Keras' 0.999 is too slow for a few thousand steps
HEAD_DROPOUT = 0.2


def build_grader(size: InputSize, *, alpha: float = 1.0, backbone_weights: Path | None = None) -> Any:
    """Build the untrained grader.

    Args:
        size: input size.
        alpha: width multiplier; 1.0 for the released model, 0.35 for tests.
        backbone_weights: weights of ``MobileNetV2(include_top=False)``; random when None.

    Returns:
        keras.Model: (N, height, width, 3) float32 in [-1, 1] -> (N, 5) logits.
    """
    backbone = keras.applications.MobileNetV2(
        input_shape=(size.height_px, size.width_px, 3), include_top=False, weights=None, alpha=alpha
    )
    if backbone_weights is not None:
        backbone.load_weights(backbone_weights)
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = BATCH_NORM_MOMENTUM
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(backbone.output)
    dropped = keras.layers.Dropout(HEAD_DROPOUT, name="head_dropout")(pooled)
    logits = keras.layers.Dense(GRADE_COUNT, name=HEAD)(dropped)
    return keras.Model(backbone.input, logits, name="retinadesk_mobilenetv2")


@dataclass(frozen=True, eq=False)
class LinearHead:
    """One linear output: features @ kernel + bias.

    Attributes:
        kernel: (D, K) float32.
        bias: (K,) float32.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SideHeads:
    """Everything beside the grade that is linear in pooled features.

    Attributes:
        gradable: log odds that a reader can grade the photograph; reads `pool_layers`.
        right_eye: log odds of a right eye; reads `pool_grid`.
        oedema: log odds of exudates near the fovea; reads `pool_layers`.
        retina: log odds that this is a photograph of a retina at all; reads `pool_extremes`.
        embedding: whitened features for the distance from the training photographs; reads the last of them.
    """

    gradable: LinearHead
    right_eye: LinearHead
    oedema: LinearHead
    retina: LinearHead
    embedding: LinearHead


def pool_layers(grader: Any) -> Any:
    """Return the symbolic (N, D) means of `POOLED_LAYERS` over the whole input."""
    pools = [keras.layers.GlobalAveragePooling2D()(grader.get_layer(name).output) for name in POOLED_LAYERS]
    return keras.layers.Concatenate(name="pooled_layers")(pools)


def pool_extremes(grader: Any, pooled: Any) -> Any:
    """Return the symbolic (N, 2 * D) `pooled`, as `pool_layers` gives it, and then the maxima of the same layers."""
    outputs = [grader.get_layer(name).output for name in POOLED_LAYERS]
    maxima = [keras.layers.Flatten()(keras.layers.MaxPooling2D(output.shape[1:3])(output)) for output in outputs]
    return keras.layers.Concatenate(name="pooled_extremes")([pooled, *maxima])


def pool_grid(grader: Any, rows: int = GRID_ROWS, columns: int = GRID_COLUMNS) -> Any:
    """Return the symbolic (N, 2 * rows * columns * C) means and maxima of the fields of a coarse grid."""
    features = grader.get_layer(GRID_LAYER).output
    field = (max(1, features.shape[1] // rows), max(1, features.shape[2] // columns))
    pools = [keras.layers.AveragePooling2D(field)(features), keras.layers.MaxPooling2D(field)(features)]
    return keras.layers.Concatenate(name="pooled_grid")([keras.layers.Flatten()(pool) for pool in pools])


def attach_side_heads(grader: Any, heads: SideHeads, lesion_maps: Any, hidden_map: Any) -> Any:
    """Return the whole network: the grader and what is read beside the grade, in one pass.

    Args:
        grader: as `build_grader` makes it.
        heads: fitted on its pooled features.
        lesion_maps: symbolic (N, h, w, 4) output of `grader`'s own layers.
        hidden_map: symbolic (N, h, w, 1) output of `grader`'s own layers, log odds of a cell's being hidden.

    Returns:
        keras.Model with the outputs (N, 5) logits, (N, 4 + E) `SIDE_SCORES` (gradable, right eye, oedema, retina,
        embedding), (N, h, w, 4) lesion maps and the (N, h, w, 1) `HIDDEN_MAP`.
    """
    pooled, grid = pool_layers(grader), pool_grid(grader)
    last = keras.layers.GlobalAveragePooling2D(name="pooled_last")(grader.get_layer(LAST_FEATURES).output)
    scores = [
        _apply(heads.gradable, "gradable_logit", pooled),
        _apply(heads.right_eye, "right_eye_logit", grid),
        _apply(heads.oedema, "oedema_logit", pooled),
        _apply(heads.retina, "retina_logit", pool_extremes(grader, pooled)),
        _apply(heads.embedding, "embedding", last),
    ]
    side_scores = keras.layers.Concatenate(name=SIDE_SCORES)(scores)
    return keras.Model(grader.input, [grader.output, side_scores, lesion_maps, hidden_map], name=grader.name)


def _apply(head: LinearHead, name: str, features: Any) -> Any:
    layer = keras.layers.Dense(head.kernel.shape[1], name=name)
    output = layer(features)
    layer.set_weights([head.kernel, head.bias])
    return output
