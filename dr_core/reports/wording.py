"""Sentences about a result that the Screen page and the PDF report share, so that both say the same."""

import unicodedata
from dataclasses import dataclass

from dr_core.domain.guideline import UNGRADABLE_ADVICE
from dr_core.domain.intended_use import MACULAR_OEDEMA_NOTE, NOT_VALIDATED_NOTE, OEDEMA_RISK_NOTE
from dr_core.domain.operating_point import LocalOperatingPoint, Proportion
from dr_core.domain.photograph import Laterality
from dr_core.domain.results import (
    Decision,
    Prediction,
    Provenance,
    QualityReport,
    ReviewReason,
    ScreeningResult,
    Status,
)
from dr_core.domain.second_look import may_be_referable, needs_reader, shows_oedema_risk
from dr_core.reports.palette import Signal
from dr_core.screening.visit import VisitOutcome

__all__ = [
    "HEATMAP_LIMITS",
    "VISIT_SIGNALS",
    "Referral",
    "Signal",
    "clean_text",
    "describe_eye",
    "describe_follow_up",
    "describe_grade",
    "describe_grade_set",
    "describe_oedema",
    "describe_operating_point",
    "describe_provenance",
    "describe_quality",
    "describe_referral",
    "describe_review",
    "name_eye",
]

HEATMAP_LIMITS = "A map shows where the network looked, not what is wrong there. Read the photograph, not the map."
MAX_NAME_LENGTH = 120
ELLIPSIS = "\u2026"


VISIT_SIGNALS = {
    VisitOutcome.REFER: Signal.STOP,
    VisitOutcome.RETAKE_OR_REFER: Signal.CAUTION,
    VisitOutcome.NEEDS_READER: Signal.CAUTION,
    VisitOutcome.RESCREEN: Signal.GO,
}

_REVIEW_WORDS = {
    ReviewReason.WIDE_SET: "several grades fit it",
    ReviewReason.UNFAMILIAR: "it is unlike the photographs that the model learned from",
}


@dataclass(frozen=True)
class Referral:
    """Answer to "referable or not" for one photograph.

    Attributes:
        signal: lamp to light.
        headline: the answer in a few words.
        detail: where the answer comes from, or what to do.
        warning: why a person should read the photograph; empty when nothing asks for it.
    """

    signal: Signal
    headline: str
    detail: str
    warning: str = ""


def describe_referral(result: ScreeningResult) -> Referral:
    """Put the referral decision of one photograph into words."""
    if result.status is Status.FAILED:
        return Referral(Signal.CAUTION, "Not graded", result.error)
    if result.decision is None or result.prediction is None:
        return Referral(Signal.CAUTION, "Retake or refer", f"Not graded. {UNGRADABLE_ADVICE}.")
    decision, score = result.decision, result.prediction.p_referable
    relation = "reaches" if decision.referable else "stays below"
    origin = "this clinic's own" if decision.operating_point else "frozen on validation data"
    detail = (
        f"Probability of referable DR {score:.2f} {relation} the operating point {decision.referable_threshold:.2f}, "
        f"{origin}."
    )
    if conflict := _describe_conflict(decision):
        detail = f"{detail} {conflict}"
    warning = describe_review(result)
    reader = "; needs a reader" if warning else ""
    if decision.referable:
        return Referral(Signal.STOP, f"Referable DR: yes{reader}", detail, warning)
    if decision.follow_up.refer:
        return Referral(Signal.CAUTION, f"Referable DR: no at the operating point{reader}", detail, warning)
    return Referral(Signal.CAUTION if warning else Signal.GO, f"Referable DR: no{reader}", detail, warning)


def describe_follow_up(result: ScreeningResult) -> tuple[str, str]:
    """Return the heading and the guideline's sentence on what to do next; both empty without a grade."""
    if result.decision is None:
        return "", ""
    heading = "Follow-up, once a person has confirmed the grade" if needs_reader(result) else "Follow-up"
    return heading, f"{result.decision.follow_up.text}."


def describe_review(result: ScreeningResult) -> str:
    """Say why a person should read the photograph; an empty string where nothing asks for it."""
    if result.decision is None or not needs_reader(result):
        return ""
    reasons = [_REVIEW_WORDS[reason] for reason in result.decision.review]
    if may_be_referable(result):
        reasons.append(f"it could be {_lower_first(max(result.decision.grade_set).label)}, which is referable")
    if shows_oedema_risk(result):
        reasons.append("hard exudates near the fovea are likely")
    return f"Have a person read this photograph: {', and '.join(reasons)}."


def describe_grade_set(decision: Decision) -> str:
    """Say which grades fit the photograph, and how far that can be relied on; empty for a model without grade sets."""
    if not decision.grade_set:
        return ""
    first, last = min(decision.grade_set), max(decision.grade_set)
    which = f"Grade {first:d} alone fits" if first == last else f"Grades {first:d} to {last:d} fit"
    return f"{which} this photograph; {decision.coverage:.0%} of readers' grades fall in such a range."


def describe_oedema(result: ScreeningResult) -> str:
    """Say what the photograph shows of the signs of macular oedema, or that nobody looked."""
    side = result.prediction.side if result.prediction else None
    if result.decision is None or side is None or side.p_oedema_risk is None:
        return MACULAR_OEDEMA_NOTE
    finding = "likely" if shows_oedema_risk(result) else "not seen"
    return f"{OEDEMA_RISK_NOTE.removesuffix('.')}: {finding} (probability {side.p_oedema_risk:.2f})."


def describe_operating_point(result: ScreeningResult, point: LocalOperatingPoint | None = None) -> str:
    """Say what is known of the threshold at this clinic.

    Args:
        result: whose decision names the operating point.
        point: the clinic's operating point in use; its figures are quoted where the decision rests on it.
    """
    label = result.decision.operating_point if result.decision else ""
    if not label:
        return NOT_VALIDATED_NOTE
    if point is None or point.label != label:
        return f"Operating point {clean_text(label)}, measured on this clinic's photographs."
    return (
        f"Operating point {clean_text(label)}, measured on {point.graded_count:,} of this clinic's photographs: "
        f"sensitivity {_format_share(point.sensitivity)}, specificity {_format_share(point.specificity)}."
    )


def describe_eye(result: ScreeningResult) -> str:
    """Say where the photograph itself speaks of another eye than its name or the user, or of one that nobody named."""
    seen = result.seen_laterality
    if seen is None or seen is result.laterality:
        return ""
    looks = f"looks like a {_lower_first(seen.label)}"
    if result.laterality is None:
        return f"It is not stated which eye this is; the photograph {looks}."
    return (
        f"Marked as the {_lower_first(result.laterality.label)}, but the photograph {looks}: check which eye it is, "
        "and that the photograph belongs to this patient."
    )


def describe_grade(decision: Decision, prediction: Prediction) -> str:
    """Say how the grade came about where the bars alone would mislead; else return an empty string."""
    if max(prediction.probabilities) == prediction.probabilities[decision.grade]:
        return ""
    return (
        "The grade is the highest that the eye more likely reaches than not, over all five probabilities, so it need "
        "not be the longest bar."
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


def _format_share(share: Proportion) -> str:
    return f"{share.value:.0%} ({share.low:.0%} to {share.high:.0%})"


def _lower_first(text: str) -> str:
    return text[0].lower() + text[1:]
