"""Sentences about a result that the Screen page and the PDF report share, so that both say the same."""

import unicodedata
from dataclasses import dataclass

from dr_core.domain.guideline import UNGRADABLE_ADVICE
from dr_core.domain.photograph import Laterality
from dr_core.domain.results import Decision, Prediction, Provenance, QualityReport, ScreeningResult, Status
from dr_core.reports.palette import Signal
from dr_core.screening.visit import VisitOutcome

__all__ = [
    "HEATMAP_LIMITS",
    "VISIT_SIGNALS",
    "Referral",
    "Signal",
    "clean_text",
    "describe_grade",
    "describe_provenance",
    "describe_quality",
    "describe_referral",
    "name_eye",
]

HEATMAP_LIMITS = "A map shows where the network looked, not what is wrong there. Read the photograph, not the map."
MAX_NAME_LENGTH = 120
ELLIPSIS = "\u2026"


VISIT_SIGNALS = {
    VisitOutcome.REFER: Signal.STOP,
    VisitOutcome.RETAKE_OR_REFER: Signal.CAUTION,
    VisitOutcome.RESCREEN: Signal.GO,
}


@dataclass(frozen=True)
class Referral:
    """Answer to "referable or not" for one photograph.

    Attributes:
        signal: lamp to light.
        headline: the answer in a few words.
        detail: where the answer comes from, or what to do.
    """

    signal: Signal
    headline: str
    detail: str


def describe_referral(result: ScreeningResult) -> Referral:
    """Put the referral decision of one photograph into words."""
    if result.status is Status.FAILED:
        return Referral(Signal.CAUTION, "Not graded", result.error)
    if result.decision is None or result.prediction is None:
        return Referral(Signal.CAUTION, "Retake or refer", f"Not graded. {UNGRADABLE_ADVICE}.")
    decision, score = result.decision, result.prediction.p_referable
    relation = "reaches" if decision.referable else "stays below"
    detail = (
        f"Probability of referable DR {score:.2f} {relation} the operating point {decision.referable_threshold:.2f}, "
        "frozen on validation data."
    )
    if conflict := _describe_conflict(decision):
        detail = f"{detail} {conflict}"
    if decision.referable:
        return Referral(Signal.STOP, "Referable DR: yes", detail)
    if decision.follow_up.refer:
        return Referral(Signal.CAUTION, "Referable DR: no at the operating point", detail)
    return Referral(Signal.GO, "Referable DR: no", detail)


def describe_grade(decision: Decision, prediction: Prediction) -> str:
    """Say how the grade came about where the bars alone would mislead; else return an empty string."""
    if max(prediction.probabilities) == prediction.probabilities[decision.grade]:
        return ""
    return (
        f"The grade weighs all five probabilities (expected grade {prediction.expected_grade:.1f}), so it need not be "
        "the longest bar."
    )


def describe_quality(quality: QualityReport) -> str:
    """Say in one sentence whether the photograph can be graded, and what is wrong with it."""
    defects = ", ".join(defect.value for defect in quality.defects)
    if quality.gradable:
        return f"Gradable, but watch for: {defects}." if defects else "Gradable. No defect found."
    return f"Ungradable: {defects}." if defects else "Ungradable: the small vessels cannot be made out."


def describe_provenance(provenance: Provenance) -> tuple[tuple[str, str], ...]:
    """Return (label, value) lines that tell which bytes went through which model, and when."""
    return (
        ("Photograph SHA-256", provenance.photograph_sha256 or "not read"),
        ("Model", provenance.model_name or "not reached"),
        ("Model SHA-256", provenance.model_sha256 or "not reached"),
        ("Preprocessing", provenance.preprocessing_version or "not reached"),
        ("RetinaDesk", provenance.package_version),
        ("Processed (UTC)", provenance.created_utc),
    )


def name_eye(laterality: Laterality | None) -> str:
    """Return ``Right eye (OD)``, ``Left eye (OS)`` or ``Eye not stated``."""
    return laterality.label if laterality else "Eye not stated"


def clean_text(text: str, *, max_length: int = MAX_NAME_LENGTH) -> str:
    """Make untrusted text, such as a file name, safe to print on one line.

    Control characters and the marks that turn the writing direction (they can disguise a name) are dropped, white
    space is folded, and a long text is shortened in its middle, so that its ending stays visible.

    Args:
        text: anything a user may have typed.
        max_length: longest text returned, at least 3 characters.
    """
    if max_length < 3:
        raise ValueError(f"`max_length` must be at least 3. Received: max_length={max_length}")
    folded = " ".join(text.split())
    printable = "".join(char for char in folded if unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    if len(printable) <= max_length:
        return printable
    tail = (max_length - 1) // 2
    return printable[: max_length - 1 - tail] + ELLIPSIS + printable[-tail:]


def _describe_conflict(decision: Decision) -> str:
    if decision.referable and not decision.grade.referable:
        return (
            f"The grade, {decision.grade.label}, lies below referable all the same: grade this photograph by eye, and "
            "refer in doubt."
        )
    if not decision.referable and decision.grade.referable:
        return (
            f"The grade, {decision.grade.label}, is referable all the same: grade this photograph by eye, and refer in "
            "doubt."
        )
    return ""
