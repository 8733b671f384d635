"""Screenings made by hand for tests of reports and pages: the photograph is drawn, what the network says is given."""

from dataclasses import replace
from functools import cache

import numpy as np

from dr_core.domain.grades import Grade
from dr_core.domain.guideline import find_follow_up
from dr_core.domain.photograph import FundusPhotograph, Laterality, UInt8Array
from dr_core.domain.quality import Defect, QualityReport
from dr_core.domain.reading import Reading
from dr_core.domain.results import (
    LESIONS,
    Decision,
    Prediction,
    Provenance,
    ReviewReason,
    ScreeningResult,
    SideFindings,
    Status,
)
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import InputSize, prepare_input
from dr_core.screening.pipeline import Screening

THRESHOLD = 0.42
INPUT = InputSize(96, 96)
REFUSAL = "No retina was found in this picture."


def make_provenance(sha256: str) -> Provenance:
    return Provenance(sha256, "made-up-model", "ab" * 32, "made-up-1", "0.0.0", "2026-01-02T03:04:05+00:00")


def make_result(
    grade: Grade | None = Grade.MODERATE_NPDR,
    *,
    name: str = "eye.jpg",
    eye: Laterality | None = None,
    sha256: str = "cd" * 32,
    status: Status = Status.GRADED,
) -> ScreeningResult:
    """A result with the given grade at 80 %, or with the given status and no grade."""
    graded = status is Status.GRADED and grade is not None
    probabilities = [0.05] * 5
    probabilities[grade or 0] = 0.8
    referable = sum(probabilities[2:])
    expected = float(np.dot(probabilities, range(5)))
    maps = np.random.default_rng(5).random((3, 3, 5)).astype(np.float32)
    first, second, third, fourth, fifth = probabilities
    return ScreeningResult(
        name=name,
        status=status,
        laterality=eye,
        width_px=640,
        height_px=480,
        quality=None
        if status is Status.FAILED
        else QualityReport(graded, 0.9 if graded else 0.1, () if graded else (Defect.BLUR, Defect.DARK)),
        prediction=Prediction((first, second, third, fourth, fifth), expected, referable, maps) if graded else None,
        decision=Decision(
            grade, referable >= THRESHOLD, THRESHOLD, find_follow_up(grade, referable=referable >= THRESHOLD)
        )
        if graded and grade is not None
        else None,
        provenance=make_provenance(sha256),
        elapsed_s=0.1,
        error=REFUSAL if status is Status.FAILED else "",
    )


def add_findings(
    result: ScreeningResult,
    *,
    grade_set: tuple[Grade, ...] = (),
    review: tuple[ReviewReason, ...] = (),
    p_oedema_risk: float | None = None,
    seen: Laterality | None = None,
) -> ScreeningResult:
    """Add to a graded result what a model with heads for it says beside the grade."""
    maps = np.random.default_rng(6).random((6, 6, len(LESIONS))).astype(np.float32)
    side = SideFindings(0.9, 1.3 if ReviewReason.UNFAMILIAR in review else 0.4, 0.5, p_oedema_risk, maps)
    return replace(
        result,
        prediction=replace(result.prediction, side=side),
        decision=replace(result.decision, grade_set=grade_set, coverage=0.9 if grade_set else 0.0, review=review),
        seen_laterality=seen,
    )


def read_as(result: ScreeningResult, grade: Grade | None, *, note: str = "") -> ScreeningResult:
    """Add what a person says."""
    return replace(result, reading=Reading(grade, "2026-01-02T03:04:05+00:00", "A. Reader", note))


@cache
def draw_eye(eye: Laterality) -> UInt8Array:
    pixels = draw_fundus(FundusDrawing(320, 240, eye=eye))
    pixels.flags.writeable = False
    return pixels


def make_screening(result: ScreeningResult) -> Screening:
    """Put a drawn photograph beside a result."""
    eye = result.laterality or Laterality.OD
    pixels = draw_eye(eye)
    photograph = FundusPhotograph(pixels, result.name, result.provenance.photograph_sha256, result.laterality, 640, 480)
    field_of_view = find_field_of_view(pixels)
    model_input = prepare_input(photograph, field_of_view, INPUT) if result.prediction else None
    return Screening(result, photograph, field_of_view, model_input)
