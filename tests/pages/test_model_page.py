"""The Model page shows what was measured, and says what is missing and how to make it."""

import csv
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dr_core.domain.evaluation import (
    POOLED,
    BaselineRecord,
    BaselineSource,
    EvaluationRecord,
    SliceMetrics,
    SourceEvaluation,
)
from dr_core.model import spec
from dr_core.model.spec import DEFAULT_MODEL_DIR, load_spec
from dr_core.reports import evaluation
from dr_core.reports.dataclass_json import write_record
from dr_core.reports.evaluation import write_evaluation
from dr_core.reports.measurements import MEASUREMENTS_NAME, MeasuredTable, put_measurement
from dr_core.reports.training_log import LOG_NAME, EpochRow
from dr_core.training.bootstrap import GradedSet, measure_slice
from pages.components import session

APP = Path(__file__).parents[2] / "app.py"
PAGE = "pages/model_card.py"
TIMEOUT_S = 60

Start = Callable[[], AppTest]


def open_page() -> AppTest:
    """Enter the page through app.py, as a browser does."""
    return AppTest.from_file(str(APP), default_timeout=TIMEOUT_S).switch_page(PAGE).run()


def measure_fake(seed: int) -> SliceMetrics:
    generator = np.random.default_rng(seed)
    truth = np.arange(60) % 5
    score = truth + generator.normal(0, 0.5, 60)
    exceedance = 1 / (1 + np.exp(-2 * (score[:, None] - [0.5, 1.5, 2.5])))
    names = np.array([f"p{index}" for index in range(60)])
    graded = GradedSet(truth, np.clip(score.round(), 0, 4).astype(int), exceedance, names, np.full(60, "a"))
    return measure_slice(graded, thresholds={2: 0.4, 3: 0.4}, resamples=50)


def make_record(split: str, sha256: str) -> EvaluationRecord:
    metrics = measure_fake(1)
    names = ("aptos2019", "idrid", POOLED)
    sources = tuple(SourceEvaluation(name, 60, 60, 0, 0, 0.7, metrics, metrics) for name in names)
    empty = SourceEvaluation("odir5k", 1, 0, 0, 1, 0.0, None, None)
    return EvaluationRecord(
        split, "m", sha256, "field-1", "0.1.0", "2026-01-02T00:00:00", 50, 1, 0.1, (*sources, empty)
    )


@pytest.fixture
def model_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The released model without anything beside it; no baseline."""
    folder = tmp_path / "models"
    folder.mkdir()
    for path in DEFAULT_MODEL_DIR.iterdir():
        if path.suffix in (".keras", ".tflite") or path.name.endswith(".model.json"):
            shutil.copy(path, folder)
    monkeypatch.setattr(spec, "DEFAULT_MODEL_DIR", folder)
    monkeypatch.setattr(evaluation, "BASELINE_PATH", tmp_path / "baseline.json")
    return folder


@pytest.fixture
def start(model_dir: Path) -> Start:
    """Run the page on `model_dir`."""
    return open_page


def test_a_bare_model_says_how_to_evaluate_it(start):
    page = start()
    assert not page.exception
    texts = " ".join(info.value for info in page.info)
    assert "python -m dr_core evaluate" in texts
    assert "training log" in texts
    assert "MODEL_CARD.md" in texts


def test_a_model_that_was_exchanged_while_the_server_runs_is_told(start, model_dir):
    assert not start().warning
    session.get_classifier()
    assert not start().warning
    (path,) = model_dir.glob("*.model.json")
    stated = json.loads(path.read_text())
    runtime = model_dir / stated["files"]["runtime"]["file"]
    runtime.write_bytes(runtime.read_bytes() + b"\0")
    stated["files"]["runtime"]["sha256"] = hashlib.sha256(runtime.read_bytes()).hexdigest()
    path.write_text(json.dumps(spec.seal_spec(stated)))
    (warning,) = start().warning
    assert "still grades with the model" in warning.value


def test_measured_tables_are_shown_letter_by_letter_with_their_command(start, model_dir):
    table = MeasuredTable(
        "Side *outputs*",
        ("Figure", "Val"),
        (("AUC_x", "0.953 (0.93-0.97)"), ("odir5k", "-")),
        "On val.",
        "python b.py",
    )
    put_measurement(table, model_dir)
    page = start()
    assert not page.exception
    (shown,) = page.table
    assert list(shown.value.columns) == ["Figure", "Val"]
    assert shown.value["Figure"][0] == r"AUC\_x"
    assert shown.value["Figure"][1].replace("\\", "").replace("\N{NON-BREAKING HYPHEN}", "-") == "ODIR-5K"
    assert any(element.value == r"Side \*outputs\*" for element in page.header)
    assert any("python b.py" in element.value for element in page.caption)


def test_damaged_measurements_leave_the_rest_of_the_page_standing(start, model_dir):
    (model_dir / MEASUREMENTS_NAME).write_text("{")
    page = start()
    assert "measurements" in page.error[0].value
    assert page.dataframe


def test_architecture_is_tabulated_from_the_model_itself(start):
    page = start()
    (table,) = page.dataframe
    assert "Block 16" in list(table.value["Part"])
    assert 2.2 < float(page.metric[1].value) < 2.6


def test_figures_of_every_source_are_shown_with_intervals(start, model_dir):
    write_evaluation(make_record("test", load_spec(model_dir).sha256), model_dir)
    page = start()
    assert not page.exception
    assert not page.warning
    agreement = page.table[0].value
    assert list(agreement["Source"]) == ["APTOS 2019", "IDRiD", "All sources"]
    assert "(" in agreement["Weighted kappa"].iloc[0]
    counts = page.table[3].value
    assert list(counts["Failed"]) == ["0", "0", "0", "1"]
    assert len(page.get("plotly_chart")) == 6


def test_split_photographs_source_and_boundary_can_be_chosen(start, model_dir):
    sha256 = load_spec(model_dir).sha256
    write_evaluation(make_record("test", sha256), model_dir)
    write_evaluation(make_record("val", sha256), model_dir)
    page = start()
    page.segmented_control(key="model_split").set_value("val").run()
    page.segmented_control(key="model_photographs").set_value("Gradable only").run()
    page.selectbox(key="confusion_source").set_value("idrid").run()
    page.segmented_control(key="roc_boundary").set_value(3).run()
    assert not page.exception
    assert not page.error


def test_figures_of_another_model_are_marked(start, model_dir):
    write_evaluation(make_record("test", "f" * 64), model_dir)
    assert "another model" in start().warning[0].value


def test_the_notebooks_way_stands_beside_the_model(start, model_dir, tmp_path):
    write_evaluation(make_record("test", load_spec(model_dir).sha256), model_dir)
    sources = (BaselineSource("aptos2019", measure_fake(2)),)
    write_record(BaselineRecord("Frozen.", "2026", 0.7, 0.2, 20, sources), tmp_path / "baseline.json")
    page = start()
    assert not page.exception
    assert any("Notebook's way" in table.value.to_string() for table in page.table)


def test_training_curves_and_card_are_shown(start, model_dir):
    with (model_dir / LOG_NAME).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([field.name for field in fields(EpochRow)])
        writer.writerows([[1, 1, 256, 1.2, 1.1, 0.5, 0.8, 0.001, 300], [2, 2, 320, 1.0, 0.9, 0.7, 0.9, 0.001, 300]])
    (model_dir / "MODEL_CARD.md").write_text(
        "# A card of its own\n\n[docs/a.md](../docs/a.md), [a journal](https://a.example)\n"
    )
    page = start()
    assert not page.exception
    assert len(page.get("plotly_chart")) == 1
    (card,) = (element.value for element in page.markdown if "A card of its own" in element.value)
    assert card.startswith("## A card of its own")
    assert "docs/a.md, [a journal](https://a.example)" in card
    assert any("2 epochs at 256 pixels, then 320 pixels" in element.value for element in page.caption)


def test_a_missing_model_is_an_error_with_its_remedy(start, model_dir):
    for path in model_dir.iterdir():
        path.unlink()
    page = start()
    assert not page.exception
    assert "Nothing can be graded" in page.error[0].value


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"0")], ids=["missing", "altered"])
def test_missing_or_altered_weights_are_told_and_that_nothing_is_graded(start, model_dir, damage):
    damage(next(model_dir.glob("*.tflite")))
    page = start()
    assert not page.exception
    assert page.error[0].value.startswith("**Nothing can be graded.** The model file ")
    assert "Restore the models folder" in page.error[0].value
    assert "checksum" not in " ".join(element.value for element in page.markdown)


def test_a_damaged_evaluation_is_an_error_and_the_rest_stays(start, model_dir):
    (model_dir / "evaluation_test.json").write_text("{}")
    page = start()
    assert not page.exception
    assert "evaluation" in page.error[0].value
    assert len(page.dataframe) == 1
