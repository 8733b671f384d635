"""The model's JSON is believed only where everything in it is what was released."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dr_core.domain.errors import ModelAltered, ModelNotFound
from dr_core.imaging.preprocess import PREPROCESSING_VERSION
from dr_core.model.spec import CLASS_NAMES, ModelFile, load_spec, seal_spec

VALID: dict[str, Any] = {
    "format": 3,
    "name": "made-up",
    "files": {
        "runtime": {"file": "made-up.tflite", "sha256": "00" * 32},
        "keras": {"file": "made-up.keras", "sha256": "11" * 32},
    },
    "input": {
        "height_px": 240,
        "width_px": 320,
        "channels": "RGB",
        "range": [-1, 1],
        "preprocessing": PREPROCESSING_VERSION,
    },
    "classes": list(CLASS_NAMES),
    "cam_layer": "out_relu",
    "calibration": {"temperature": 0.7, "boundaries": [[1.0, 0.0]] * 4},
    "decision": {
        "referable_threshold": 0.4,
        "vision_threatening_threshold": 0.3,
        "set_mass": 0.8,
        "coverage": 0.9,
    },
    "side": None,
}


def write(folder: Path, change: Callable[[dict[str, Any]], object] = lambda raw: None) -> Path:
    raw = json.loads(json.dumps(VALID))
    change(raw)
    (folder / "made-up.model.json").write_text(json.dumps(seal_spec(raw)), encoding="utf-8")
    return folder


def test_load_reads_every_field(tmp_path: Path) -> None:
    spec = load_spec(write(tmp_path))
    assert (spec.input_size.height_px, spec.input_size.width_px) == (240, 320)
    assert spec.temperature == 0.7
    assert spec.label == "made-up@" + "0" * 12


SIDE = {
    "gate_weights": [1.0, 0.5, 0.1],
    "gradable_score": 0.3,
    "unfamiliar_distance": 12.0,
    "eye_confidence": 0.9,
    "oedema_validated": True,
}


def test_the_limit_for_a_retina_is_read_and_a_model_without_it_refuses_nothing(tmp_path: Path) -> None:
    side = load_spec(write(tmp_path, lambda raw: raw.update(side=SIDE))).side
    assert side is not None
    assert side.retina_log_odds is None
    side = load_spec(write(tmp_path, lambda raw: raw.update(side={**SIDE, "retina_log_odds": -1.25}))).side
    assert side is not None
    assert side.retina_log_odds == -1.25


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.update(side={**SIDE, "retina_log_odds": float("nan")}),
        lambda raw: raw.update(side={**SIDE, "retina_log_odds": "likely"}),
        lambda raw: raw["classes"].reverse(),
        lambda raw: raw.update(classes=sorted(raw["classes"])),
        lambda raw: raw["input"].update(preprocessing="field-0"),
        lambda raw: raw["input"].update(range=[0, 1]),
        lambda raw: raw["input"].update(channels="BGR"),
        lambda raw: raw["calibration"].update(temperature=0),
        lambda raw: raw["calibration"].update(temperature="NaN"),
        lambda raw: raw["decision"].update(referable_threshold=1.5),
        lambda raw: raw["files"]["keras"].update(file="../elsewhere.keras"),
        lambda raw: raw.pop("decision"),
        lambda raw: raw.update(format=99),
    ],
)
def test_load_refuses_what_was_not_released(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    write(tmp_path, change)
    with pytest.raises(ModelAltered, match="release"):
        load_spec(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw["decision"].update(referable_threshold=0.41),
        lambda raw: raw["calibration"]["boundaries"][2].reverse(),
        lambda raw: raw.update(name="another"),
        lambda raw: raw.pop("sha256"),
        lambda raw: raw.update(sha256=None),
    ],
    ids=["threshold", "calibration", "name", "no checksum", "empty checksum"],
)
def test_a_specification_altered_after_its_release_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    raw = seal_spec(json.loads(json.dumps(VALID)))
    change(raw)
    (tmp_path / "made-up.model.json").write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(ModelAltered, match="specification is not the released one"):
        load_spec(tmp_path)


def test_spaces_and_order_of_a_specification_do_not_matter(tmp_path: Path) -> None:
    raw = seal_spec(json.loads(json.dumps(VALID)))
    text = json.dumps(dict(reversed(raw.items())), indent=4)
    (tmp_path / "made-up.model.json").write_text(text, encoding="utf-8")
    assert load_spec(tmp_path).name == "made-up"


def test_load_refuses_json_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "broken.model.json").write_bytes(b"\xff{")
    with pytest.raises(ModelAltered, match="Restore the models folder"):
        load_spec(tmp_path)


def test_load_needs_exactly_one_model(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / ("x" * 260)):
        with pytest.raises(ModelNotFound, match="no model"):
            load_spec(folder)
    write(tmp_path)
    (tmp_path / "second.model.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelNotFound, match="2 models"):
        load_spec(tmp_path)


def test_read_refuses_one_changed_byte(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"abc")
    # SHA-256 of b"abc", the standard's own example.
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert ModelFile(path, sha256).read() == b"abc"
    path.write_bytes(b"abd")
    with pytest.raises(ModelAltered, match="SHA-256"):
        ModelFile(path, sha256).read()
    path.unlink()
    with pytest.raises(ModelNotFound, match="missing"):
        ModelFile(path, sha256).read()


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "null",
        "[]",
        '"text"',
        "7",
        json.dumps(VALID).replace("240", "1e999"),
        json.dumps(VALID).replace("0.7", "1" + "0" * 400),
        json.dumps(VALID).replace("[1.0, 0.0]", "[1.0, NaN]"),
        json.dumps(VALID).replace("[1.0, 0.0]", "[1.0, 1e999]"),
    ],
    ids=["deep", "null", "list", "text", "number", "infinite", "huge", "nan", "overflow"],
)
def test_json_of_any_other_content_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "made-up.model.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelAltered, match=r"not a valid model specification|not the released one"):
        load_spec(tmp_path)
