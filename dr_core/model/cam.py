"""The maps that come with every grade: Grad-CAM in closed form, and where the network sees lesions.

With global average pooling and a linear head, the gradient of a logit with respect to the last feature maps is the
head's weight, so Grad-CAM (Selvaraju et al., 2017) equals CAM (Zhou et al., 2016): the class-weighted sum of the
features, which the forward pass has already computed.
"""

import numpy as np

from dr_core.domain.grades import Grade
from dr_core.domain.photograph import Float32Array
from dr_core.domain.results import LESIONS, Prediction

# Haemorrhages and exudates are found more surely than the other two; chosen by cross-validation on the outlined
# photographs of train, with those of val in view.
EVIDENCE_WEIGHTS = (0.5, 1.0, 1.0, 0.5)
# One sure lesion shows at 0.78; more of them near by go on towards 1.
EVIDENCE_GAIN = 1.5


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
    """Return where the network sees lesions, most where several kinds lie together.

    Each kind's map is widened by one cell, they are summed by `EVIDENCE_WEIGHTS`, and the sum saturates. It is not
    scaled to its own peak: what is faint in a healthy eye stays faint.

    Args:
        prediction: what the classifier returned.

    Returns:
        (h, w) float32 in [0, 1), a weight and not a probability.

    Raises:
        ValueError: the model has no lesion maps.
    """
    maps = np.stack([lesion_map(prediction, lesion) for lesion in LESIONS], axis=-1)
    height, width = maps.shape[:2]
    padded = np.pad(maps, ((1, 1), (1, 1), (0, 0)))
    near = np.max([padded[r : r + height, c : c + width] for r in range(3) for c in range(3)], axis=0)
    weighted = near @ np.asarray(EVIDENCE_WEIGHTS, dtype=np.float32)
    return np.asarray(1.0 - np.exp(-EVIDENCE_GAIN * weighted), dtype=np.float32)


def default_map(prediction: Prediction, grade: Grade) -> Float32Array:
    """Return the map that is shown first: lesion evidence, or Grad-CAM of `grade` where the model maps no lesions."""
    return class_activation_map(prediction, grade) if prediction.side is None else lesion_evidence(prediction)


def scale_to_unit(values: Float32Array) -> Float32Array:
    """Cut negative evidence and divide by the maximum: (h, w) float32 in [0, 1]; a flat map becomes 0."""
    positive = np.maximum(np.nan_to_num(values.astype(np.float32)), 0.0)
    top = float(positive.max(initial=0.0))
    return np.asarray(positive / top if top > 0 else positive, dtype=np.float32)
