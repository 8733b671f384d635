"""The network: MobileNetV2 (Sandler et al., 2018) as one flat graph with a linear head.

Flat, because a nested backbone breaks tf-keras-vis; linear after global average pooling, because Grad-CAM of a logit is
then the class-weighted sum of the last feature maps (Zhou et al., 2016) and costs no gradient pass.
This module loads TensorFlow.
"""

from pathlib import Path
from typing import Any

import keras

from dr_core.domain.grades import GRADE_COUNT
from dr_core.imaging.preprocess import InputSize

LAST_FEATURES = "out_relu"
HEAD = "grade_logits"
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


def freeze_until(model: Any, layer_name: str) -> None:
    """Stop training of every layer up to and including `layer_name`; their batch norms then run in inference mode.

    Raises:
        ValueError: there is no such layer.
    """
    names = [layer.name for layer in model.layers]
    if layer_name not in names:
        raise ValueError(f"layer_name must name a layer of the model. Received: {layer_name}")
    for layer in model.layers[: names.index(layer_name) + 1]:
        layer.trainable = False
