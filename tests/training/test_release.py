"""A whole training run in small: data in, a model out that grades, whichever engine computed it."""

import csv
import json
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.results import Status
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.imaging.preprocess import InputCrop, InputSize, ModelInput
from dr_core.model.classifier import Classifier
from dr_core.screening.pipeline import screen_photograph
from dr_core.training import companion_pictures, lesions, release, visibility
from dr_core.training.dataset import DiscCache, build_cache, read_manifest, select_graded
from dr_core.training.operating_point import WANTED_COVERAGE
from dr_core.training.plan import ENGINES, KERAS, TORCH, Plan, Stage
from dr_core.training.refit import refit_heads

SIZE = InputSize(96, 128)
COLUMNS = ("image_id", "path", "source", "grade", "split", "patient_id", "gradable", "label_conflict", "eye", "dme")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty drawn photographs, half to train on and half to choose on, of all five grades."""
    folder = tmp_path_factory.mktemp("labelled")
    rows = []
    for number in range(20):
        name = f"{number}.jpg"
        lesions = 5 * (number % 5)
        drawing = FundusDrawing(240, 180, seed=number + 1, haemorrhages=lesions, hard_exudates=lesions)
        (folder / name).write_bytes(encode_jpeg(draw_fundus(drawing)))
        split = "train" if number < 10 else "val"
        source = "one" if number % 2 else "two"
        labels = (int(number % 5 != 4), int(number == 0), "OD" if number % 3 else "OS", 2 * (number % 4 == 0))
        rows.append((f"{source}:{number}", name, source, number % 5, split, "", *labels))
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    outlined = []
    for number in (2, 4, 8):
        mask = np.zeros((180, 240), np.uint8)
        mask[80:90, 100:112], mask[60:64, 120:124] = 2, 4 + 1
        cv2.imwrite(str(folder / f"{number}.png"), mask)
        outlined.append((f"{number}.jpg", f"{number}.png", f"two:{number}", "train"))
    with (folder / "lesions.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image", "mask", "grading_image_id", "grading_split"), *outlined])
    return folder


def caches(labelled: Path, folder: Path) -> tuple[DiscCache, DiscCache]:
    rows = read_manifest(labelled)
    train, val = (build_cache(select_graded(rows, split), 96, folder) for split in ("train", "val"))
    return train, val


def test_manifest_leaves_conflicting_copies_out_of_training(labelled: Path) -> None:
    rows = read_manifest(labelled)
    assert len(rows) == 20
    assert "two:0" not in {row.image_id for row in select_graded(rows, "train")}
    assert len(select_graded(rows, "val")) == 10


def test_missing_manifest_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--data"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.csv").write_text("image_id,path\nx,y\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="columns"):
        read_manifest(tmp_path)


def test_cache_is_read_back_unchanged(labelled: Path, tmp_path: Path) -> None:
    first, _ = caches(labelled, tmp_path)
    again, _ = caches(labelled, tmp_path)
    assert first.discs.shape == (9, 96, 96, 3)
    np.testing.assert_array_equal(first.discs, again.discs)
    assert [row.image_id for row in first.photographs] == [row.image_id for row in again.photographs]


@pytest.mark.parametrize("engine", ENGINES)
def test_training_releases_a_model_that_grades(
    engine: str, labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lesions_jpeg: bytes
) -> None:
    # The whole number of pictures and steps would take minutes; what the heads learn is tested beside them.
    few = {
        release: {"NON_RETINAS_PER_KIND": 1, "DRAWN_RETINAS": 3, "VARIANTS": 4, "VARIANTS_ON_VAL": 4},
        companion_pictures: {"NON_RETINAS_PER_KIND": 1, "DRAWN_RETINAS": 1, "VARIANTS": 1, "SPOILT_PHOTOGRAPHS": 1},
        lesions: {"STEPS": 20, "VARIANTS": 3},
        visibility: {"EPOCHS": 2},
    }
    for module, counts in few.items():
        for name, count in counts.items():
            monkeypatch.setattr(module, name, count)
    if engine == TORCH:
        pytest.importorskip("torch", reason="needs PyTorch: pip install -r requirements-train.txt")
    plan = Plan((Stage(128, 1),), batch_size=5, seed=5, copies=1, engine=engine, alpha=0.35)
    job = release.TrainingJob(labelled, None, tmp_path / "run", tmp_path / "models", plan)
    path = release.train_and_release(job, name="small", say=lambda line: None)
    assert path.name == "small.model.json"
    assert json.loads(path.read_text())["training"]["plan"]["engine"] == engine
    classifier = Classifier.load(tmp_path / "models")
    # So small a network may call any eye ungradable; what it says of the eye is there all the same.
    screening = screen_photograph(lesions_jpeg, "eye.jpg", classifier=classifier, grade_ungradable=True)
    assert screening.result.status in (Status.GRADED, Status.UNGRADABLE)
    assert screening.result.prediction is not None
    assert screening.result.prediction.side is not None
    assert screening.result.prediction.side.hidden is not None
    assert screening.result.provenance.model_name == "small"
    assert classifier.spec.side is not None
    assert classifier.spec.side.retina_log_odds is not None
    assert classifier.spec.coverage == WANTED_COVERAGE
    if engine == KERAS:
        again = replace(job, start=tmp_path / "models" / "small.keras", out_dir=tmp_path / "again", plan=Plan())
        path = refit_heads(again, name="again", say=lambda line: None)
        raw = json.loads(path.read_text())
        assert raw["training"] == {"plan": json.loads(json.dumps(asdict(plan))), "heads_of": "small"}
        refitted = Classifier.load(tmp_path / "again")
        prepared = ModelInput(
            np.full((96, 128, 3), 0.1, np.float32), InputCrop((48.0, 64.0), (1.0, 1.0), (96, 128), SIZE)
        )
        before, after = (one.predict([prepared])[0].class_maps for one in (classifier, refitted))
        np.testing.assert_allclose(after, before, atol=1e-5)
