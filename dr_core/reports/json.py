"""One photograph's result as JSON, for other programs; numbers are not rounded, and the maps alone are left out."""

import json
from dataclasses import asdict
from typing import Any

from dr_core.domain.guideline import UNGRADABLE_ADVICE
from dr_core.domain.intended_use import INTENDED_USE
from dr_core.domain.operating_point import LocalOperatingPoint
from dr_core.domain.quality import QualityReport
from dr_core.domain.reading import UNGRADABLE_LABEL, Reading
from dr_core.domain.results import Decision, Prediction, ScreeningResult, SideFindings, Status
from dr_core.domain.second_look import needs_reader, needs_second_reader
from dr_core.reports.referral import list_checks
from dr_core.reports.wording import describe_oedema, describe_operating_point

__all__ = ["JSON_SCHEMA_VERSION", "format_json"]

JSON_SCHEMA_VERSION = 4


def format_json(result: ScreeningResult, operating_point: LocalOperatingPoint | None = None) -> str:
    """Return `result` as an indented JSON object in ASCII; what does not exist is null.

    Args:
        result: one photograph's.
        operating_point: the clinic's own in use; its figures are quoted where the decision rests on it.
    """
    document = {
        "schema": JSON_SCHEMA_VERSION,
        "file": result.name,
        "status": result.status.value,
        "eye": result.laterality.value if result.laterality else None,
        "eye_seen": result.seen_laterality.value if result.seen_laterality else None,
        "eye_conflict": result.eye_conflict,
        "width": result.width_px or None,
        "height": result.height_px or None,
        "quality": _format_quality(result.quality) if result.quality else None,
        "prediction": _format_prediction(result.prediction) if result.prediction else None,
        "decision": _format_decision(result.decision) if result.decision else None,
        "needs_reader": needs_reader(result),
        "checks": list_checks(result),
        "reading": _format_reading(result, result.reading) if result.reading else None,
        "advice": UNGRADABLE_ADVICE if result.final_grade is None and result.status is not Status.FAILED else None,
        "error": result.error or None,
        "provenance": asdict(result.provenance),
        "seconds": round(float(result.elapsed_s), 3),
        "intended_use": INTENDED_USE,
        "notes": [
            note for note in (describe_oedema(result), describe_operating_point(result, operating_point)) if note
        ],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _format_reading(result: ScreeningResult, reading: Reading) -> dict[str, Any]:
    follow_up = result.final_follow_up
    return {
        "grade": None if reading.grade is None else int(reading.grade),
        "grade_name": UNGRADABLE_LABEL if reading.grade is None else reading.grade.label,
        "referable": None if reading.grade is None else reading.grade.referable,
        "agrees": reading.grade == (result.decision.grade if result.decision else None),
        "needs_second_reader": needs_second_reader(result),
        "follow_up": {**asdict(follow_up), "text": follow_up.text} if follow_up else None,
        "reader": reading.reader or None,
        "note": reading.note or None,
        "read_utc": reading.read_utc,
        "read_blind": reading.blind,
    }


def _format_quality(quality: QualityReport) -> dict[str, Any]:
    return {
        "gradable": bool(quality.gradable),
        "score": float(quality.score),
        "defects": [{"defect": defect.value, "advice": defect.advice} for defect in quality.defects],
        "hidden_share": None if quality.hidden_share is None else float(quality.hidden_share),
    }


def _format_prediction(prediction: Prediction) -> dict[str, Any]:
    return {
        "p_grade": [float(probability) for probability in prediction.probabilities],
        "expected_grade": float(prediction.expected_grade),
        "p_referable": float(prediction.p_referable),
        "side": _format_side(prediction.side) if prediction.side else None,
    }


def _format_side(side: SideFindings) -> dict[str, Any]:
    return {
        "p_gradable": float(side.p_gradable),
        "unfamiliarity": float(side.unfamiliarity),
        "p_right_eye": float(side.p_right_eye),
        "p_oedema_risk": None if side.p_oedema_risk is None else float(side.p_oedema_risk),
    }


def _format_decision(decision: Decision) -> dict[str, Any]:
    return {
        "grade": int(decision.grade),
        "grade_name": decision.grade.label,
        "finding": decision.grade.finding,
        "referable": bool(decision.referable),
        "referable_threshold": float(decision.referable_threshold),
        "grade_set": [int(grade) for grade in decision.grade_set],
        "coverage": float(decision.coverage) if decision.grade_set else None,
        "review": [reason.value for reason in decision.review],
        "operating_point": decision.operating_point or None,
        "follow_up": {**asdict(decision.follow_up), "text": decision.follow_up.text},
    }
