"""The PDF report: what it must say, what it must never say, and names that try to break it."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from pypdf import PdfReader

from dr_core.domain.errors import StorageError
from dr_core.domain.grades import Grade
from dr_core.domain.intended_use import INTENDED_USE, MACULAR_OEDEMA_NOTE, NOT_VALIDATED_NOTE
from dr_core.domain.photograph import Laterality
from dr_core.domain.quality import Defect, QualityReport
from dr_core.domain.results import ReviewReason, Status
from dr_core.imaging.preprocess import InputSize, prepare_input
from dr_core.reports import pdf_canvas
from dr_core.reports.pdf import render_pdf
from dr_core.screening.pipeline import HiddenPlaces, Screening
from tests.fakes import make_operating_point
from tests.made_screenings import REFUSAL, add_findings, make_result, make_screening, read_as

OD, OS = Laterality.OD, Laterality.OS
CREATED = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
HOSTILE_NAMES = [
    '<script>alert("1")</script>.jpg',
    "=cmd|'/C calc'!A0.jpg",
    "患者の眼 مريض глаз.jpg",
    "invoice\u202egpj.exe",
    "a\x00b\r\nc\td.jpg",
    "**bold** __under__ --strike--.jpg",
    "\ud800lone surrogate.jpg",
    "😀" * 40,
    "x" * 5000 + ".jpg",
    "",
]


def read_pages(*screenings: Screening) -> list[str]:
    reader = PdfReader(io.BytesIO(render_pdf(screenings, created=CREATED)))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def count_pictures(screening: Screening) -> int:
    (page,) = PdfReader(io.BytesIO(render_pdf([screening], created=CREATED))).pages
    return len(page.images)


def graded(grade: Grade = Grade.MODERATE_NPDR, eye: Laterality | None = OD, **options: str) -> Screening:
    return make_screening(make_result(grade, eye=eye, **options))


@pytest.mark.parametrize("grade", list(Grade))
def test_a_graded_eye_fills_one_page_with_all_that_was_found(grade):
    (text,) = read_pages(graded(grade))
    assert "Right eye (OD)" in text
    assert f"{grade.value} {grade.label}" in text
    assert all(other.label in text for other in Grade)
    assert "80.0%" in text
    assert f"Referable DR: {'yes' if grade.referable else 'no'}" in text
    assert "operating point 0.42" in text
    assert "ICO 2017" in text
    assert "PMC6202564" in text
    assert "Gradable" in text


def test_every_page_states_notes_intended_use_and_provenance():
    screening = graded()
    (text,) = read_pages(screening)
    assert MACULAR_OEDEMA_NOTE in text
    assert NOT_VALIDATED_NOTE in text
    assert INTENDED_USE in text
    assert "02 January 2026, 03:04 UTC" in text
    provenance = screening.result.provenance
    for value in (provenance.photograph_sha256, provenance.model_name, provenance.model_sha256):
        assert value in text
    assert "where the network looked" in text


def test_an_ungradable_eye_gets_reason_and_advice_but_neither_grade_nor_heatmap():
    screening = make_screening(make_result(eye=OS, status=Status.UNGRADABLE))
    (text,) = read_pages(screening)
    assert "Ungradable: blur, dark." in text
    assert Defect.BLUR.advice in text
    assert "Retake or refer" in text
    assert not any(grade.label in text for grade in Grade)
    assert "Grad-CAM" not in text
    assert "Follow-up" not in text
    assert count_pictures(screening) == 1


def test_an_ungradable_eye_shows_what_is_hidden():
    result = make_result(eye=OS, status=Status.UNGRADABLE)
    screening = make_screening(replace(result, quality=QualityReport(False, 0.1, (Defect.OBSTRUCTION,), 0.4)))
    crop = prepare_input(screening.photograph, screening.field_of_view, InputSize(96, 128)).crop
    screening = replace(screening, hidden=HiddenPlaces(np.ones((6, 8), np.float32), crop))
    (text,) = read_pages(screening)
    assert "About 40% of the retina cannot be seen." in text
    assert "Hatched" in text
    assert count_pictures(screening) == 2


def test_a_graded_eye_shows_photograph_and_heatmap():
    assert count_pictures(graded()) == 2


def test_a_refused_file_says_why():
    result = replace(make_result(status=Status.FAILED, sha256=""), width_px=0, height_px=0)
    (text,) = read_pages(Screening(result))
    assert REFUSAL in text
    assert "Not graded" in text
    assert not any(grade.label in text for grade in Grade)


def test_two_eyes_begin_with_a_summary_and_the_right_eye():
    pages = read_pages(graded(Grade.SEVERE_NPDR, OS), graded(Grade.NO_DR, OD, sha256="ef" * 32))
    summary, first, second = pages
    assert "Summary of the visit" in summary
    assert "The worse eye decides: the left eye (OS), Severe NPDR." in summary
    assert "in less than 3 months" in summary
    assert "Right eye (OD)" in first
    assert "Left eye (OS)" in second
    assert "Page 3 of 3" in second


def test_concerns_stand_in_the_summary():
    pages = read_pages(graded(), graded(sha256="ef" * 32))
    assert "Check: Both photographs are marked as the right eye" in pages[0]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_neither_breaks_nor_leaves_the_page(name):
    (text,) = read_pages(graded(name=name))
    assert "Right eye (OD)" in text
    assert "\u202e" not in text
    assert "\x00" not in text


def test_markup_in_a_name_is_printed_letter_by_letter():
    (text,) = read_pages(graded(name="<b>**x**</b>.jpg"))
    assert "<b>**x**</b>.jpg" in text


def test_the_document_says_what_it_is_and_names_nobody():
    reader = PdfReader(io.BytesIO(render_pdf([graded(name="Jane Doe.jpg")], created=CREATED)))
    assert reader.metadata.title == "RetinaDesk screening report"
    assert "Jane" not in str(reader.metadata)
    assert reader.metadata.creation_date == CREATED


def test_score_and_grade_that_disagree_are_pointed_out():
    result = make_result(Grade.MILD_NPDR, eye=OD)
    flagged = replace(result, decision=replace(result.decision, referable=True))
    (text,) = read_pages(make_screening(flagged))
    assert "grade this photograph by eye" in text


@pytest.mark.parametrize("count", [0, 3])
def test_a_report_covers_one_visit(count):
    with pytest.raises(ValueError, match="Received: "):
        render_pdf([graded()] * count)


def test_a_missing_font_is_told_with_its_remedy(monkeypatch, tmp_path):
    monkeypatch.setattr(pdf_canvas, "ASSETS_DIR", tmp_path)
    with pytest.raises(StorageError, match="Restore"):
        render_pdf([graded()])


def test_what_asks_for_a_person_stands_on_the_first_page_of_one_eye_and_of_two():
    flagged = add_findings(
        make_result(Grade.MILD_NPDR, eye=OD),
        grade_set=(Grade.NO_DR, Grade.MILD_NPDR, Grade.MODERATE_NPDR, Grade.SEVERE_NPDR),
        review=(ReviewReason.WIDE_SET,),
        p_oedema_risk=0.2,
        seen=OS,
    )
    (text,) = read_pages(make_screening(flagged))
    pages = read_pages(make_screening(flagged), graded(Grade.NO_DR, OS, sha256="ef" * 32))
    for first in (text, pages[0]):
        assert "needs a reader" in first
        assert "several grades fit it, and it could be severe NPDR, which is referable." in first
        assert "Likely grades: 0 to 3." in first
        assert "hard exudates near the fovea: not seen" in first
        assert "check which eye it is" in first
    assert "Needs a reader" in pages[0]
    assert "Re-screen" not in pages[0].split("Have a person")[0]
    assert "Lesion evidence" in text


def test_the_clinics_operating_point_is_quoted_on_every_page():
    result = make_result(eye=OD)
    point = make_operating_point()
    local = replace(result, decision=replace(result.decision, operating_point=point.label))
    document = render_pdf([make_screening(local)], created=CREATED, operating_point=point)
    text = " ".join(PdfReader(io.BytesIO(document)).pages[0].extract_text().split())
    assert "Operating point North clinic v2, measured on 182 of this clinic's photographs" in text
    assert NOT_VALIDATED_NOTE not in text


def test_a_reading_fills_the_readers_line_and_decides_in_the_summary():
    read = read_as(make_result(Grade.MODERATE_NPDR, eye=OD), Grade.SEVERE_NPDR, note="venous beading")
    pages = read_pages(make_screening(read), graded(Grade.NO_DR, OS, sha256="ef" * 32))
    assert "Severe NPDR by the reader's grade" in pages[0]
    assert "Read as 3 Severe NPDR by A. Reader" in pages[0]
    assert "Reader's grade: 3 Severe NPDR Name: A. Reader Read: 2026-01-02 Signature:" in pages[1]
    assert "The program's grade is 2 Moderate NPDR. Note: venous beading" in pages[1]
    assert "in less than 3 months" in pages[1]
    assert "Reader's grade: ____" in pages[2]
    assert "Reader's grade: 3 Severe NPDR" in pages[0]
    assert "Grade 2: Moderate NPDR" not in pages[0]
    assert "Reader's grade (ICDR scale, 0 to 4)" in pages[1]
    assert "The program's grade: 2 Moderate NPDR." in pages[1]
    assert all("Patient: ____" in page for page in pages)


@pytest.mark.parametrize("note", ["", "a long note " * 40, "W" * 300], ids=["unread", "read", "read and written wide"])
@pytest.mark.parametrize("grade", [Grade.MILD_NPDR, Grade.SEVERE_NPDR])
def test_the_fullest_page_keeps_clear_of_the_readers_line(grade, note):
    result = add_findings(
        make_result(grade, eye=OD, name="long name " * 20),
        grade_set=tuple(Grade)[grade - 1 :],
        review=tuple(ReviewReason),
        p_oedema_risk=0.9,
        seen=OS,
    )
    point = make_operating_point()
    decision = replace(result.decision, referable=False, operating_point=point.label)
    wordiest = tuple(sorted(Defect, key=lambda defect: len(defect.advice))[-4:])
    full = make_screening(
        replace(result, decision=decision, quality=replace(result.quality, defects=wordiest, hidden_share=0.2))
    )
    if note:
        read = read_as(full.result, Grade.NO_DR, note=note)
        full = make_screening(replace(read, reading=replace(read.reading, reader="W" * 60)))
    ends = []
    document = PdfReader(io.BytesIO(render_pdf([full], operating_point=point)))
    document.pages[0].extract_text(
        visitor_text=lambda text, _, matrix, *rest: ends.append((text.strip(), matrix[5])) if text.strip() else None
    )
    readers_line = next(height for text, height in ends if "Reader's grade:" in text)
    provenance = min(height for text, height in ends if "2026-01-02T03:04:05" in text)
    assert provenance > readers_line + 8
