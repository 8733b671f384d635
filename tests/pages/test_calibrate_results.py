"""A calibration on its page: how it runs, what is found, and that nothing stays behind."""

import io
import threading
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from dr_core.model.classifier import Classifier
from dr_core.reports.operating_point import read_operating_point
from dr_core.screening.calibration_job import CalibrationJob
from dr_core.screening.job_state import JobState
from tests.made_clinics import list_grades
from tests.pages.calibrate_app import (
    COUNT,
    JPEG,
    figures,
    find_job,
    finish,
    give,
    name_photographs,
    read_download,
    shown_text,
)
from tests.pages.screen_app import TIMEOUT_S


@pytest.fixture
def page(open_calibrate) -> AppTest:
    return open_calibrate()


def test_folder_is_calibrated_and_the_file_can_be_installed(page, grades, monkeypatch, tmp_path, fake_model):
    page.text_input(key="calibrate_name").set_value("North [clinic](http://x)")
    give(page, list_grades(grades))
    finish(page)
    shown = figures(page)
    assert 88 <= int(shown["Sensitivity"].rstrip("%")) <= 94
    assert set(shown) == {"Sensitivity", "Specificity", "Referable from P(≥2)", "Temperature, shift"}
    text = shown_text(page)
    assert "photographs with referable DR, about" in text
    assert "RETINADESK_OPERATING_POINT=/path/to/north-clinic-http-x-v1.json make run" in text
    assert f"{COUNT} photographs" in text
    assert "[clinic](http://x)" not in text.replace("\\", "~")
    assert [heading.value.split(":")[0] for heading in page.markdown if heading.value.startswith("## ")] == [
        "## Sensitivity against specificity",
        "## Stated against observed",
        "## Before",
        "## After",
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
    assert job.state is JobState.CANCELLED
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


def test_session_comes_back_to_its_result_and_no_other_session_sees_it(page, open_calibrate, grades):
    give(page, list_grades(grades))
    finish(page)
    page.switch_page("pages/dataset.py").run()
    page.switch_page("pages/calibrate.py").run()
    assert "Sensitivity" in figures(page)
    stranger = open_calibrate()
    assert not stranger.metric
    assert stranger.button(key="calibrate_start")


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
