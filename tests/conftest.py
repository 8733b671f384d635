"""Photographs for the tests: drawn ones for everybody, real ones where they are at hand."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")

import pytest

from dr_core.domain.photograph import FundusPhotograph, UInt8Array
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.imaging.preprocess import InputSize
from dr_core.model.classifier import Classifier
from dr_core.model.spec import DEFAULT_MODEL_DIR

ROOT = Path(__file__).resolve().parent.parent

SMALL = FundusDrawing(640, 480)
WITH_LESIONS = FundusDrawing(640, 480, seed=8, microaneurysms=20, haemorrhages=16, hard_exudates=40, cotton_wool=3)


@pytest.fixture(scope="session")
def fundus_pixels() -> UInt8Array:
    """A healthy right eye, (480, 640, 3) uint8; do not write into it."""
    pixels = draw_fundus(SMALL)
    pixels.flags.writeable = False
    return pixels


@pytest.fixture(scope="session")
def fundus_jpeg(fundus_pixels: UInt8Array) -> bytes:
    """The same as a JPEG file."""
    return encode_jpeg(fundus_pixels, quality=92)


@pytest.fixture(scope="session")
def lesions_jpeg() -> bytes:
    """A right eye with every lesion that can be drawn, 640 x 480, as a JPEG file."""
    return encode_jpeg(draw_fundus(WITH_LESIONS), quality=92)


@pytest.fixture(scope="session")
def fundus_photograph(fundus_pixels: UInt8Array, fundus_jpeg: bytes) -> FundusPhotograph:
    """The healthy right eye as it leaves the decoder."""
    height_px, width_px = fundus_pixels.shape[:2]
    sha256 = hashlib.sha256(fundus_jpeg).hexdigest()
    return FundusPhotograph(fundus_pixels, "drawn.jpg", sha256, None, width_px, height_px)


@pytest.fixture
def write_photographs(tmp_path: Path) -> Callable[[int], list[Path]]:
    """A function that draws `count` different photographs into a new folder and returns their paths."""

    def write(count: int) -> list[Path]:
        folder = tmp_path / "photographs"
        folder.mkdir()
        paths = [folder / f"eye_{number:02d}.jpg" for number in range(count)]
        for seed, path in enumerate(paths):
            path.write_bytes(encode_jpeg(draw_fundus(FundusDrawing(480, 360, seed=seed + 1))))
        return paths

    return write


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real photographs with its manifest.csv; where there is none, the test says why it is skipped."""
    named = os.environ.get("RETINADESK_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not (folder / "manifest.csv").is_file():
        pytest.skip(f"needs real photographs: no manifest.csv in {folder.name}/; set RETINADESK_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def released_model_dir() -> Path:
    """The folder of the model that users get."""
    return DEFAULT_MODEL_DIR


@pytest.fixture(scope="session")
def classifier(released_model_dir: Path) -> Iterator[Classifier]:
    """The released model, loaded once for the session."""
    return Classifier.load(released_model_dir)


@pytest.fixture(scope="session")
def tiny_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released model in small, with random weights: MobileNetV2 of alpha 0.35 at 96 x 96. Loads TensorFlow."""
    import keras

    from dr_core.model.architecture import build_grader
    from dr_core.training.export import OperatingPoint, export_model

    keras.utils.set_random_seed(7)
    folder = tmp_path_factory.mktemp("tiny_model")
    export_model(build_grader(InputSize(96, 96), alpha=0.35), folder, "tiny", OperatingPoint())
    return folder


@pytest.fixture(scope="session")
def tiny_classifier(tiny_model_dir: Path) -> Classifier:
    """The small model, loaded."""
    return Classifier.load(tiny_model_dir)
