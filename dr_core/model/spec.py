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
SPEC_FORMAT = 3
SEAL = "sha256"
CLASS_NAMES = tuple(grade.label for grade in Grade)
_REMEDY = "Restore the models folder from the release; nothing is graded until then."
# What a JSON file of any content can make of the reading of it.
_MALFORMED = (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)


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
class SideSpec:
    """What belongs to the outputs beside the grade.

    Attributes:
        gate_weights: of the network's and of the measured log odds in the quality score, and the intercept.
        gradable_score: threshold on that score, frozen on val.
        unfamiliar_distance: distance in feature space beyond which lies 1 in 100 validation photographs.
        eye_confidence: from this probability on, the network is believed about which eye it sees.
        oedema_validated: whether the macular-oedema output met its goal and may be shown.
        retina_log_odds: below these log odds of a retina a picture is refused; frozen on val.
            None for a model without that output, which refuses nothing.
    """

    gate_weights: tuple[float, float, float]
    gradable_score: float
    unfamiliar_distance: float
    eye_confidence: float
    oedema_validated: bool
    retina_log_odds: float | None = None


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
        referable_threshold: on P(grade >= 2), frozen on val.
        vision_threatening_threshold: on P(grade >= 3), frozen on val.
        boundaries: slope and intercept on the log odds of P(grade >= 1) to P(grade >= 4); empty for none.
        set_mass: how much probability a grade set holds before it stops growing.
        coverage: share of readers' grades that the sets hold, on every source of val; 0 for a model without sets.
        side: of the outputs beside the grade; None for a model without them.
    """

    name: str
    runtime: ModelFile
    keras: ModelFile
    input_size: InputSize
    cam_layer: str
    temperature: float
    referable_threshold: float
    vision_threatening_threshold: float
    boundaries: tuple[tuple[float, float], ...] = ()
    set_mass: float = 0.0
    coverage: float = 0.0
    side: SideSpec | None = None

    @property
    def sha256(self) -> str:
        """SHA-256 of the weights that the runtime computes with."""
        return self.runtime.sha256

    @property
    def label(self) -> str:
        """Name and short checksum, as the CSV prints them."""
        return f"{self.name}@{self.sha256[:12]}"


def seal_spec(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a specification with the SHA-256 of everything in it, so that no threshold changes unnoticed.

    As the checksums of the files, it tells an altered release, not one that somebody means to pass for ours.
    """
    content = {name: value for name, value in raw.items() if name != SEAL}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return content | {SEAL: hashlib.sha256(text.encode("utf-8")).hexdigest()}


def load_spec(model_dir: Path | None = None) -> ModelSpec:
    """Read and check the one JSON specification in `model_dir`.

    Raises:
        ModelNotFound: there is none, or more than one.
        ModelAltered: it is not valid, its class order is not ICDR 0-4, it wants another preprocessing, or anything in
            it is not as it was released.
    """
    folder = model_dir or DEFAULT_MODEL_DIR
    candidates = _list_specs(folder)
    if len(candidates) != 1:
        found = "no model" if not candidates else f"{len(candidates)} models"
        raise ModelNotFound(
            f"There is {found} in the folder {folder.name}; exactly one *.model.json is needed. {_REMEDY}"
        )
    try:
        return _parse(json.loads(candidates[0].read_text(encoding="utf-8"), parse_constant=_refuse_constant), folder)
    except _MALFORMED as error:
        raise ModelAltered(f"{candidates[0].name} is not a valid model specification ({error}). {_REMEDY}") from error


def _list_specs(folder: Path) -> list[Path]:
    try:
        return sorted(folder.glob("*.model.json")) if folder.is_dir() else []
    except OSError:  # a name that is too long for this system, or a folder that this account may not list
        return []


def _refuse_constant(name: str) -> float:
    raise ValueError(f"numbers must be finite. Received: {name}")


def _parse(raw: dict[str, Any], folder: Path) -> ModelSpec:
    if raw["format"] != SPEC_FORMAT:
        raise ValueError(f"format must be {SPEC_FORMAT}. Received: {raw['format']}")
    if tuple(raw["classes"]) != CLASS_NAMES:
        raise ModelAltered(f"The model's classes do not stand in the order of ICDR 0 to 4. {_REMEDY}")
    if raw.get(SEAL) != seal_spec(raw)[SEAL]:
        raise ModelAltered(f"The model's specification is not the released one (SHA-256 differs). {_REMEDY}")
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
        referable_threshold=float(raw["decision"]["referable_threshold"]),
        vision_threatening_threshold=float(raw["decision"]["vision_threatening_threshold"]),
        boundaries=tuple((float(slope), float(intercept)) for slope, intercept in raw["calibration"]["boundaries"]),
        set_mass=float(raw["decision"]["set_mass"]),
        coverage=float(raw["decision"]["coverage"]),
        side=_parse_side(raw["side"]) if raw["side"] is not None else None,
    )
    _check(spec)
    return spec


def _parse_side(raw: dict[str, Any]) -> SideSpec:
    by_network, by_measurement, intercept = (float(weight) for weight in raw["gate_weights"])
    side = SideSpec(
        gate_weights=(by_network, by_measurement, intercept),
        gradable_score=float(raw["gradable_score"]),
        unfamiliar_distance=float(raw["unfamiliar_distance"]),
        eye_confidence=float(raw["eye_confidence"]),
        oedema_validated=raw["oedema_validated"],
        retina_log_odds=None if raw.get("retina_log_odds") is None else float(raw["retina_log_odds"]),
    )
    if not isinstance(side.oedema_validated, bool) or not all(map(math.isfinite, side.gate_weights)):
        raise ValueError(f"oedema_validated must be true or false, gate_weights finite. Received: {side}")
    if not (0 < side.gradable_score < 1 and 0.5 <= side.eye_confidence < 1 and 0 < side.unfamiliar_distance < math.inf):
        raise ValueError(f"thresholds of the outputs beside the grade are out of range. Received: {side}")
    if side.retina_log_odds is not None and not math.isfinite(side.retina_log_odds):
        raise ValueError(f"retina_log_odds must be a finite number. Received: {side.retina_log_odds}")
    return side


def _check(spec: ModelSpec) -> None:
    if not (math.isfinite(spec.temperature) and spec.temperature > 0):
        raise ValueError(f"temperature must be positive. Received: {spec.temperature}")
    for threshold in (spec.referable_threshold, spec.vision_threatening_threshold):
        if not 0 < threshold < 1:
            raise ValueError(f"thresholds must lie between 0 and 1. Received: {threshold}")
    if not all(math.isfinite(number) for boundary in spec.boundaries for number in boundary):
        raise ValueError(f"boundaries must be finite. Received: {spec.boundaries}")
    if spec.boundaries and (len(spec.boundaries) != 4 or not all(slope > 0 for slope, _ in spec.boundaries)):
        raise ValueError(f"boundaries must be 4 pairs with rising slopes. Received: {spec.boundaries}")
    if not (0 <= spec.coverage < 1 and 0 <= spec.set_mass <= 1):
        raise ValueError(f"coverage and set_mass must be shares. Received: {spec.coverage}, {spec.set_mass}")


def _parse_file(raw: dict[str, Any], folder: Path) -> ModelFile:
    name = str(raw["file"])
    if Path(name).name != name:
        raise ValueError(f"model files must stand beside the JSON. Received: {name}")
    return ModelFile(folder / name, str(raw["sha256"]))
