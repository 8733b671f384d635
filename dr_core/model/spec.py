"""What the released model's JSON says: files and checksums, input, class order, calibration and thresholds."""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dr_core.domain.errors import ModelAltered, ModelNotFound
from dr_core.domain.grades import Grade
from dr_core.imaging.preprocess import PREPROCESSING_VERSION, InputSize

DEFAULT_MODEL_DIR = Path(__file__).resolve().parents[2] / "models"
SPEC_FORMAT = 1
CLASS_NAMES = tuple(grade.label for grade in Grade)
_REMEDY = "Restore the models folder from the release; nothing is graded until then."


@dataclass(frozen=True)
class ModelFile:
    """One file of the model and the SHA-256 that it must have."""

    path: Path
    sha256: str

    def read(self) -> bytes:
        """Read the file, once, and check it.

        Raises:
            ModelNotFound: the file is missing or cannot be read.
            ModelAltered: its SHA-256 is not the recorded one.
        """
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise ModelNotFound(f"The model file {self.path.name} is missing or cannot be read. {_REMEDY}") from error
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise ModelAltered(f"The model file {self.path.name} is not the released one (SHA-256 differs). {_REMEDY}")
        return data


@dataclass(frozen=True)
class ModelSpec:
    """The released model's own description.

    Attributes:
        name: name and version.
        runtime: what the CPU runtime loads.
        keras: the same network for training and for the slower explanations.
        input_size: size of the network's input.
        cam_layer: layer whose features the heatmap weighs.
        temperature: divides the logits before the softmax; fitted on val.
        grade_cuts: 4 rising cut points on the expected grade; empty reports the most probable grade.
        referable_threshold: on P(grade >= 2), frozen on val.
        vision_threatening_threshold: on P(grade >= 3), frozen on val.
    """

    name: str
    runtime: ModelFile
    keras: ModelFile
    input_size: InputSize
    cam_layer: str
    temperature: float
    grade_cuts: tuple[float, ...]
    referable_threshold: float
    vision_threatening_threshold: float

    @property
    def sha256(self) -> str:
        """SHA-256 of the weights that the runtime computes with."""
        return self.runtime.sha256

    @property
    def label(self) -> str:
        """Name and short checksum, as the CSV prints them."""
        return f"{self.name}@{self.sha256[:12]}"


def load_spec(model_dir: Path | None = None) -> ModelSpec:
    """Read and check the one JSON specification in `model_dir`.

    Raises:
        ModelNotFound: there is none, or more than one.
        ModelAltered: it is not valid, its class order is not ICDR 0-4, or it wants another preprocessing.
    """
    folder = model_dir or DEFAULT_MODEL_DIR
    candidates = sorted(folder.glob("*.model.json")) if folder.is_dir() else []
    if len(candidates) != 1:
        found = "no model" if not candidates else f"{len(candidates)} models"
        raise ModelNotFound(
            f"There is {found} in the folder {folder.name}; exactly one *.model.json is needed. {_REMEDY}"
        )
    try:
        return _parse(json.loads(candidates[0].read_text(encoding="utf-8")), folder)
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelAltered(f"{candidates[0].name} is not a valid model specification ({error}). {_REMEDY}") from error


def _parse(raw: dict[str, Any], folder: Path) -> ModelSpec:
    if raw["format"] != SPEC_FORMAT:
        raise ValueError(f"format must be {SPEC_FORMAT}. Received: {raw['format']}")
    if tuple(raw["classes"]) != CLASS_NAMES:
        raise ModelAltered(f"The model's classes do not stand in the order of ICDR 0 to 4. {_REMEDY}")
    wanted = raw["input"]["preprocessing"]
    if wanted != PREPROCESSING_VERSION or raw["input"]["range"] != [-1, 1] or raw["input"]["channels"] != "RGB":
        raise ValueError(f"input must be RGB in [-1, 1] by preprocessing {PREPROCESSING_VERSION}. Received: {wanted}")
    spec = ModelSpec(
        name=str(raw["name"]),
        runtime=_parse_file(raw["files"]["runtime"], folder),
        keras=_parse_file(raw["files"]["keras"], folder),
        input_size=InputSize(int(raw["input"]["height_px"]), int(raw["input"]["width_px"])),
        cam_layer=str(raw["cam_layer"]),
        temperature=float(raw["calibration"]["temperature"]),
        grade_cuts=tuple(float(cut) for cut in raw["decision"]["grade_cuts"]),
        referable_threshold=float(raw["decision"]["referable_threshold"]),
        vision_threatening_threshold=float(raw["decision"]["vision_threatening_threshold"]),
    )
    if not (math.isfinite(spec.temperature) and spec.temperature > 0):
        raise ValueError(f"temperature must be positive. Received: {spec.temperature}")
    for threshold in (spec.referable_threshold, spec.vision_threatening_threshold):
        if not 0 < threshold < 1:
            raise ValueError(f"thresholds must lie between 0 and 1. Received: {threshold}")
    if spec.grade_cuts and (len(spec.grade_cuts) != 4 or list(spec.grade_cuts) != sorted(spec.grade_cuts)):
        raise ValueError(f"grade_cuts must be 4 rising numbers. Received: {spec.grade_cuts}")
    return spec


def _parse_file(raw: dict[str, Any], folder: Path) -> ModelFile:
    name = str(raw["file"])
    if Path(name).name != name:
        raise ValueError(f"model files must stand beside the JSON. Received: {name}")
    return ModelFile(folder / name, str(raw["sha256"]))
