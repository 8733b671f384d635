"""First page of a report on two eyes: what the visit ends with, and both eyes beside each other."""

from collections.abc import Sequence

from dr_core.domain.operating_point import LocalOperatingPoint
from dr_core.domain.results import ScreeningResult
from dr_core.reports.pdf_canvas import (
    CONTENT_WIDTH_MM,
    FOOTER_TOP_MM,
    HEADING,
    MARGIN_MM,
    SMALL,
    STRONG,
    ReportCanvas,
    Type,
)
from dr_core.reports.referral import (
    VISIT_SIGNALS,
    describe_follow_up,
    describe_reading,
    describe_referral,
    describe_review,
)
from dr_core.reports.wording import (
    clean_text,
    describe_grade_set,
    describe_oedema,
    describe_operating_point,
    describe_quality,
    name_eye,
)
from dr_core.screening.pipeline import Screening
from dr_core.screening.visit import Visit

__all__ = ["draw_visit"]

PANEL_HEIGHT_MM = 20.0
COLUMN_MM = (CONTENT_WIDTH_MM - 6) / 2
PICTURE_HEIGHT_MM, LEAST_PICTURE_MM = 70.0, 15.0
# Of a column: eye and file name above the picture, and the gap below it.
HEAD_MM = 15.0
LEADING_MM, GAP_MM = 0.8, 6.0


def draw_visit(
    canvas: ReportCanvas, visit: Visit, screenings: Sequence[Screening], point: LocalOperatingPoint | None
) -> None:
    """Add the summary page of `visit`.

    Args:
        canvas: the report.
        visit: both eyes together.
        screenings: in the order of ``visit.results``.
        point: the clinic's own operating point in use.
    """
    canvas.add_page()
    canvas.write_line("Summary of the visit", (MARGIN_MM, 25), font=HEADING)
    canvas.write_patient_line()
    y_mm = 35.0
    canvas.draw_panel(MARGIN_MM, y_mm, CONTENT_WIDTH_MM, PANEL_HEIGHT_MM)
    canvas.draw_traffic_light(VISIT_SIGNALS[visit.outcome], MARGIN_MM + 6, y_mm + 5.4)
    text_mm, width_mm = MARGIN_MM + 14, CONTENT_WIDTH_MM - 18
    below_mm = canvas.write_line(visit.outcome.value, (text_mm, y_mm + 3), font=Type(13, bold=True), width_mm=width_mm)
    canvas.write_block(visit.summary, (text_mm, below_mm + 1), width_mm=width_mm)
    y_mm += PANEL_HEIGHT_MM + 3
    for concern in visit.concerns:
        y_mm = canvas.write_block(f"Check: {concern}", (MARGIN_MM, y_mm), font=STRONG) + 1
    top_mm = y_mm + 3
    threshold = next(filter(None, (describe_operating_point(result, point) for result in visit.results)), "")
    # Whatever room the texts below leave is the pictures'.
    said_mm = max(_measure_texts(canvas, screening.result) for screening in screenings)
    said_mm += canvas.measure_block(threshold, font=STRONG) + GAP_MM if threshold else 0.0
    room_mm = FOOTER_TOP_MM - GAP_MM - top_mm - HEAD_MM - said_mm
    picture_mm = min(PICTURE_HEIGHT_MM, max(LEAST_PICTURE_MM, room_mm))
    bottoms = [
        _draw_column(canvas, screening, (MARGIN_MM + place * (COLUMN_MM + 6), top_mm), picture_mm)
        for place, screening in enumerate(screenings)
    ]
    # The deciding eye may have no grade, and then rests on no operating point.
    if threshold:
        canvas.write_block(threshold, (MARGIN_MM, max(bottoms) + GAP_MM), font=STRONG)


def _draw_column(canvas: ReportCanvas, screening: Screening, at_mm: tuple[float, float], picture_mm: float) -> float:
    result, (x_mm, y_mm) = screening.result, at_mm
    y_mm = canvas.write_line(name_eye(result.laterality), (x_mm, y_mm), font=Type(11, bold=True), width_mm=COLUMN_MM)
    y_mm = canvas.write_line(clean_text(result.name), (x_mm, y_mm + 0.6), font=SMALL, width_mm=COLUMN_MM) + 1.5
    if screening.photograph is not None:
        box = (x_mm, y_mm, COLUMN_MM, picture_mm)
        y_mm = canvas.draw_picture(screening.photograph.pixels, box, description="Fundus photograph as uploaded") + 3
    for text, font in _list_texts(result):
        y_mm = canvas.write_block(text, (x_mm, y_mm), font=font, width_mm=COLUMN_MM) + LEADING_MM
    return y_mm


def _measure_texts(canvas: ReportCanvas, result: ScreeningResult) -> float:
    return sum(
        canvas.measure_block(text, font=font, width_mm=COLUMN_MM) + LEADING_MM for text, font in _list_texts(result)
    )


def _list_texts(result: ScreeningResult) -> list[tuple[str, Type]]:
    """Return what stands under a photograph, paragraph by paragraph."""
    lines = [describe_quality(result.quality)] if result.quality else []
    if result.reading is not None:
        lines = [f"Reader's grade: {result.reading.label}", *lines]
    elif result.decision is not None:
        grade = result.decision.grade
        lines = [f"Grade {grade.value}: {grade.label}", *lines]
    lines += [describe_referral(result).headline, describe_reading(result)]
    if result.decision is not None:
        lines += [describe_review(result), describe_grade_set(result.decision)]
    if result.final_follow_up is not None:
        lines.append(": ".join(describe_follow_up(result)))
    lines.append(describe_oedema(result))
    said = list(filter(None, lines))
    return [(line, Type(10, bold=True) if place == 0 else Type(8.5)) for place, line in enumerate(said)]
