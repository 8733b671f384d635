"""One photograph's result as JSON, for other programs; numbers are not rounded, nothing is left out."""

import json
from dataclasses import asdict
from typing import Any

from dr_core.domain.guideline import UNGRADABLE_ADVICE
from dr_core.domain.intended_use import INTENDED_USE, MACULAR_OEDEMA_NOTE, NOT_VALIDATED_NOTE
from dr_core.domain.results import Decision, Prediction, QualityReport, ScreeningResult, Status

__all__ = ["JSON_SCHEMA_VERSION", "format_json"]

JSON_SCHEMA_VERSION = 1


def format_json(result: ScreeningResult) -> str:
    """Return `result` as an indented JSON object in ASCII; what does not exist is null."""
    document = {
        "schema": JSON_SCHEMA_VERSION,
        "file": result.name,
        "status": result.status.value,
        "eye": result.laterality.value if result.laterality else None,
        "width": result.width_px or None,
        "height": result.height_px or None,
        "quality": _format_quality(result.quality) if result.quality else None,
        "prediction": _format_prediction(result.prediction) if result.prediction else None,
        "decision": _format_decision(result.decision) if result.decision else None,
        "advice": UNGRADABLE_ADVICE if result.status is Status.UNGRADABLE else None,
        "error": result.error or None,
        "provenance": asdict(result.provenance),
        "seconds": round(float(result.elapsed_s), 3),
        "intended_use": INTENDED_USE,
        "notes": [MACULAR_OEDEMA_NOTE, NOT_VALIDATED_NOTE],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _format_quality(quality: QualityReport) -> dict[str, Any]:
    return {
        "gradable": bool(quality.gradable),
        "score": float(quality.score),
        "defects": [{"defect": defect.value, "advice": defect.advice} for defect in quality.defects],
    }


def _format_prediction(prediction: Prediction) -> dict[str, Any]:
    return {
        "p_grade": [float(probability) for probability in prediction.probabilities],
        "expected_grade": float(prediction.expected_grade),
        "p_referable": float(prediction.p_referable),
    }


def _format_decision(decision: Decision) -> dict[str, Any]:
    return {
        "grade": int(decision.grade),
        "grade_name": decision.grade.label,
        "finding": decision.grade.finding,
        "referable": bool(decision.referable),
        "referable_threshold": float(decision.referable_threshold),
        "follow_up": {**asdict(decision.follow_up), "text": decision.follow_up.text},
    }
