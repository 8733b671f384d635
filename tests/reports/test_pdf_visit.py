"""The PDF's summary of two eyes: everything stands above the footer, however much there is to say."""

import io
from dataclasses import replace

import pytest
from pypdf import PdfReader

from dr_core.domain.grades import Grade
from dr_core.domain.intended_use import NOT_VALIDATED_NOTE
from dr_core.domain.photograph import Laterality
from dr_core.domain.quality import Defect
from dr_core.domain.results import ReviewReason, ScreeningResult, Status
from dr_core.reports.pdf import render_pdf
from dr_core.reports.pdf_canvas import FOOTER_TOP_MM
from tests.fakes import make_operating_point
from tests.made_screenings import add_findings, make_result, make_screening, read_as

OD, OS = Laterality.OD, Laterality.OS
PAGE_MM, POINT_MM = 297.0, 25.4 / 72.0


def say_everything(eye: Laterality, note: str) -> ScreeningResult:
    result = add_findings(
        make_result(Grade.MILD_NPDR, eye=eye, name="long name " * 20, sha256=eye.value.lower() * 32),
        grade_set=tuple(Grade),
        review=tuple(ReviewReason),
        p_oedema_risk=0.9,
        seen=OS if eye is OD else OD,
    )
    decision = replace(result.decision, operating_point=make_operating_point().label)
    quality = replace(result.quality, defects=tuple(Defect), hidden_share=0.2)
    full = replace(result, decision=decision, quality=quality)
    if not note:
        return full
    read = read_as(full, Grade.NO_DR, note=note)
    return replace(read, reading=replace(read.reading, reader="W" * 60))


def list_lines(*results: ScreeningResult) -> list[tuple[str, float]]:
    """Return each text of the summary with the millimetres of its baseline below the page's top."""
    document = render_pdf([make_screening(result) for result in results], operating_point=make_operating_point())
    lines: list[tuple[str, float]] = []

    def note(text: str, _: list[float], matrix: list[float], *rest: object) -> None:
        if text.strip():
            lines.append((text.strip(), PAGE_MM - matrix[5] * POINT_MM))

    PdfReader(io.BytesIO(document)).pages[0].extract_text(visitor_text=note)
    return lines


@pytest.mark.parametrize("note", ["", "a long note " * 25, "W" * 300], ids=["unread", "read", "read and written wide"])
def test_the_fullest_summary_keeps_clear_of_the_footer(note: str) -> None:
    lines = list_lines(say_everything(OD, note), say_everything(OS, note))
    last, bottom_mm = lines[-1]
    assert "specificity" in last
    assert bottom_mm < FOOTER_TOP_MM - 1


def test_nothing_is_said_of_an_operating_point_where_no_eye_has_a_grade() -> None:
    ungradable = [make_result(status=Status.UNGRADABLE, eye=eye, sha256=eye.value.lower() * 32) for eye in (OD, OS)]
    text = " ".join(line for line, _ in list_lines(*ungradable))
    assert "Neither eye has a grade" in text
    assert NOT_VALIDATED_NOTE not in text
    assert "Operating point" not in text
