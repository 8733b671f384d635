"""A whole training run in small: data in, a model out that grades; and a killed run goes on where it stopped."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.results import Status
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.model.classifier import Classifier
from dr_core.screening.pipeline import screen_photograph
from dr_core.training import release
from dr_core.training.batches import soften_grades, weigh_photographs
from dr_core.training.dataset import DiscCache, build_cache, read_manifest, select_graded
from dr_core.training.fit import fit_grader, schedule_rate
from dr_core.training.operating_point import WANTED_COVERAGE
from dr_core.training.plan import Plan, Stage
from dr_core.training.run_folder import LOG_COLUMNS, RunFolder

COLUMNS = ("image_id", "path", "source", "grade", "split", "patient_id", "gradable", "label_conflict", "eye", "dme")
# The whole network would take minutes.
FROZEN = "block_16_project_BN"
SMALL_PLAN = Plan(
    (
        Stage(64, 2, 1e-3, FROZEN, batch_size=5),
        Stage(96, 1, 5e-4, FROZEN, batch_size=5, share=0.5, frozen_statistics=True),
    ),
    seed=5,
)


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
    (folder / "weights").touch()
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


def test_ordinal_targets_peak_at_the_grade_and_fall_with_distance() -> None:
    targets = soften_grades(np.arange(5))
    np.testing.assert_allclose(targets.sum(axis=1), 1.0, rtol=1e-6)
    assert targets.argmax(axis=1).tolist() == [0, 1, 2, 3, 4]
    assert targets[0].tolist() == sorted(targets[0].tolist(), reverse=True)


def test_rare_grades_and_small_sources_weigh_more(labelled: Path, tmp_path: Path) -> None:
    train, _ = caches(labelled, tmp_path)
    weights = weigh_photographs(train)
    assert weights.mean() == pytest.approx(1.0, rel=1e-5)
    rare = np.bincount(train.grades).argmin()
    common = np.bincount(train.grades).argmax()
    assert weights[train.grades == rare].mean() > weights[train.grades == common].mean()


def test_learning_rate_warms_up_and_falls_to_zero() -> None:
    rates = [schedule_rate(step, 1000, 1e-3) for step in range(1000)]
    peak = int(np.argmax(rates))
    assert max(rates) == pytest.approx(1e-3, rel=0.05)
    assert 20 < peak < 120
    assert rates[0] < 1e-4
    assert rates[-1] < 1e-5
    assert all(later <= earlier for earlier, later in zip(rates[peak:], rates[peak + 1 :], strict=False))


def test_interrupted_run_goes_on_and_ends_like_an_uninterrupted_one(labelled: Path, tmp_path: Path) -> None:
    train, val = caches(labelled, tmp_path / "cache")
    run = RunFolder(tmp_path / "run", SMALL_PLAN)

    class Killed(Exception):
        pass

    def die_after_first_epoch(line: str) -> None:
        if line.startswith("epoch 1:"):
            raise Killed

    with pytest.raises(Killed):
        fit_grader(train, val, run, backbone_weights=None, say=die_after_first_epoch)
    model = fit_grader(train, val, run, backbone_weights=None, say=lambda line: None)
    with run.log.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert tuple(rows[0]) == LOG_COLUMNS
    assert [row[0] for row in rows[1:]] == ["1", "2", "3"]
    assert [row[2] for row in rows[1:]] == ["64", "64", "96"]
    assert model.input_shape == (None, 72, 96, 3)
    with pytest.raises(ValueError, match="the run began with"):
        fit_grader(train, val, RunFolder(run.folder, Plan()), backbone_weights=None, say=lambda line: None)


def test_training_releases_a_model_that_grades(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lesions_jpeg: bytes
) -> None:
    monkeypatch.setattr(release, "Plan", lambda: Plan((Stage(128, 1, 1e-3, FROZEN, batch_size=5),), seed=5))
    # The whole number of pictures would take minutes.
    for name, count in {"NON_RETINAS_PER_KIND": 1, "DRAWN_RETINAS": 3, "VARIANTS": 4, "VARIANTS_ON_VAL": 4}.items():
        monkeypatch.setattr(release, name, count)
    fit = release.fit_grader
    monkeypatch.setattr(release, "fit_grader", lambda *a, **k: fit(*a, **{**k, "backbone_weights": None}))
    path = release.train_and_release(
        release.TrainingPaths(labelled, labelled / "weights", tmp_path / "run", tmp_path / "models"),
        name="small",
        say=lambda line: None,
    )
    assert path.name == "small.model.json"
    classifier = Classifier.load(tmp_path / "models")
    screening = screen_photograph(lesions_jpeg, "eye.jpg", classifier=classifier)
    assert screening.result.prediction is not None or screening.result.status is Status.UNGRADABLE
    assert screening.result.provenance.model_name == "small"
    assert classifier.spec.side is not None
    assert classifier.spec.side.retina_log_odds is not None
    assert classifier.spec.coverage == WANTED_COVERAGE
