"""What a batch gives away besides its CSV: FHIR of all photographs, and the PDF report of the one that is open."""

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from pypdf import PdfReader
from streamlit.testing.v1 import AppTest

from dr_core.domain.grades import Grade
from dr_core.domain.quality import Defect, QualityReport
from dr_core.domain.reading import Reading
from dr_core.model.classifier import Classifier
from dr_core.reports.fhir import render_fhir_lines
from dr_core.screening.display import screen_for_display
from dr_core.screening.pipeline import Screening
from pages.components import batch_results
from tests.fakes import make_operating_point, make_prediction
from tests.pages.batch_app import grade_files, shown_text
from tests.pages.calibrate_app import read_download

PDF = "batch_pdf_1"
SAID = Reading(Grade.SEVERE_NPDR, "2026-01-02T03:04:05+00:00", "A. Reader", "venous beading")


@pytest.fixture
def page(open_batch) -> AppTest:
    return open_batch()


def open_first(page: AppTest) -> AppTest:
    page.button(key="batch_step_N").click().run()
    assert not page.exception
    return page


def read_made(page: AppTest, key: str, monkeypatch) -> bytes:
    """What a click on the download button with `key` gives."""
    make: Callable[[], bytes] = read_download(page, key, monkeypatch)
    return make()


def read_pdf(data: bytes) -> str:
    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages).replace("\n", " ")


def list_downloads(page: AppTest) -> list[str]:
    return [button.proto.label for button in page.get("download_button")]


def test_fhir_of_a_batch_holds_every_photograph_and_what_persons_say(page, registry, fundus_jpeg, monkeypatch):
    job = grade_files(page, registry, {"a.jpg": fundus_jpeg, "b.jpg": fundus_jpeg, "broken.jpg": b"x"})
    job.read(1, SAID)
    data = read_made(page, "batch_fhir", monkeypatch)
    assert data == render_fhir_lines(job.results)
    assert data.count(b"\n") == 3
    assert b"venous beading" in data.splitlines()[0]


def test_fhir_of_a_batch_quotes_the_clinics_operating_point(page, registry, fake_model, fundus_jpeg, monkeypatch):
    fake_model.operating_point = make_operating_point()
    seen = []
    monkeypatch.setattr(
        "pages.components.batch_downloads.render_fhir_lines",
        lambda results, operating_point: seen.append(operating_point) or b"",
    )
    grade_files(page, registry, {"a.jpg": fundus_jpeg})
    read_made(page, "batch_fhir", monkeypatch)
    assert seen == [make_operating_point()]


def test_open_photograph_has_a_pdf_report_with_its_readers_grade(page, registry, fundus_jpeg, monkeypatch):
    job = grade_files(page, registry, {"eye_OD.jpg": fundus_jpeg})
    assert "PDF report" not in list_downloads(page)
    open_first(page)
    text = read_pdf(read_made(page, PDF, monkeypatch))
    assert "Right eye (OD)" in text
    assert "2  Moderate NPDR" in text
    assert "eye_OD.jpg" in text
    make = read_download(page, PDF, monkeypatch)
    # Another session may read it while the page stands open here.
    job.read(1, SAID)
    text = read_pdf(make())
    assert "3 Severe NPDR" in text
    assert "by A. Reader" in text
    assert "Note: venous beading" in text
    assert "The program's grade: 2 Moderate NPDR." in text


def test_pdf_report_says_what_the_batch_says_where_the_second_pass_differs(page, registry, fundus_jpeg, monkeypatch):
    def screen(data: bytes, name: str, *, classifier: Classifier) -> Screening:
        found = screen_for_display(data, name, classifier=classifier)
        return replace(found, result=replace(found.result, prediction=make_prediction(Grade.NO_DR)))

    monkeypatch.setattr(batch_results, "screen_for_display", screen)
    job = grade_files(page, registry, {"a.jpg": fundus_jpeg})
    text = read_pdf(read_made(open_first(page), PDF, monkeypatch))
    assert "2  Moderate NPDR 80.0%" in text
    assert job.results[0].provenance.created_utc in text


def test_ungradable_photograph_has_a_pdf_report_and_a_failed_one_has_none(
    page, registry, fundus_jpeg, use_quality, monkeypatch
):
    use_quality(QualityReport(False, 0.1, (Defect.BLUR,)))
    grade_files(page, registry, {"a.jpg": fundus_jpeg, "broken.jpg": b"x"})
    text = read_pdf(read_made(open_first(page), PDF, monkeypatch))
    assert "Retake or refer" in text
    assert "Moderate" not in text
    page.button(key="batch_step_N").click().run()
    assert "## Row 2" in shown_text(page)
    assert "PDF report" not in list_downloads(page)
    assert "## Downloads" not in shown_text(page)


def test_pdf_report_waits_for_the_reader_who_reads_first(page, registry, fundus_jpeg):
    page.checkbox(key="batch_read_first").check().run()
    job = grade_files(page, registry, {"a.jpg": fundus_jpeg, "b.jpg": fundus_jpeg})
    open_first(page)
    assert "PDF report" not in list_downloads(page)
    job.read(1, SAID)
    page.run()
    assert "PDF report" in list_downloads(page)
