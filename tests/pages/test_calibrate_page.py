"""The Calibrate page through app.py: what comes in, and what is refused."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dr_core.domain.errors import ModelNotFound
from dr_core.model.classifier import Classifier
from dr_core.screening.graded_list import TEMPLATE
from tests.fakes import make_operating_point
from tests.made_clinics import list_grades
from tests.pages.calibrate_app import (
    JPEG,
    ZIP,
    figures,
    finish,
    give,
    name_photographs,
    read_download,
    shown_text,
)


@pytest.fixture
def page(open_calibrate) -> AppTest:
    return open_calibrate()


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


def test_installed_operating_point_is_named_and_continued(open_calibrate, grades, fake_model, monkeypatch):
    fake_model.operating_point = replace(make_operating_point(), temperature=1.0)
    page = open_calibrate()
    assert "North clinic v2" in shown_text(page).replace("\\", "")
    assert page.text_input(key="calibrate_name").value == "North clinic"
    give(page, list_grades(grades))
    finish(page)
    written = json.loads(read_download(page, "calibrate_download", monkeypatch))
    assert written["operating_point"]["version"] == 3


def test_missing_model_stops_the_page_before_anything_is_uploaded(open_calibrate, monkeypatch):
    def refuse(model_dir: Path | None = None, **kwargs: object) -> Classifier:
        raise ModelNotFound("The model file is missing. Restore it.")

    monkeypatch.setattr(Classifier, "load", refuse)
    st.cache_resource.clear()
    page = open_calibrate()
    assert "Nothing can be graded" in page.error[0].value
    assert not page.file_uploader
