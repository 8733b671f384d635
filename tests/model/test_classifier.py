"""The runtime computes what Keras computes, and an altered model computes nothing."""

import json
import math
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from dr_core.domain.errors import ModelAltered, ModelNotFound
from dr_core.domain.photograph import FundusPhotograph
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import InputCrop, InputSize, ModelInput, prepare_input
from dr_core.model.calibration import calibrate_for
from dr_core.model.classifier import Classifier
from dr_core.model.spec import load_spec, seal_spec
from dr_core.model.visibility import measure_hidden

ROOT = Path(__file__).resolve().parents[2]


def copy_model(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


@pytest.fixture
def released_copy(released_model_dir: Path, tmp_path: Path) -> Path:
    """A copy of the released model that a test may spoil."""
    return copy_model(released_model_dir, tmp_path / "models")


@pytest.fixture
def drawn_input(fundus_photograph: FundusPhotograph, classifier: Classifier) -> ModelInput:
    field = find_field_of_view(fundus_photograph.pixels)
    return prepare_input(fundus_photograph, field, classifier.spec.input_size)


def test_released_model_is_small_and_loads(released_model_dir: Path, classifier: Classifier) -> None:
    assert classifier.spec.keras.path.stat().st_size < 15_000_000
    assert classifier.spec.name in (released_model_dir / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_prediction_is_a_distribution(classifier: Classifier, drawn_input: ModelInput) -> None:
    (prediction,) = classifier.predict([drawn_input])
    assert sum(prediction.probabilities) == pytest.approx(1.0)
    assert prediction.p_referable == pytest.approx(sum(prediction.probabilities[2:]))
    size = classifier.spec.input_size
    assert prediction.class_maps.shape == (math.ceil(size.height_px / 32), math.ceil(size.width_px / 32), 5)
    assert prediction.class_maps.dtype == np.float32


def test_order_of_a_batch_changes_nothing(classifier: Classifier, drawn_input: ModelInput) -> None:
    mirrored = ModelInput(np.ascontiguousarray(drawn_input.tensor[:, ::-1]), drawn_input.crop)
    there = [p.probabilities for p in classifier.predict([drawn_input, mirrored])]
    back = [p.probabilities for p in classifier.predict([mirrored, drawn_input])]
    assert there == back[::-1]


def test_threads_share_one_model(classifier: Classifier, drawn_input: ModelInput) -> None:
    expected = classifier.predict([drawn_input])[0].probabilities
    found: list[tuple[float, ...]] = []

    def predict() -> None:
        found.extend(p.probabilities for p in classifier.predict([drawn_input] * 3))

    threads = [threading.Thread(target=predict) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 12


def test_predict_refuses_another_size(classifier: Classifier) -> None:
    crop = InputCrop((5.0, 5.0), (1.0, 1.0), (10, 10), InputSize(10, 10))
    with pytest.raises(ValueError, match="Received"):
        classifier.predict([ModelInput(np.zeros((10, 10, 3), np.float32), crop)])


@pytest.mark.parametrize("suffix", [".tflite", ".keras"])
def test_one_altered_byte_stops_grading(released_copy: Path, suffix: str) -> None:
    (path,) = released_copy.glob(f"*{suffix}")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ModelAltered, match="SHA-256"):
        Classifier.load(released_copy)


@pytest.mark.parametrize("suffix", [".tflite", ".keras", ".model.json"])
def test_a_missing_file_stops_grading(released_copy: Path, suffix: str) -> None:
    (path,) = released_copy.glob(f"*{suffix}")
    path.unlink()
    with pytest.raises(ModelNotFound):
        Classifier.load(released_copy)


def test_swapped_classes_stop_grading(released_copy: Path) -> None:
    (path,) = released_copy.glob("*.model.json")
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["classes"][3], raw["classes"][4] = raw["classes"][4], raw["classes"][3]
    path.write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(ModelAltered, match="order of ICDR"):
        Classifier.load(released_copy)


def test_another_network_under_a_valid_checksum_is_refused(tiny_model_dir: Path, tmp_path: Path) -> None:
    folder = copy_model(tiny_model_dir, tmp_path / "models")
    path = folder / "tiny.model.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["input"]["width_px"] = 128
    path.write_text(json.dumps(seal_spec(raw)), encoding="utf-8")
    with pytest.raises(ModelAltered, match="input and outputs"):
        Classifier.load(folder)


def test_runtime_computes_what_keras_computes(classifier: Classifier, drawn_input: ModelInput) -> None:
    import keras

    spec = load_spec()
    model = keras.saving.load_model(spec.keras.path, compile=False, safe_mode=True)
    tensors = [drawn_input.tensor, np.ascontiguousarray(drawn_input.tensor[::-1]), np.zeros_like(drawn_input.tensor)]
    outputs = [keras.ops.convert_to_numpy(output) for output in model(np.stack(tensors), training=False)]
    logits, scores, lesion_maps, hidden_maps = outputs
    expected = calibrate_for(spec, logits)
    found = classifier.predict([ModelInput(tensor, drawn_input.crop) for tensor in tensors])
    np.testing.assert_allclose([p.probabilities for p in found], expected, atol=1e-3)
    sides = [p.side for p in found if p.side is not None]
    assert len(sides) == len(tensors)
    p_gradable = 1.0 / (1.0 + np.exp(-scores[:, 0].astype(np.float64)))
    np.testing.assert_allclose([side.p_gradable for side in sides], p_gradable, atol=1e-3)
    np.testing.assert_allclose([side.lesion_maps for side in sides], lesion_maps, atol=1e-3)
    expected_hidden = [measure_hidden(*pair) for pair in zip(hidden_maps, tensors, strict=True)]
    assert [side.hidden for side in sides] == expected_hidden


def test_grading_loads_no_tensorflow() -> None:
    program = (
        "import sys; from pathlib import Path; from dr_core.screening.pipeline import screen_photograph;"
        "from dr_core.model.classifier import Classifier;"
        "data = Path('assets/sample_lesions.jpg').read_bytes();"
        "screening = screen_photograph(data, 'sample.jpg', classifier=Classifier.load());"
        "assert screening.heatmap().max() > 0; assert 'tensorflow' not in sys.modules; print(screening.result.status)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.strip() == "graded", done.stderr
