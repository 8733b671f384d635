"""Grad-CAM in closed form.

With global average pooling and a linear head, the gradient of a logit with respect to the last feature maps is the
head's weight, so Grad-CAM (Selvaraju et al., 2017) equals CAM (Zhou et al., 2016): the class-weighted sum of the
features, which the forward pass has already computed.
"""

import numpy as np

from dr_core.domain.grades import Grade
from dr_core.domain.photograph import Float32Array
from dr_core.domain.results import LESIONS, Prediction


def class_activation_map(prediction: Prediction, grade: Grade) -> Float32Array:
    """Return where the network found evidence for `grade`.

    Args:
        prediction: what the classifier returned.
        grade: the class explained.

    Returns:
        (h, w) float32 in [0, 1] on the grid of the last feature map; all 0 where nothing speaks for the grade.
    """
    return scale_to_unit(prediction.class_maps[..., Grade(grade)])


def lesion_map(prediction: Prediction, lesion: str) -> Float32Array:
    """Return where the network sees one kind of lesion.

    Args:
        prediction: what the classifier returned.
        lesion: one of `LESIONS`.

    Returns:
        (h, w) float32 in [0, 1]: the probability in each cell.

    Raises:
        ValueError: the model has no lesion maps, or there is no such lesion.
    """
    if prediction.side is None or lesion not in LESIONS:
        raise ValueError(f"lesion must be one of {LESIONS}, of a model that maps them. Received: {lesion}")
    return prediction.side.lesion_maps[..., LESIONS.index(lesion)]


def lesion_evidence(prediction: Prediction) -> Float32Array:
    """Return where the network sees any lesion: (h, w) float32 in [0, 1].

    Raises:
        ValueError: the model has no lesion maps.
    """
    return scale_to_unit(np.max([lesion_map(prediction, lesion) for lesion in LESIONS], axis=0))


def scale_to_unit(values: Float32Array) -> Float32Array:
    """Cut negative evidence and divide by the maximum: (h, w) float32 in [0, 1]; a flat map becomes 0."""
    positive = np.maximum(np.nan_to_num(values.astype(np.float32)), 0.0)
    top = float(positive.max(initial=0.0))
    return np.asarray(positive / top if top > 0 else positive, dtype=np.float32)
