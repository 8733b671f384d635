"""The Batch page through app.py: what comes in, what is shown, and who may see it."""

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from dr_core.domain.errors import ModelNotFound
from dr_core.domain.operating_point import LocalOperatingPoint
from dr_core.model.classifier import Classifier
from dr_core.screening.job import BatchJob
from dr_core.screening.jobs import JobRegistry, get_registry
from tests.fakes import FakeClassifier

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60
JPEG = "image/jpeg"


@pytest.fixture(autouse=True)
def fake_model(monkeypatch) -> Iterator[FakeClassifier]:
    classifier = FakeClassifier()
    st.cache_resource.clear()
    monkeypatch.setattr(Classifier, "load", lambda model_dir=None, operating_point=None: classifier)
    yield classifier
    st.cache_resource.clear()


@pytest.fixture(autouse=True)
def visited_server(monkeypatch) -> None:
    """AppTest makes each run the first of its server, and that one is sent through app.py; later ones are not."""
    monkeypatch.setattr(PagesManager, "uses_pages_directory", False)
    monkeypatch.setattr("streamlit.testing.v1.app_test.PagesManager", type("VisitedPages", (PagesManager,), {}))


@pytest.fixture
def registry(tmp_path, monkeypatch) -> Iterator[JobRegistry]:
    monkeypatch.setenv("RETINADESK_JOB_DIR", str(tmp_path / "jobs"))
    monkeypatch.delenv("RETINADESK_ROOTS", raising=False)
    registry = get_registry(tmp_path / "jobs", lifetime_s=24 * 3600)
    yield registry
    registry.close()


@pytest.fixture
def open_page(registry) -> Callable[[str], AppTest]:
    def open_one(job_id: str = "") -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S)
        app.run()
        app.switch_page("pages/batch.py")
        if job_id:
            app.query_params["job"] = job_id
        app.run()
        assert not app.exception
        return app

    return open_one


@pytest.fixture
def page(open_page) -> AppTest:
    return open_page()


def start(page: AppTest, registry: JobRegistry) -> BatchJob:
    page.button(key="batch_start").click().run()
    assert not page.exception
    job_id = "".join(page.query_params["job"])
    job = registry.find(job_id)
    assert job is not None
    return job


def finish(page: AppTest, job: BatchJob) -> None:
    assert job.wait(TIMEOUT_S)
    page.run()
    assert not page.exception


def grade_files(page: AppTest, registry: JobRegistry, files: dict[str, bytes]) -> BatchJob:
    page.segmented_control(key="batch_kind").set_value("Files").run()
    page.file_uploader[0].set_value([(name, data, JPEG) for name, data in files.items()]).run()
    job = start(page, registry)
    finish(page, job)
    return job


def shown_text(page: AppTest) -> str:
    kinds = ("markdown", "caption", "error", "warning", "info", "text")
    return "\n".join(element.value for kind in kinds for element in getattr(page, kind))


def counts(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def test_empty_page_explains_and_cannot_start(page):
    assert page.button(key="batch_start").disabled
    assert "gets one row" in shown_text(page)
    assert "24 hours" in shown_text(page)
    assert page.segmented_control(key="batch_kind").options == ["Folder", "Files", "ZIP file"]


def test_files_are_graded_and_each_has_its_row(page, registry, fundus_jpeg):
    job = grade_files(page, registry, {"b.jpg": fundus_jpeg, "a.jpg": fundus_jpeg, "notes.txt": b"words"})
    assert counts(page) == {"Graded": "2", "Referable": "2", "Ungradable": "0", "Failed": "1"}
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


def test_server_folder_is_offered_under_its_roots_alone(registry, open_page, tmp_path, monkeypatch, fundus_jpeg):
    root = tmp_path / "photographs"
    root.mkdir()
    (root / "eye.jpg").write_bytes(fundus_jpeg)
    monkeypatch.setenv("RETINADESK_ROOTS", str(root))
    page = open_page()
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
    job = start(page, registry)
    assert "grading goes on" in shown_text(page)
    page.button(key="batch_cancel").click().run()
    finish(page, job)
    assert "of 30 photographs are done" in shown_text(page)
    assert 0 < len(job.results) < 30 or job.results == ()


def test_link_finds_the_batch_and_nobody_without_it_does(page, open_page, registry, fundus_jpeg):
    job = grade_files(page, registry, {"a.jpg": fundus_jpeg})
    assert "a.jpg" in str(open_page(job.id).dataframe[0].value)
    stranger = open_page()
    assert not stranger.dataframe
    assert stranger.button(key="batch_start")
    guesser = open_page(job.id[:-1] + "_")
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


def test_filters_narrow_the_table(page, registry, fundus_jpeg):
    grade_files(page, registry, {"left.jpg": fundus_jpeg, "right.jpg": fundus_jpeg, "broken.jpg": b"x"})
    page.text_input(key="batch_text").set_value("LEFT").run()
    assert list(page.dataframe[0].value["File"]) == ["left.jpg"]
    page.text_input(key="batch_text").set_value("")
    page.multiselect(key="batch_statuses").set_value(["failed"]).run()
    assert list(page.dataframe[0].value["File"]) == ["broken.jpg"]
    page.selectbox(key="batch_referable").set_value("Referable").run()
    assert "No photograph fits" in page.info[0].value


def test_details_can_be_asked_for_and_rows_to_check_found(page, registry, fundus_jpeg):
    grade_files(page, registry, {"a.jpg": fundus_jpeg})
    assert not page.checkbox(key="batch_details").value
    page.checkbox(key="batch_details").check().run()
    assert not page.exception
    page.selectbox(key="batch_referable").set_value("To check").run()
    assert "No photograph fits" in page.info[0].value


def choose_first_row(monkeypatch, page: AppTest) -> None:
    """What a click on the table's canvas does, which AppTest cannot; the browser suite clicks."""
    monkeypatch.setattr("pages.components.batch_results.choose_row", lambda job, table: 1)
    page.run()


def test_chosen_row_shows_photograph_and_heatmap(page, registry, fundus_jpeg, monkeypatch):
    grade_files(page, registry, {"![x](http://x).jpg": fundus_jpeg, "broken.jpg": b"x"})
    choose_first_row(monkeypatch, page)
    assert not page.exception
    text = shown_text(page)
    assert "## Row 1" in text
    assert "Grade 2: Moderate NPDR" in text
    assert "Where the network looked" in text
    assert "![x](http://x).jpg" in [element.value for element in page.text]
    assert "![x](http://x)" not in "\n".join(element.value for element in page.markdown)


def test_chosen_failed_row_says_why(page, registry, monkeypatch):
    grade_files(page, registry, {"broken.jpg": b"x"})
    assert "No photograph was graded" in shown_text(page)
    choose_first_row(monkeypatch, page)
    assert not page.exception
    assert "Not graded" in page.error[0].value


def test_photograph_that_is_gone_or_changed_says_so(page, registry, fundus_jpeg, lesions_jpeg, monkeypatch):
    job = grade_files(page, registry, {"a.jpg": fundus_jpeg})
    path = Path(job.find_source(1).path)
    path.write_bytes(lesions_jpeg)
    choose_first_row(monkeypatch, page)
    assert "has changed since" in page.warning[0].value
    path.unlink()
    page.run()
    assert "no longer there" in page.warning[0].value
    assert "Grade 2: Moderate NPDR" in shown_text(page)
    assert not page.exception


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


def test_missing_model_stops_the_page_before_anything_is_uploaded(open_page, monkeypatch):
    def refuse(model_dir: Path | None = None, operating_point: LocalOperatingPoint | None = None) -> Classifier:
        raise ModelNotFound("The model file is missing. Restore it.")

    monkeypatch.setattr(Classifier, "load", refuse)
    st.cache_resource.clear()
    page = open_page()
    assert "Nothing can be graded" in page.error[0].value
    assert not page.file_uploader
