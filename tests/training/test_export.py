"""A release is a Keras file, a runtime file, and the JSON that binds them."""

import hashlib
import json
import zipfile

from dr_core.domain.grades import Grade
from dr_core.imaging.preprocess import PREPROCESSING_VERSION
from dr_core.model.spec import load_spec
from dr_core.training.export import OperatingPoint


def test_json_binds_both_files_by_their_checksums(tiny_model_dir):
    raw = json.loads((tiny_model_dir / "tiny.model.json").read_text(encoding="utf-8"))
    for entry in raw["files"].values():
        assert hashlib.sha256((tiny_model_dir / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    assert {entry["file"] for entry in raw["files"].values()} == {"tiny.keras", "tiny.tflite"}


def test_json_states_classes_input_and_operating_point(tiny_model_dir):
    raw = json.loads((tiny_model_dir / "tiny.model.json").read_text(encoding="utf-8"))
    assert raw["classes"] == [grade.label for grade in Grade]
    assert (raw["input"]["range"], raw["input"]["channels"]) == ([-1, 1], "RGB")
    assert raw["input"]["preprocessing"] == PREPROCESSING_VERSION
    spec, point = load_spec(tiny_model_dir), OperatingPoint()
    assert spec.temperature == point.temperature
    assert spec.referable_threshold == point.referable_threshold
    assert spec.vision_threatening_threshold == point.vision_threatening_threshold


def test_keras_file_holds_no_pickle_and_no_optimiser(tiny_model_dir):
    with zipfile.ZipFile(tiny_model_dir / "tiny.keras") as archive:
        assert {name.rsplit(".", 1)[-1] for name in archive.namelist()} == {"json", "h5"}
        config = json.loads(archive.read("config.json"))
    assert "Lambda" not in json.dumps(config)
    assert not config.get("compile_config")
