"""Write a trained grader as a release: Keras file, CPU runtime file and the JSON that binds them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from dr_core import __version__
from dr_core.imaging.preprocess import PREPROCESSING_VERSION
from dr_core.model.architecture import HEAD, LAST_FEATURES
from dr_core.model.spec import CLASS_NAMES, SPEC_FORMAT, SideSpec, seal_spec


@dataclass(frozen=True)
class OperatingPoint:
    """Everything that is chosen on the validation split after training.

    Attributes:
        temperature: divides the logits.
        referable_threshold: on P(grade >= 2).
        vision_threatening_threshold: on P(grade >= 3).
        boundaries: slope and intercept of each boundary's log odds.
        set_mass: probability at which a grade set stops growing.
        coverage: share of readers' grades that the sets hold; 0 for no sets.
        side: of the outputs beside the grade; None for a grader without them.
    """

    temperature: float = 1.0
    referable_threshold: float = 0.5
    vision_threatening_threshold: float = 0.5
    boundaries: tuple[tuple[float, float], ...] = ()
    set_mass: float = 0.0
    coverage: float = 0.0
    side: SideSpec | None = None


def export_model(
    model: Any, folder: Path, name: str, point: OperatingPoint, *, training: Mapping[str, object] | None = None
) -> Path:
    """Write ``<name>.keras``, ``<name>.tflite`` and ``<name>.model.json`` into `folder`.

    Args:
        model: a grader as `build_grader` makes it, or the whole network of `attach_side_heads`.
        folder: made when missing; files of the same name are replaced.
        name: name and version of the model.
        point: calibration and thresholds.
        training: what is recorded of how the model was made.

    Returns:
        Path of the JSON.
    """
    folder.mkdir(parents=True, exist_ok=True)
    keras_path, runtime_path = folder / f"{name}.keras", folder / f"{name}.tflite"
    bare = keras.Model(
        model.input, model.outputs if len(model.outputs) > 1 else model.output, name=model.name
    )  # without the optimiser's state
    bare.save(keras_path)
    runtime_path.write_bytes(convert_to_runtime(bare))
    height, width = model.input_shape[1:3]
    spec = {
        "format": SPEC_FORMAT,
        "name": name,
        "created_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "package_version": __version__,
        "files": {
            "runtime": {"file": runtime_path.name, "sha256": _digest(runtime_path)},
            "keras": {"file": keras_path.name, "sha256": _digest(keras_path)},
        },
        "input": {
            "height_px": height,
            "width_px": width,
            "channels": "RGB",
            "range": [-1, 1],
            "preprocessing": PREPROCESSING_VERSION,
        },
        "classes": list(CLASS_NAMES),
        "cam_layer": LAST_FEATURES,
        "calibration": {"temperature": point.temperature, "boundaries": [list(pair) for pair in point.boundaries]},
        "decision": {
            "referable_threshold": point.referable_threshold,
            "vision_threatening_threshold": point.vision_threatening_threshold,
            "set_mass": point.set_mass,
            "coverage": point.coverage,
        },
        "side": asdict(point.side) if point.side is not None else None,
        "training": dict(training or {}),
    }
    path = folder / f"{name}.model.json"
    path.write_text(json.dumps(seal_spec(spec), indent=2) + "\n", encoding="utf-8")
    return path


def convert_to_runtime(model: Any) -> bytes:
    """Return `model` as a LiteRT flat buffer, float32, with every output from one pass.

    The outputs are one row of scores (the grades' logits, then the side scores), the class maps and, where the model
    has them, the lesion maps and the map of what is hidden.
    """
    maps = model.get_layer(LAST_FEATURES).output
    head = model.get_layer(HEAD)
    kernel = keras.ops.convert_to_numpy(head.kernel)
    per_class = keras.layers.Conv2D(kernel.shape[1], 1, use_bias=False, name="class_maps")
    # Anew without the dropout, which the converter would keep as an identity.
    logits = head(keras.layers.GlobalAveragePooling2D()(maps))
    outputs = [logits, per_class(maps)]
    if len(model.outputs) > 1:
        _, side_scores, *further_maps = model.outputs
        outputs = [keras.layers.Concatenate()([logits, side_scores]), per_class(maps), *further_maps]
    served = keras.Model(model.input, outputs)
    per_class.set_weights([kernel[None, None]])
    height, width = model.input_shape[1:3]

    @tf.function(input_signature=[tf.TensorSpec((1, height, width, 3), tf.float32, name="photograph")])  # type: ignore[untyped-decorator]
    def serve(photograph: Any) -> Any:
        return served(photograph, training=False)

    # Frozen first: the converter alone would leave Keras' variables out of the file.
    frozen = convert_variables_to_constants_v2(serve.get_concrete_function())
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
