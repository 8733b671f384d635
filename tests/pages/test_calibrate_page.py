"""The Calibrate page through app.py: what comes in, what is found, and that nothing stays behind."""

import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from dr_core.domain.errors import ModelNotFound
from dr_core.model.classifier import Classifier
from dr_core.reports.operating_point import read_operating_point
from dr_core.screening import clinic_sample
from dr_core.screening.calibration_job import CalibrationJob, CalibrationState
from dr_core.screening.graded_list import TEMPLATE
from tests.fakes import FakeClassifier, make_operating_point
from tests.made_clinics import list_grades, make_clinic, plan_made_steps

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 120
JPEG, CSV, ZIP = "image/jpeg", "text/csv", "application/zip"
COUNT = 100


@pytest.fixture(autouse=True)
def fake_model(monkeypatch) -> Iterator[FakeClassifier]:
    classifier = FakeClassifier()
    st.cache_resource.clear()
    monkeypatch.delenv("RETINADESK_OPERATING_POINT", raising=False)
    monkeypatch.setattr(Classifier, "load", lambda model_dir=None, **kwargs: classifier)
    yield classifier
    st.cache_resource.clear()


@pytest.fixture(autouse=True)
def visited_server(monkeypatch) -> None:
    """AppTest makes each run the first of its server, and that one is sent through app.py; later ones are not."""
    monkeypatch.setattr(PagesManager, "uses_pages_directory", False)
    monkeypatch.setattr("streamlit.testing.v1.app_test.PagesManager", type("VisitedPages", (PagesManager,), {}))


@pytest.fixture(autouse=True)
def grades(monkeypatch) -> np.ndarray:
    """The readers' grades of a clinic from which the model hides a part."""
    probabilities, grades = make_clinic(np.random.default_rng(2), COUNT, shift=-0.8, confidence=2.0, referable=0.4)
    monkeypatch.setattr(clinic_sample, "plan_steps", lambda classifier: plan_made_steps(probabilities))
    return grades


@pytest.fixture
def page() -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S)
    app.run()
    app.switch_page("pages/calibrate.py").run()
    assert not app.exception
    return app


def name_photographs() -> list[str]:
    return [f"eye_{number:03d}.jpg" for number in range(COUNT)]


def give(page: AppTest, listed: bytes, photographs: list[tuple[str, bytes, str]] | None = None) -> None:
    page.file_uploader[0].set_value(photographs or [(f"ward/{name}", b"made", JPEG) for name in name_photographs()])
    page.file_uploader[1].set_value(("graded.csv", listed, CSV)).run()
    page.button(key="calibrate_start").click().run()
    assert not page.exception


def find_job(page: AppTest) -> CalibrationJob:
    return page.session_state["calibration_run"].job


def finish(page: AppTest) -> CalibrationJob:
    job = find_job(page)
    assert job.wait(TIMEOUT_S)
    page.run()
    assert not page.exception
    return job


def shown_text(page: AppTest) -> str:
    kinds = ("markdown", "caption", "error", "warning", "info", "code")
    return "\n".join(element.value for kind in kinds for element in getattr(page, kind))


def figures(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def read_download(page: AppTest, key: str, monkeypatch) -> bytes:
    """What the download button with `key` gives; AppTest does not keep it."""
    given: dict[str, bytes] = {}
    real = st.download_button

    def remember(*args: object, **kwargs: object) -> bool:
        given[str(kwargs["key"])] = kwargs["data"]
        return real(*args, **kwargs)

    monkeypatch.setattr(st, "download_button", remember)
    page.run()
    return given[key]


def test_empty_page_explains_and_cannot_start(page):
    assert page.button(key="calibrate_start").disabled
    text = shown_text(page)
    assert "100 to 200 photographs" in text
    assert "not locally validated" in text
    assert "What is kept.** Nothing" in text
    assert page.text_input(key="calibrate_name").value == "This clinic"
    assert page.slider(key="calibrate_sensitivity").value == 0.9


def test_template_is_a_list_that_the_page_reads(page, monkeypatch):
    assert read_download(page, "calibrate_template", monkeypatch) == TEMPLATE


def test_folder_is_calibrated_and_the_file_can_be_installed(page, grades, monkeypatch, tmp_path, fake_model):
    page.text_input(key="calibrate_name").set_value("North [clinic](http://x)")
    give(page, list_grades(grades))
    finish(page)
    shown = figures(page)
    assert 88 <= int(shown["Sensitivity"].rstrip("%")) <= 94
    assert set(shown) == {"Sensitivity", "Specificity", "Referable from P(≥2)", "Temperature"}
    text = shown_text(page)
    assert "photographs with referable DR, about" in text
    assert "RETINADESK_OPERATING_POINT=/path/to/north-clinic-http-x-v1.json make run" in text
    assert f"{COUNT} photographs" in text
    assert "[clinic](http://x)" not in text.replace("\\", "~")
    assert [heading.value.split(":")[0] for heading in page.markdown if heading.value.startswith("### ")] == [
        "### Sensitivity against specificity",
        "### Stated against observed",
        "### Before",
        "### After",
    ]
    before, after = (table.value for table in page.table)
    assert before["Called referable"].iloc[0] < after["Called referable"].iloc[0]
    path = tmp_path / "own.json"
    path.write_bytes(read_download(page, "calibrate_download", monkeypatch))
    point = read_operating_point(path)
    assert point.label == "North [clinic](http://x) v1"
    assert point.model_sha256 == fake_model.spec.sha256
    assert f"{point.sensitivity.value:.0%}" == shown["Sensitivity"]


def test_sensitivity_can_be_changed_afterwards_without_screening_again(page, grades):
    give(page, list_grades(grades))
    job = finish(page)
    first = figures(page)
    page.slider(key="calibrate_result_sensitivity").set_value(0.75).run()
    second = figures(page)
    assert find_job(page) is job
    assert second["Sensitivity"] < first["Sensitivity"]
    assert second["Referable from P(≥2)"] > first["Referable from P(≥2)"]
    page.slider(key="calibrate_result_sensitivity").set_value(0.98).run()
    assert "more with referable DR" in page.error[0].value
    assert not page.metric


def test_zip_and_single_files_do_as_well(page, grades):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in name_photographs():
            archive.writestr(f"study/{name}", "made")
        archive.writestr("study/notes.txt", "words")
    page.segmented_control(key="calibrate_kind").set_value("ZIP file").run()
    give(page, list_grades(grades), ("study.zip", packed.getvalue(), ZIP))
    finish(page)
    by_zip = figures(page)
    page.button(key="calibrate_new").click().run()
    page.segmented_control(key="calibrate_kind").set_value("Files").run()
    give(page, list_grades(grades), [(name, b"made", JPEG) for name in name_photographs()])
    finish(page)
    assert figures(page) == by_zip


def test_damaged_zip_is_refused(page, grades):
    page.segmented_control(key="calibrate_kind").set_value("ZIP file").run()
    give(page, list_grades(grades), ("study.zip", b"no zip", ZIP))
    assert "pack the photographs again" in page.error[0].value


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        (b"file,grade\neye_000.jpg,2\n", "add 19 more with referable DR"),
        (b"file,grade\neye_000.jpg,9\n", "write 0, 1, 2, 3 or 4"),
        (b"nothing", "titles file and grade"),
        (list_grades(np.arange(150) % 5), "No photograph is there for"),
    ],
)
def test_wrong_list_is_refused_with_a_remedy(page, listed, words):
    give(page, listed)
    assert words in page.error[0].value.replace("\\", "")
    assert "calibration_run" not in page.session_state


def test_name_that_results_cannot_quote_is_refused(page, grades):
    page.text_input(key="calibrate_name").set_value("=1+1")
    give(page, list_grades(grades))
    assert "name of an operating point" in page.error[0].value


def test_photographs_left_out_are_counted_and_weakness_is_told(page, grades):
    contents = [b"blurred" if number % 3 == 0 else b"made" for number in range(COUNT)]
    contents[1] = b"broken"
    files = [(name, data, JPEG) for name, data in zip(name_photographs(), contents, strict=True)]
    give(page, list_grades(grades), files)
    finish(page)
    assert "Left out" in shown_text(page)
    warnings = "\n".join(element.value for element in page.warning)
    assert "could not be graded" in warnings
    assert "sensitivity may be as low as" in warnings


def test_running_calibration_shows_progress_and_can_be_stopped(page, grades, monkeypatch, fake_model):
    monkeypatch.setattr(CalibrationJob, "start", lambda self, classifier: None)
    give(page, list_grades(grades))
    assert "nothing is kept on the server" in shown_text(page)
    job = find_job(page)
    monkeypatch.undo()
    monkeypatch.setattr(Classifier, "load", lambda model_dir=None, **kwargs: fake_model)
    page.button(key="calibrate_cancel").click().run()
    job.start(fake_model)
    assert job.wait(TIMEOUT_S)
    page.run()
    assert job.state is CalibrationState.CANCELLED
    assert "was stopped" in page.info[0].value
    assert page.button(key="calibrate_start").disabled


def test_trouble_on_the_way_is_told(page, grades, monkeypatch):
    shown = threading.Event()

    def break_down(*args: object, **kwargs: object) -> None:
        assert shown.wait(TIMEOUT_S)
        raise RuntimeError("patient.jpg")

    monkeypatch.setattr("dr_core.screening.calibration_job.screen_clinic", break_down)
    give(page, list_grades(grades))
    shown.set()
    finish(page)
    assert "unexpected error stopped the calibration" in page.error[0].value.replace("\\", "")
    assert page.button(key="calibrate_start")


def test_session_comes_back_to_its_result_and_no_other_session_sees_it(page, grades):
    give(page, list_grades(grades))
    finish(page)
    page.switch_page("pages/dataset.py").run()
    page.switch_page("pages/calibrate.py").run()
    assert "Sensitivity" in figures(page)
    stranger = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S)
    stranger.run()
    stranger.switch_page("pages/calibrate.py").run()
    assert not stranger.metric
    assert stranger.button(key="calibrate_start")


def test_installed_operating_point_is_named_and_continued(grades, fake_model, monkeypatch):
    fake_model.operating_point = replace(make_operating_point(), temperature=1.0)
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S)
    page.run()
    page.switch_page("pages/calibrate.py").run()
    assert "North clinic v2" in shown_text(page).replace("\\", "")
    assert page.text_input(key="calibrate_name").value == "North clinic"
    give(page, list_grades(grades))
    finish(page)
    written = json.loads(read_download(page, "calibrate_download", monkeypatch))
    assert written["operating_point"]["version"] == 3


def test_nothing_is_written_to_the_disk(page, grades, monkeypatch, tmp_path):
    monkeypatch.setenv("RETINADESK_JOB_DIR", str(tmp_path))
    opened: list[str] = []
    real: Callable[..., object] = io.open

    def watch(file: object, mode: str = "r", *args: object, **kwargs: object) -> object:
        if set(mode) & set("wax+"):
            opened.append(str(file))
        return real(file, mode, *args, **kwargs)

    monkeypatch.setattr("builtins.open", watch)
    monkeypatch.setattr(io, "open", watch)
    give(page, list_grades(grades))
    finish(page)
    assert page.metric
    assert opened == []
    assert list(tmp_path.iterdir()) == []


def test_missing_model_stops_the_page_before_anything_is_uploaded(monkeypatch):
    def refuse(model_dir: Path | None = None, **kwargs: object) -> Classifier:
        raise ModelNotFound("The model file is missing. Restore it.")

    monkeypatch.setattr(Classifier, "load", refuse)
    st.cache_resource.clear()
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S)
    page.run()
    page.switch_page("pages/calibrate.py").run()
    assert "Nothing can be graded" in page.error[0].value
    assert not page.file_uploader
