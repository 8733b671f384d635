"""The ways to explain a grade, and those of them that need gradients or many forward passes, through tf-keras-vis.

Lesion evidence comes out of the network itself, and Grad-CAM has a closed form: both are in `dr_core.model.cam` and
need none of this. Grad-CAM is computed by tf-keras-vis here as well, so that the two can be compared. TensorFlow loads
on first use.
"""

import os
import tempfile
import threading
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dr_core.domain.errors import ModelAltered
from dr_core.domain.grades import Grade
from dr_core.domain.photograph import Float32Array
from dr_core.domain.results import Prediction
from dr_core.imaging.preprocess import ModelInput
from dr_core.model.cam import scale_to_unit
from dr_core.model.spec import ModelSpec, load_spec

SMOOTH_SAMPLES = 16
SMOOTH_NOISE = 0.15  # of the input's range, as Smilkov et al. (2017) recommend 10 to 20%
SCORE_CAM_CHANNELS = 64
SCORE_CAM_ROUNDS = 8
Progress = Callable[[float], None]
_lock = threading.Lock()


class ExplanationMethod(StrEnum):
    """The methods on offer; `caption` says what a map shows and what it misses."""

    LESION_EVIDENCE = "Lesion evidence"
    GRAD_CAM = "Grad-CAM"
    GRAD_CAM_PP = "Grad-CAM++"
    SCORE_CAM = "Score-CAM"
    SALIENCY = "Saliency"
    SMOOTH_GRAD = "SmoothGrad"

    @property
    def caption(self) -> str:
        """What the map shows, and what it misses."""
        return _CAPTIONS[self]


_COARSE = "Its cells are coarse: single microaneurysms cannot be told apart, and a cold area is not a healthy one."
_CAPTIONS = {
    ExplanationMethod.LESION_EVIDENCE: (
        "Lesion evidence: where the network sees microaneurysms, haemorrhages or exudates, whatever the grade. It "
        "misses faint or single microaneurysms, new vessels and venous changes; a cold area is not a healthy one."
    ),
    ExplanationMethod.GRAD_CAM: f"Grad-CAM: where the network found evidence for this grade. {_COARSE}",
    ExplanationMethod.GRAD_CAM_PP: f"Grad-CAM++: Grad-CAM weighted to keep several separate areas. {_COARSE}",
    ExplanationMethod.SCORE_CAM: f"Score-CAM: areas that alone keep the grade's score high. {_COARSE}",
    ExplanationMethod.SALIENCY: (
        "Saliency: pixels whose change would move the grade most. Noisy; vessels and edges light up whether or not "
        "they are diseased."
    ),
    ExplanationMethod.SMOOTH_GRAD: (
        "SmoothGrad: saliency averaged over noisy copies. Less noisy than saliency; edges still light up whether or "
        "not they are diseased."
    ),
}


def offer_methods(prediction: Prediction) -> tuple[ExplanationMethod, ...]:
    """Return the methods that can explain `prediction`, the one to begin with first."""
    if prediction.side is None:
        return tuple(method for method in ExplanationMethod if method is not ExplanationMethod.LESION_EVIDENCE)
    return tuple(ExplanationMethod)


def find_graders_spec(model_sha256: str, model_dir: Path | None = None) -> ModelSpec:
    """Read the specification on disk, which must still be that of the model that graded.

    Args:
        model_sha256: of the weights that graded, as the result's provenance states it.
        model_dir: where the model stands; the released one by default.

    Raises:
        ModelNotFound: there is no model any more.
        ModelAltered: another one has taken its place; a map of it would explain a grade that it did not give.
    """
    spec = load_spec(model_dir)
    if spec.sha256 != model_sha256:
        raise ModelAltered(
            "The model was replaced after the program started, so its map would not explain this grade. Start the "
            "program again, and grade the photograph anew."
        )
    return spec


def explain(
    model_input: ModelInput,
    grade: Grade,
    *,
    method: ExplanationMethod,
    spec: ModelSpec,
    progress: Progress | None = None,
) -> Float32Array:
    """Compute one heatmap.

    Args:
        model_input: what the network saw.
        grade: the class explained.
        method: how; not lesion evidence, which is part of the prediction.
        spec: of the model that graded the photograph, as `find_graders_spec` returns it.
        progress: called with the share done, 0 to 1.

    Returns:
        (h, w) float32 in [0, 1] that covers the whole input: cells of the last feature map, or pixels for saliency.

    Raises:
        ModelNotFound: the Keras file is missing.
        ModelAltered: it is not the released one.
        ValueError: `method` is not computed here.
    """
    if method not in _METHODS:
        raise ValueError(f"`method` must be one of {[known.name for known in _METHODS]}. Received: {method}")
    report = progress or (lambda share: None)
    report(0.0)
    with _lock:
        model = _load_keras_model(spec)
        heat = _METHODS[method](model, spec, model_input.tensor[None], Grade(grade), report)
    report(1.0)
    return scale_to_unit(heat)


@lru_cache(maxsize=1)
def _load_keras_model(spec: ModelSpec) -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras

    # What was verified is what is loaded: Keras wants a named file, so the checked bytes go to a private one.
    with tempfile.NamedTemporaryFile(suffix=".keras") as file:
        file.write(spec.keras.read())
        file.flush()
        network = keras.saving.load_model(file.name, compile=False, safe_mode=True)
    from dr_core.model.architecture import HEAD  # loads Keras, as this function does

    # tf-keras-vis wants a score for every output; what stands beside the grade is not explained.
    return keras.Model(network.input, network.get_layer(HEAD).output)


def _score_of(grade: Grade) -> Any:
    from tf_keras_vis.utils.scores import CategoricalScore

    return CategoricalScore([int(grade)])


def _grad_cam(model: Any, spec: ModelSpec, tensor: Float32Array, grade: Grade, report: Progress) -> Float32Array:
    from tf_keras_vis.gradcam import Gradcam

    return _run_cam(Gradcam(model, clone=False), spec, tensor, grade)


def _grad_cam_pp(model: Any, spec: ModelSpec, tensor: Float32Array, grade: Grade, report: Progress) -> Float32Array:
    from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus

    return _run_cam(GradcamPlusPlus(model, clone=False), spec, tensor, grade)


def _run_cam(cam: Any, spec: ModelSpec, tensor: Float32Array, grade: Grade) -> Float32Array:
    # Named layer and no search: by itself tf-keras-vis takes the convolution before batch norm and activation.
    found = cam(
        _score_of(grade),
        tensor,
        penultimate_layer=spec.cam_layer,
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    )
    return np.asarray(found[0], dtype=np.float32)


def _score_cam(model: Any, spec: ModelSpec, tensor: Float32Array, grade: Grade, report: Progress) -> Float32Array:
    """Score-CAM (Wang et al., 2020) over the channels that vary most, in rounds so that progress can be shown."""
    import keras

    features = keras.Model(model.input, model.get_layer(spec.cam_layer).output)
    maps = keras.ops.convert_to_numpy(features.predict_on_batch(tensor))
    channels = np.argsort(-maps[0].std(axis=(0, 1)))[:SCORE_CAM_CHANNELS]
    height, width = tensor.shape[1:3]
    scores: list[float] = []
    for part in np.array_split(channels, SCORE_CAM_ROUNDS):
        masks = [cv2.resize(scale_to_unit(maps[0, ..., channel]), (width, height)) for channel in part]
        masked = np.stack([tensor[0] * mask[..., None] for mask in masks]).astype(np.float32)
        answers = keras.ops.convert_to_numpy(model.predict_on_batch(masked)).astype(np.float64)
        raised = np.exp(answers - answers.max(axis=1, keepdims=True))
        scores += list(raised[:, grade] / raised.sum(axis=1))
        report(len(scores) / len(channels))
    weights = np.asarray(scores, dtype=np.float32)
    return np.asarray((maps[0][..., channels] * weights).sum(axis=-1), dtype=np.float32)


def _saliency(model: Any, spec: ModelSpec, tensor: Float32Array, grade: Grade, report: Progress) -> Float32Array:
    return _gradient(model, tensor, grade)


def _smooth_grad(model: Any, spec: ModelSpec, tensor: Float32Array, grade: Grade, report: Progress) -> Float32Array:
    random = np.random.default_rng(0)
    total = np.zeros(tensor.shape[1:3], dtype=np.float32)
    for done in range(1, SMOOTH_SAMPLES + 1):
        noise = random.normal(0.0, SMOOTH_NOISE, tensor.shape).astype(np.float32)
        total += _gradient(model, tensor + noise, grade)
        report(done / SMOOTH_SAMPLES)
    return np.asarray(total / SMOOTH_SAMPLES, dtype=np.float32)


def _gradient(model: Any, tensor: Float32Array, grade: Grade) -> Float32Array:
    import keras
    from tf_keras_vis.saliency import Saliency

    # tf-keras-vis calls the model with a list of inputs here, and Keras warns unless the model was built with one.
    listed = keras.Model([model.input], model.output)
    found = Saliency(listed, clone=False)(_score_of(grade), tensor, normalize_map=False)
    return np.asarray(found[0], dtype=np.float32)


_METHODS = {
    ExplanationMethod.GRAD_CAM: _grad_cam,
    ExplanationMethod.GRAD_CAM_PP: _grad_cam_pp,
    ExplanationMethod.SCORE_CAM: _score_cam,
    ExplanationMethod.SALIENCY: _saliency,
    ExplanationMethod.SMOOTH_GRAD: _smooth_grad,
}
