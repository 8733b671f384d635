"""The PDF report: a page for each eye, and a summary page when both eyes were photographed."""

from collections.abc import Sequence
from datetime import UTC, datetime

from dr_core.domain.operating_point import LocalOperatingPoint
from dr_core.domain.results import ScreeningResult
from dr_core.imaging.overlay import hatch_hidden, overlay_cam
from dr_core.model.cam import default_map
from dr_core.model.explain import ExplanationMethod, offer_methods
from dr_core.reports.palette import ACCENT
from dr_core.reports.pdf_canvas import (
    BODY,
    CONTENT_WIDTH_MM,
    FOOTER_TOP_MM,
    HEADING,
    MARGIN_MM,
    SMALL,
    STRONG,
    ReportCanvas,
    Type,
)
from dr_core.reports.pdf_visit import draw_visit
from dr_core.reports.referral import describe_follow_up, describe_referral
from dr_core.reports.wording import (
    HEATMAP_LIMITS,
    clean_text,
    describe_eye,
    describe_grade,
    describe_grade_set,
    describe_oedema,
    describe_operating_point,
    describe_provenance,
    describe_quality,
    name_eye,
)
from dr_core.screening.pipeline import Screening
from dr_core.screening.visit import summarise_visit

__all__ = ["render_pdf"]

OVERLAY_OPACITY = 0.4
GUTTER_MM = 6.0
PICTURE_WIDTH_MM = (CONTENT_WIDTH_MM - GUTTER_MM) / 2
PICTURE_HEIGHT_MM = 74.0
STATEMENT_MM = 8.0
ADVICE_MM = 8.0  # of advice, about two lines, that fit beside the largest pictures
LEAST_PICTURE_MM = 15.0
RIGHT_MM = MARGIN_MM + PICTURE_WIDTH_MM + GUTTER_MM
PANEL_TEXT_MM = CONTENT_WIDTH_MM - 18
PADDING_MM = 3.0
LEADING_MM = 1.0
MIN_PANEL_MM = 18.0
HIDDEN_CAPTION = "Hatched: where the retina cannot be seen, as the network finds it."
SECTION = Type(8.5, bold=True, color=ACCENT)


def render_pdf(
    screenings: Sequence[Screening],
    *,
    created: datetime | None = None,
    operating_point: LocalOperatingPoint | None = None,
) -> bytes:
    """Make the report of one visit.

    Each page shows the photograph and, where it was graded, a heatmap; quality, grade, probabilities, referral, the
    guideline's interval, provenance and the intended use. A photograph that was not graded gets neither a grade nor a
    heatmap. What asks for a person's look stands on the first page.

    Args:
        screenings: one photograph, or both eyes of one patient.
        created: when the report is made; now when omitted.
        operating_point: the clinic's own in use; its figures are quoted where a decision rests on it.

    Raises:
        ValueError: there are no screenings, or more than two.
        StorageError: the report's font files are missing.
    """
    visit = summarise_visit([screening.result for screening in screenings])
    with_summary = len(screenings) > 1
    canvas = ReportCanvas(created or datetime.now(UTC), len(screenings) + with_summary)
    if with_summary:
        draw_visit(canvas, visit, [find_screening(screenings, result) for result in visit.results], operating_point)
    for result in visit.results:
        canvas.add_page()
        _draw_eye(canvas, find_screening(screenings, result), operating_point)
    return canvas.to_bytes()


def find_screening(screenings: Sequence[Screening], result: ScreeningResult) -> Screening:
    """Return the screening that `result` belongs to."""
    return next(screening for screening in screenings if screening.result is result)


def _draw_eye(canvas: ReportCanvas, screening: Screening, point: LocalOperatingPoint | None) -> None:
    result = screening.result
    canvas.write_line(name_eye(result.laterality), (MARGIN_MM, 25), font=HEADING)
    canvas.write_patient_line()
    size = f"{result.width_px} x {result.height_px} pixels" if result.width_px else "size unknown"
    y_mm = canvas.write_line(f"{clean_text(result.name)}  ({size})", (MARGIN_MM, 32.5), font=SMALL)
    if eye_check := describe_eye(result):
        y_mm = canvas.write_block(eye_check, (MARGIN_MM, y_mm + 0.8), font=STRONG)
    y_mm = _draw_pictures(canvas, screening, y_mm + 2.5)
    y_mm = _draw_quality(canvas, result, y_mm + 3)
    if result.decision is not None and result.prediction is not None:
        y_mm = _draw_grade(canvas, result, y_mm + 3.5)
    y_mm = _draw_referral(canvas, result, y_mm + 3.5)
    y_mm = _draw_notes(canvas, result, point, y_mm + 3)
    _draw_provenance(canvas, result, y_mm + 3)
    canvas.write_line(_sign(result), (MARGIN_MM, FOOTER_TOP_MM - 7))


def _sign(result: ScreeningResult) -> str:
    """Return the line for the reader's signature, filled in as far as the reading says it."""
    reading = result.reading
    if reading is None:
        return (
            "Reader's grade: ____________________   Name: ______________________________   Date: ____________________"
        )
    name = clean_text(reading.reader, max_length=40) or "_" * 24
    return f"Reader's grade: {reading.label}   Name: {name}   Read: {reading.read_utc[:10]}   Signature: ____________"


def _draw_pictures(canvas: ReportCanvas, screening: Screening, y_mm: float) -> float:
    photograph, decision, prediction = screening.photograph, screening.result.decision, screening.result.prediction
    if photograph is None:
        return canvas.write_line("The photograph could not be shown.", (MARGIN_MM, y_mm), font=BODY)
    height_mm = _find_picture_height(canvas, screening.result)
    left_box = (MARGIN_MM, y_mm, PICTURE_WIDTH_MM, height_mm)
    below_mm = canvas.draw_picture(photograph.pixels, left_box, description="Fundus photograph as uploaded")
    canvas.write_line("Photograph", (MARGIN_MM, below_mm + 1), font=SMALL, width_mm=PICTURE_WIDTH_MM)
    right_box = (RIGHT_MM, y_mm, PICTURE_WIDTH_MM, height_mm)
    if decision is None or prediction is None:
        return _draw_hidden(canvas, screening, right_box, below_mm)
    method = offer_methods(prediction)[0]
    seen_lesions = method is ExplanationMethod.LESION_EVIDENCE
    heat = screening.place_heatmap(default_map(prediction, decision.grade))
    heated = overlay_cam(photograph.pixels, heat, opacity=OVERLAY_OPACITY)
    what = "Lesion evidence" if seen_lesions else f"Heatmap for {decision.grade.label}"
    canvas.draw_picture(heated, right_box, description=f"{what} over the photograph")
    caption = f"{method.caption} {HEATMAP_LIMITS}"
    return canvas.write_block(caption, (RIGHT_MM, below_mm + 1), font=SMALL, width_mm=PICTURE_WIDTH_MM)


def _draw_hidden(
    canvas: ReportCanvas, screening: Screening, box: tuple[float, float, float, float], below_mm: float
) -> float:
    """Draw what the photograph hides, for whoever takes the next one; return where what follows begins."""
    photograph, field_of_view, hidden = screening.photograph, screening.field_of_view, screening.hidden
    if photograph is None or field_of_view is None or hidden is None:
        return below_mm + 5
    hatched = hatch_hidden(photograph.pixels, hidden.place(field_of_view))
    canvas.draw_picture(hatched, box, description="Hidden parts of the retina, hatched")
    return canvas.write_block(HIDDEN_CAPTION, (RIGHT_MM, below_mm + 1), font=SMALL, width_mm=PICTURE_WIDTH_MM)


def _find_picture_height(canvas: ReportCanvas, result: ScreeningResult) -> float:
    """Return the millimetres that pictures may take: each further statement on the page makes them a little smaller."""
    decision = result.decision
    grade_set = describe_grade_set(decision) if decision else ""
    own_point = decision.operating_point if decision else ""
    divided = decision is not None and decision.referable != decision.grade.referable
    referral = describe_referral(result)
    further = sum(map(bool, (describe_eye(result), grade_set, own_point, divided)))
    # Reasons, names and notes are as wide as their letters, so that counting these would not do.
    said_mm = canvas.measure_block(referral.detail, width_mm=PANEL_TEXT_MM) if result.reading else 0.0
    if referral.warning:
        said_mm += canvas.measure_block(referral.warning, font=STRONG, width_mm=PANEL_TEXT_MM) + LEADING_MM
    if result.quality is not None:
        said_mm += max(0.0, canvas.measure_block(" ".join(result.quality.advice)) - ADVICE_MM)
    return max(LEAST_PICTURE_MM, PICTURE_HEIGHT_MM - STATEMENT_MM * further - said_mm)


def _draw_quality(canvas: ReportCanvas, result: ScreeningResult, y_mm: float) -> float:
    y_mm = canvas.write_line("Quality", (MARGIN_MM, y_mm), font=SECTION) + 0.6
    if result.quality is None:
        return canvas.write_block("Not judged.", (MARGIN_MM, y_mm))
    text = f"{describe_quality(result.quality)} Score {result.quality.score:.2f} (0 unusable, 1 clear)."
    y_mm = canvas.write_block(text, (MARGIN_MM, y_mm))
    return canvas.write_block(" ".join(result.quality.advice), (MARGIN_MM, y_mm)) if result.quality.advice else y_mm


def _draw_grade(canvas: ReportCanvas, result: ScreeningResult, y_mm: float) -> float:
    """Draw the grade in force in large type: the reader's where there is one, the program's in small type below it."""
    decision, prediction, reading = result.decision, result.prediction, result.reading
    if decision is None or prediction is None:
        return y_mm
    whose = "Reader's grade" if reading else "Grade"
    canvas.write_line(f"{whose} (ICDR scale, 0 to 4)", (MARGIN_MM, y_mm), font=SECTION)
    canvas.write_line("Probability of each grade, by the program", (RIGHT_MM, y_mm), font=SECTION)
    name = reading.label if reading else f"{decision.grade.value}  {decision.grade.label}"
    name_mm = canvas.write_block(name, (MARGIN_MM, y_mm + 5), font=Type(14, bold=True), width_mm=PICTURE_WIDTH_MM)
    grade = reading.grade if reading else decision.grade
    texts = [f"Defined as: {grade.finding}"] if grade is not None else []
    if reading:
        texts.append(f"The program's grade: {decision.grade.value} {decision.grade.label}.")
    texts.append(describe_grade(decision, prediction))
    text = " ".join(filter(None, texts))
    text_mm = canvas.write_block(text, (MARGIN_MM, name_mm + 1), width_mm=PICTURE_WIDTH_MM)
    bars_mm = canvas.draw_probabilities(prediction, decision, RIGHT_MM, y_mm + 5)
    if grade_set := describe_grade_set(decision):
        bars_mm = canvas.write_block(grade_set, (RIGHT_MM, bars_mm + 0.4), font=SMALL, width_mm=PICTURE_WIDTH_MM)
    return max(text_mm, bars_mm)


def _draw_referral(canvas: ReportCanvas, result: ScreeningResult, y_mm: float) -> float:
    referral = describe_referral(result)
    text_mm, width_mm = MARGIN_MM + 14, PANEL_TEXT_MM
    lines = [(referral.headline, Type(11, bold=True))]
    lines += [(referral.warning, STRONG)] if referral.warning else []
    lines += [(referral.detail, BODY)]
    if result.final_follow_up is not None:
        lines.append((": ".join(describe_follow_up(result)), STRONG))
        lines.append((f"Source: {result.final_follow_up.source}.", SMALL))
    heights = [canvas.measure_block(text, font=font, width_mm=width_mm) + LEADING_MM for text, font in lines]
    panel_mm = max(sum(heights) + 2 * PADDING_MM, MIN_PANEL_MM)
    canvas.draw_panel(MARGIN_MM, y_mm, CONTENT_WIDTH_MM, panel_mm)
    canvas.draw_traffic_light(referral.signal, MARGIN_MM + 6, y_mm + panel_mm / 2 - 4.6)
    line_mm = y_mm + PADDING_MM
    for (text, font), height_mm in zip(lines, heights, strict=True):
        canvas.write_block(text, (text_mm, line_mm), font=font, width_mm=width_mm)
        line_mm += height_mm
    return y_mm + panel_mm


def _draw_notes(canvas: ReportCanvas, result: ScreeningResult, point: LocalOperatingPoint | None, y_mm: float) -> float:
    notes = [describe_oedema(result)]
    if result.decision is not None:
        notes.append(describe_operating_point(result, point))
    return canvas.write_block(" ".join(notes), (MARGIN_MM, y_mm), font=STRONG)


def _draw_provenance(canvas: ReportCanvas, result: ScreeningResult, y_mm: float) -> None:
    y_mm = canvas.write_line("Provenance", (MARGIN_MM, y_mm), font=SECTION) + 0.6
    for label, value in describe_provenance(result.provenance):
        canvas.write_line(label, (MARGIN_MM, y_mm), font=SMALL, width_mm=34)
        y_mm = canvas.write_line(value, (MARGIN_MM + 34, y_mm), font=Type(7.2), width_mm=CONTENT_WIDTH_MM - 34) + 0.3
