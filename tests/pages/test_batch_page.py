"""The Batch page through app.py: what comes in, how it is graded, and who may see it."""

import io
import zipfile
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dr_core.domain.errors import ModelNotFound
from dr_core.domain.operating_point import LocalOperatingPoint
from dr_core.model.classifier import Classifier
from tests.pages.batch_app import JPEG, counts, finish, grade_files, shown_text, start


@pytest.fixture
def page(open_batch) -> AppTest:
    return open_batch()


def test_empty_page_explains_and_cannot_start(page):
    assert page.button(key="batch_start").disabled
    assert "gets one row" in shown_text(page)
    assert "24 hours" in shown_text(page)
    assert page.segmented_control(key="batch_kind").options == ["Folder", "Files", "ZIP file"]


def test_files_are_graded_and_each_has_its_row(page, registry, fundus_jpeg):
    job = grade_files(page, registry, {"b.jpg": fundus_jpeg, "a.jpg": fundus_jpeg, "notes.txt": b"words"})
    assert counts(page) == {
        "Graded": "2",
        "Referable": "2",
        "Needs a reader": "0",
        "Ungradable": "0",
        "Failed": "1",
    }
    (table,) = page.dataframe
    assert list(table.value["File"]) == ["a.jpg", "b.jpg", "notes.txt"]
    assert list(table.value["Grade label"]) == ["2 Moderate NPDR", "2 Moderate NPDR", ""]
    assert table.value["Photograph"].iloc[0].startswith("data:image/jpeg;base64,")
    assert [source.name for source in job.request.batch.photographs] == ["a.jpg", "b.jpg", "notes.txt"]


def test_folder_counts_what_is_no_photograph(page, registry, fundus_jpeg):
    uploader = page.file_uploader[0]
    assert uploader.accept_directory
    uploader.set_value([("d/eye.jpg", fundus_jpeg, JPEG), ("d/notes.txt", b"words", "text/plain")]).run()
    finish(page, start(page, registry))
    assert "Other files, not graded: 1." in shown_text(page)
    assert list(page.dataframe[0].value["File"]) == ["d/eye.jpg"]


def test_zip_is_read_in_place(page, registry, fundus_jpeg):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../x/eye.jpg", fundus_jpeg)
        archive.writestr("notes.txt", "words")
    page.segmented_control(key="batch_kind").set_value("ZIP file").run()
    page.file_uploader[0].set_value(("study.zip", packed.getvalue(), "application/zip")).run()
    finish(page, start(page, registry))
    assert list(page.dataframe[0].value["File"]) == ["../x/eye.jpg"]
    assert counts(page)["Graded"] == "1"


def test_damaged_zip_is_refused_with_a_remedy_and_leaves_nothing(page, tmp_path):
    page.segmented_control(key="batch_kind").set_value("ZIP file").run()
    page.file_uploader[0].set_value(("study.zip", b"no zip", "application/zip")).run()
    page.button(key="batch_start").click().run()
    assert "pack the photographs again" in page.error[0].value
    assert "job" not in page.query_params
    assert not [path for path in (tmp_path / "jobs").rglob("*") if path.is_file() and path.name != ".lock"]


def test_folder_without_photographs_says_so(page):
    page.file_uploader[0].set_value([("notes.txt", b"words", "text/plain")]).run()
    page.button(key="batch_start").click().run()
    assert "no photograph among the files" in page.error[0].value


def test_server_folder_is_offered_under_its_roots_alone(registry, open_batch, tmp_path, monkeypatch, fundus_jpeg):
    root = tmp_path / "photographs"
    root.mkdir()
    (root / "eye.jpg").write_bytes(fundus_jpeg)
    monkeypatch.setenv("RETINADESK_ROOTS", str(root))
    page = open_batch()
    page.segmented_control(key="batch_kind").set_value("Folder on the server").run()
    page.text_input[0].set_value(str(tmp_path)).run()
    page.button(key="batch_start").click().run()
    assert "No such folder under the allowed folders" in page.error[0].value.replace("\\", "")
    page.text_input[0].set_value(str(root)).run()
    finish(page, start(page, registry))
    assert list(page.dataframe[0].value["File"]) == ["eye.jpg"]


def test_running_batch_shows_progress_and_can_be_stopped(page, registry, fake_model, fundus_jpeg):
    fake_model.delay_s = 0.2
    files = [(f"{number:02d}.jpg", fundus_jpeg, JPEG) for number in range(30)]
    page.file_uploader[0].set_value(files).run()
    assert "30 files chosen." in shown_text(page)
    job = start(page, registry)
    assert "grading goes on" in shown_text(page)
    page.button(key="batch_cancel").click().run()
    finish(page, job)
    assert f"{len(job.results)} of 30 photographs are done" in shown_text(page)
    assert len(job.results) < 30


def test_link_finds_the_batch_and_nobody_without_it_does(page, open_batch, registry, fundus_jpeg):
    job = grade_files(page, registry, {"a.jpg": fundus_jpeg})
    assert "a.jpg" in str(open_batch(job.id).dataframe[0].value)
    stranger = open_batch()
    assert not stranger.dataframe
    assert stranger.button(key="batch_start")
    guesser = open_batch(job.id[:-1] + "_")
    assert "no batch under this link" in guesser.warning[0].value
    assert not guesser.dataframe
    assert "job" not in guesser.query_params


def test_session_comes_back_to_its_batch_from_another_page(page, registry, fundus_jpeg):
    job = grade_files(page, registry, {"a.jpg": fundus_jpeg})
    page.switch_page("pages/screen.py").run()
    page.query_params.clear()
    page.switch_page("pages/batch.py").run()
    assert "".join(page.query_params["job"]) == job.id
    assert page.dataframe


def test_new_batch_leaves_the_old_one_behind_its_link(page, registry, fundus_jpeg):
    job = grade_files(page, registry, {"a.jpg": fundus_jpeg})
    page.button(key="batch_new").click().run()
    assert page.button(key="batch_start")
    assert "job" not in page.query_params
    assert registry.find(job.id) is job


def test_deleted_batch_is_gone(page, registry, fundus_jpeg):
    job = grade_files(page, registry, {"a.jpg": fundus_jpeg})
    page.button(key="batch_delete").click().run()
    assert registry.find(job.id) is None
    assert not job.request.spool.folder.exists()
    assert page.button(key="batch_start")


def test_missing_model_stops_the_page_before_anything_is_uploaded(open_batch, monkeypatch):
    def refuse(model_dir: Path | None = None, operating_point: LocalOperatingPoint | None = None) -> Classifier:
        raise ModelNotFound("The model file is missing. Restore it.")

    monkeypatch.setattr(Classifier, "load", refuse)
    st.cache_resource.clear()
    page = open_batch()
    assert "Nothing can be graded" in page.error[0].value
    assert not page.file_uploader
