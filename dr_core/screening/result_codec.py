"""Screening results as plain JSON values and back, exactly: for the journal, not for other programs."""

from dataclasses import asdict
from typing import Any

import numpy as np

from dr_core.domain.grades import GRADE_COUNT, Grade
from dr_core.domain.guideline import find_follow_up
from dr_core.domain.photograph import Laterality
from dr_core.domain.quality import Defect, QualityReport
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

__all__ = ["decode_result", "encode_result"]


def encode_result(result: ScreeningResult) -> dict[str, Any]:
    """Return `result` as plain JSON values, exactly, without class maps and lesion maps."""
    prediction, decision = result.prediction, result.decision
    return {
        "name": result.name,
        "status": result.status.value,
        "laterality": result.laterality.value if result.laterality else None,
        "width_px": int(result.width_px),
        "height_px": int(result.height_px),
        "quality": _encode_quality(result.quality) if result.quality else None,
        "prediction": _encode_prediction(prediction) if prediction else None,
        "decision": _encode_decision(decision) if decision else None,
        "provenance": asdict(result.provenance),
        "elapsed_s": float(result.elapsed_s),
        "error": result.error,
        "seen_laterality": result.seen_laterality.value if result.seen_laterality else None,
    }


def decode_result(data: dict[str, Any]) -> ScreeningResult:
    """Return the result that `encode_result` was given, with empty maps."""
    quality, prediction, decision = data["quality"], data["prediction"], data["decision"]
    return ScreeningResult(
        name=data["name"],
        status=Status(data["status"]),
        laterality=Laterality(data["laterality"]) if data["laterality"] else None,
        width_px=data["width_px"],
        height_px=data["height_px"],
        quality=_decode_quality(quality) if quality else None,
        prediction=_decode_prediction(prediction) if prediction else None,
        decision=_decode_decision(decision) if decision else None,
        provenance=Provenance(**data["provenance"]),
        elapsed_s=data["elapsed_s"],
        error=data["error"],
        seen_laterality=Laterality(data["seen_laterality"]) if data["seen_laterality"] else None,
    )


def _encode_quality(quality: QualityReport) -> list[Any]:
    hidden = None if quality.hidden_share is None else float(quality.hidden_share)
    return [bool(quality.gradable), float(quality.score), [defect.value for defect in quality.defects], hidden]


def _decode_quality(values: list[Any]) -> QualityReport:
    gradable, score, defects, hidden_share = values
    return QualityReport(gradable, score, tuple(Defect(defect) for defect in defects), hidden_share)


def _encode_prediction(prediction: Prediction) -> list[Any]:
    # JSON knows no NumPy scalars.
    return [
        [float(p) for p in prediction.probabilities],
        float(prediction.expected_grade),
        float(prediction.p_referable),
        _encode_side(prediction.side) if prediction.side else None,
    ]


def _decode_prediction(values: list[Any]) -> Prediction:
    (none, mild, moderate, severe, proliferative), expected_grade, p_referable, side = values
    maps = np.zeros((0, 0, GRADE_COUNT), dtype=np.float32)
    found = _decode_side(side) if side else None
    return Prediction((none, mild, moderate, severe, proliferative), expected_grade, p_referable, maps, found)


def _encode_side(side: SideFindings) -> list[float | None]:
    oedema = None if side.p_oedema_risk is None else float(side.p_oedema_risk)
    return [float(side.p_gradable), float(side.unfamiliarity), float(side.p_right_eye), oedema]


def _decode_side(values: list[Any]) -> SideFindings:
    p_gradable, unfamiliarity, p_right_eye, p_oedema_risk = values
    maps = np.zeros((0, 0, len(LESIONS)), dtype=np.float32)
    return SideFindings(p_gradable, unfamiliarity, p_right_eye, p_oedema_risk, maps)


def _encode_decision(decision: Decision) -> list[Any]:
    return [
        int(decision.grade),
        bool(decision.referable),
        float(decision.referable_threshold),
        [int(grade) for grade in decision.grade_set],
        float(decision.coverage),
        [reason.value for reason in decision.review],
        decision.operating_point,
    ]


def _decode_decision(values: list[Any]) -> Decision:
    grade, referable, threshold, grade_set, coverage, review, operating_point = values
    return Decision(
        Grade(grade),
        referable,
        threshold,
        find_follow_up(Grade(grade), referable=referable),
        grade_set=tuple(Grade(item) for item in grade_set),
        coverage=coverage,
        review=tuple(ReviewReason(reason) for reason in review),
        operating_point=operating_point,
    )
