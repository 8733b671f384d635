"""Every way to make a heatmap that is measured: the network's own maps, those of tf-keras-vis, and two baselines."""

from collections.abc import Callable

import cv2
import numpy as np

from benchmarks.outlined_examples import Example
from dr_core.domain.photograph import Float32Array
from dr_core.model.calibration import REFERABLE_FROM, decide
from dr_core.model.cam import class_activation_map, lesion_evidence, scale_to_unit
from dr_core.model.classifier import Classifier

SEED = 0

Method = Callable[[Example], Float32Array]


def list_methods(classifier: Classifier) -> dict[str, Method]:
    """Return every method that can be asked for; those of tf-keras-vis load TensorFlow when first called."""
    from dr_core.model.explain import ExplanationMethod, explain

    def explain_grade(example: Example) -> Float32Array:
        return class_activation_map(example.prediction, decide(example.prediction, classifier.spec).grade)

    def explain_slowly(method: ExplanationMethod) -> Method:
        def run(example: Example) -> Float32Array:
            grade = decide(example.prediction, classifier.spec).grade
            return explain(example.model_input, grade, method=method, spec=classifier.spec)

        return run

    quick: dict[str, Method] = {
        "lesions": lambda example: lesion_evidence(example.prediction),
        "lesions-cam": weigh_evidence,
        "cam": explain_grade,
        "cam-referable": explain_referable,
    }
    slow = {method.name.lower().replace("_", "-"): explain_slowly(method) for method in ExplanationMethod}
    return quick | slow


def explain_referable(example: Example) -> Float32Array:
    """Return Grad-CAM of the log odds of referable DR: (h, w) float32 in [0, 1]."""
    p = np.asarray(example.prediction.probabilities)
    weights = np.where(np.arange(len(p)) >= REFERABLE_FROM, p, 0) / p[REFERABLE_FROM:].sum()
    weights = weights - np.where(np.arange(len(p)) < REFERABLE_FROM, p, 0) / p[:REFERABLE_FROM].sum()
    return scale_to_unit((example.prediction.class_maps * weights).sum(axis=-1))


def weigh_evidence(example: Example) -> Float32Array:
    """Return lesion evidence weighted by where the network found referable DR."""
    evidence = lesion_evidence(example.prediction)
    size = (evidence.shape[1], evidence.shape[0])
    return scale_to_unit(evidence * (0.25 + 0.75 * cv2.resize(explain_referable(example), size)))


def point_at_centre(example: Example) -> Float32Array:
    """Return a map that falls off from the middle of the field."""
    size = example.model_input.crop.input_size
    rows = np.arange(size.height_px)[:, None] - size.height_px / 2 + 0.5
    columns = np.arange(size.width_px)[None, :] - size.width_px / 2 + 0.5
    return np.asarray(np.exp(-(rows**2 + columns**2) / (size.width_px / 8) ** 2), dtype=np.float32)


def point_at_random(example: Example) -> Float32Array:
    """Return noise on the grid of the class maps, another for each photograph."""
    seed = int(np.abs(example.model_input.tensor).sum())
    return np.random.default_rng([SEED, seed]).random(example.prediction.class_maps.shape[:2], dtype=np.float32)
