"""The evaluation counts every photograph once, keeps sources apart and measures at the frozen thresholds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.results import Prediction, Provenance, ScreeningResult, Status
from dr_core.imaging.preprocess import InputSize
from dr_core.model.spec import ModelFile, ModelSpec
from dr_core.reports.evaluation import format_counts, format_table, read_evaluations, write_evaluation
from dr_core.training.evaluate import evaluate_model

NOWHERE = ModelFile(Path("nowhere"), "0" * 64)
SPEC = ModelSpec(
    name="fake",
    runtime=NOWHERE,
    keras=NOWHERE,
    input_size=InputSize(72, 96),
    cam_layer="out_relu",
    temperature=1.0,
    referable_threshold=0.4,
    vision_threatening_threshold=0.3,
)
COLUMNS = (
    "image_id", "path", "source", "grade", "split", "patient_id", "age", "sex", "gradable", "duplicate_of",
    "label_conflict", "width", "height", "original_width", "original_height",
)  # fmt: skip


def build_result(name: str, status: Status, grade: int) -> ScreeningResult:
    """A result whose most probable grade is `grade`."""
    probabilities = np.full(5, 0.05)
    probabilities[grade] = 0.8
    prediction = Prediction(
        probabilities=tuple(float(p) for p in probabilities),
        expected_grade=float(probabilities @ np.arange(5)),
        p_referable=float(probabilities[2:].sum()),
        class_maps=np.zeros((1, 1, 5), dtype=np.float32),
    )
    return ScreeningResult(
        name=name,
        status=status,
        laterality=None,
        width_px=1,
        height_px=1,
        quality=None,
        prediction=None if status is Status.FAILED else prediction,
        decision=None,
        provenance=Provenance("", "fake", "0" * 64, "field-1", "0", ""),
        elapsed_s=0.0,
    )


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """30 photographs of two sources; the file's text says what the fake pipeline answers."""
    rows = []
    for index in range(30):
        truth = index % 5
        answer = min(truth + 1, 4) if index in (0, 7) else truth
        status = "failed" if index == 3 else "ungradable" if index in (4, 20) else "graded"
        (tmp_path / f"{index}.jpg").write_text(f"{status} {answer}")
        source = "one" if index < 15 else "two"
        rows.append([f"{source}:{index}", f"{index}.jpg", source, truth, "val", f"p{index // 2}"])
    (tmp_path / "other.jpg").write_text("graded 0")
    rows.append(["one:test", "other.jpg", "one", 0, "test", ""])
    rows.append(["one:unknown", "unlabelled.jpg", "one", None, "val", ""])
    table = pd.DataFrame(rows, columns=COLUMNS[:6])
    table.reindex(columns=list(COLUMNS)).to_csv(tmp_path / "manifest.csv", index=False)
    return tmp_path


def screen(data: bytes, name: str) -> ScreeningResult:
    status, grade = data.decode().split()
    return build_result(name, Status(status), int(grade))


@pytest.fixture
def record(data_folder):
    return evaluate_model(data_folder, SPEC, screen=screen, split="val")


def test_each_labelled_photograph_is_counted_once(record):
    one, two, pooled = record.sources
    assert [source.source for source in record.sources] == ["one", "two", "pooled"]
    assert (one.n_labelled, one.n_gradable, one.n_ungradable, one.n_failed) == (15, 13, 1, 1)
    assert (two.n_labelled, two.n_gradable, two.n_ungradable, two.n_failed) == (15, 14, 1, 0)
    assert pooled.n_labelled == one.n_labelled + two.n_labelled
    assert (pooled.everything.n, pooled.gradable.n) == (29, 27)


def test_failed_photographs_count_as_errors_in_one_figure_alone(record):
    one = record.sources[0]
    assert one.everything.accuracy.value == pytest.approx(12 / 14, abs=1e-4)
    assert one.accuracy_failed_as_wrong == pytest.approx(12 / 15, abs=1e-4)


def test_confusion_holds_reader_in_rows_and_model_in_columns(record):
    pooled = record.sources[-1].everything
    assert sum(map(sum, pooled.confusion)) == 29
    assert pooled.confusion[0][1] == 1
    assert pooled.confusion[2][3] == 1


def test_thresholds_are_those_of_the_model(record):
    pooled = record.sources[-1].everything
    assert pooled.at_boundary(1).operating_point is None
    assert pooled.at_boundary(2).operating_point.threshold == SPEC.referable_threshold
    assert pooled.at_boundary(3).operating_point.threshold == SPEC.vision_threatening_threshold
    assert pooled.at_boundary(2).operating_point.sensitivity.value == 1.0


def test_patients_are_the_units_of_the_bootstrap(record):
    one, two, _ = record.sources
    assert one.everything.n_clusters == 8
    assert two.everything.n_clusters == 8


def test_record_says_which_model_was_measured(record):
    assert (record.split, record.model_name, record.model_sha256) == ("val", "fake", "0" * 64)
    assert record.preprocessing_version
    assert record.package_version


def test_record_survives_the_disk(record, tmp_path):
    write_evaluation(record, tmp_path / "model")
    assert read_evaluations(tmp_path / "model") == (record,)


def test_tables_have_one_row_a_source(record):
    for table in (format_table(record), format_table(record, gradable_only=True), format_counts(record)):
        lines = table.splitlines()
        assert len(lines) == 5
        assert len({line.count("|") for line in lines}) == 1


def test_progress_reaches_the_end(data_folder):
    seen: list[tuple[int, int]] = []
    evaluate_model(
        data_folder, SPEC, screen=screen, split="val", progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (30, 30)


def test_nothing_but_failures_leaves_no_figures(data_folder):
    record = evaluate_model(
        data_folder, SPEC, screen=lambda _, name: build_result(name, Status.FAILED, 0), split="test"
    )
    assert record.sources[0].everything is None
    assert record.sources[0].n_failed == 1
    assert len(format_table(record).splitlines()) == 2


def test_train_is_never_evaluated(data_folder):
    with pytest.raises(ValueError, match="Received: train"):
        evaluate_model(data_folder, SPEC, screen=screen, split="train")


def test_an_incomplete_folder_is_refused_before_the_work(data_folder):
    (data_folder / "8.jpg").unlink()
    with pytest.raises(ConfigurationError, match="1 photographs"):
        evaluate_model(data_folder, SPEC, screen=screen, split="val")


def test_name_that_is_too_long_for_the_system_counts_as_missing(data_folder):
    text = (data_folder / "manifest.csv").read_text().replace(",8.jpg,", f",{'x' * 300}.jpg,")
    (data_folder / "manifest.csv").write_text(text)
    with pytest.raises(ConfigurationError, match="1 photographs"):
        evaluate_model(data_folder, SPEC, screen=screen, split="val")


def test_an_empty_split_is_refused(data_folder):
    table = pd.read_csv(data_folder / "manifest.csv")
    table[table["split"] != "test"].to_csv(data_folder / "manifest.csv", index=False)
    with pytest.raises(ConfigurationError, match="split test"):
        evaluate_model(data_folder, SPEC, screen=screen, split="test")
