"""What is to be done about a photograph, in words that the Screen page and the PDF report share.

A reader's grade, where there is one, outweighs the program's.
"""

from dataclasses import dataclass

from dr_core.domain.guideline import UNGRADABLE_ADVICE
from dr_core.domain.quality import Defect
from dr_core.domain.reading import Reading
from dr_core.domain.results import Decision, ReviewReason, ScreeningResult, Status
from dr_core.domain.second_look import (
    is_of_doubtful_quality,
    is_partly_seen,
    is_referred,
    may_be_referable,
    needs_reader,
    needs_second_reader,
    shows_oedema_risk,
)
from dr_core.reports.palette import Signal
from dr_core.reports.wording import clean_text, describe_eye, lower_first
from dr_core.screening.visit import VisitOutcome

__all__ = [
    "VISIT_SIGNALS",
    "Referral",
    "describe_follow_up",
    "describe_reading",
    "describe_referral",
    "describe_review",
    "list_checks",
]

MAX_NOTE_LENGTH = 300

VISIT_SIGNALS = {
    VisitOutcome.REFER: Signal.STOP,
    VisitOutcome.RETAKE_OR_REFER: Signal.CAUTION,
    VisitOutcome.NEEDS_READER: Signal.CAUTION,
    VisitOutcome.RESCREEN: Signal.GO,
}

_REVIEW_WORDS = {
    ReviewReason.WIDE_SET: "several grades fit it",
    ReviewReason.UNFAMILIAR: "it is unlike the photographs that the model learned from",
    ReviewReason.DIVIDED: "its grade and its referral score disagree",
    ReviewReason.CUT_BELOW: "a part of its field is missing at the bottom alone, as where a copy broke off",
    ReviewReason.BLUE: "it shows more blue than green, as hardly any retina does, so that its colours may be mixed up",
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
    if result.reading is not None:
        return _refer_as_read(result, result.reading)
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
    follow_up = result.final_follow_up
    if follow_up is None:
        return "", ""
    if result.reading is not None:
        second = ", once a second reader has confirmed it" if needs_second_reader(result) else ""
        return f"Follow-up by the reader's grade{second}", f"{follow_up.text}."
    heading = "Follow-up, once a person has confirmed the grade" if needs_reader(result) else "Follow-up"
    return heading, f"{follow_up.text}."


def describe_review(result: ScreeningResult) -> str:
    """Say why a person should read the photograph; an empty string where nothing asks for it."""
    if result.decision is None or not needs_reader(result):
        return ""
    reasons = [_REVIEW_WORDS[reason] for reason in result.decision.review]
    if may_be_referable(result):
        reasons.append(f"it could be {lower_first(max(result.decision.grade_set).label)}, which is referable")
    if shows_oedema_risk(result):
        reasons.append("hard exudates near the fovea are likely")
    if is_partly_seen(result) and not is_referred(result):
        blurred = result.quality is not None and Defect.BLUR in result.quality.defects
        reasons.append(f"{'it is blurred' if blurred else 'a part of it is hidden'}, and small lesions may not be seen")
    elif is_of_doubtful_quality(result) and not is_referred(result):
        reasons.append("its quality is doubtful, and small lesions may not be seen")
    return f"Have a person read this photograph: {', and '.join(reasons)}."


def list_checks(result: ScreeningResult) -> list[str]:
    """Return what a person should look at before anybody relies on a result, a sentence each."""
    eye = describe_eye(result) if result.eye_conflict else ""
    second = _ask_second_reader(result) if needs_second_reader(result) else ""
    return [sentence for sentence in (describe_review(result), second, eye) if sentence]


def describe_reading(result: ScreeningResult) -> str:
    """Say who read the photograph as what, and when, beside the program's grade; empty where nobody has."""
    reading = result.reading
    if reading is None:
        return ""
    reader = f" by {clean_text(reading.reader)}" if reading.reader.strip() else ""
    note = f" Note: {clean_text(reading.note, max_length=MAX_NOTE_LENGTH)}" if reading.note.strip() else ""
    when = reading.read_utc[:16].replace("T", " ")
    return f"Read as {lower_first(reading.label)}{reader}, {when} UTC. {_compare(result, reading)}{note}"


def _compare(result: ScreeningResult, reading: Reading) -> str:
    if result.decision is None:
        return "The program gave no grade."
    grade = result.decision.grade
    if grade is not reading.grade:
        return f"The program's grade is {grade:d} {grade.label}."
    if result.decision.referable and not grade.referable:
        return "The program's grade is the same, but its score reaches the referral threshold."
    return "The program agrees."


def _refer_as_read(result: ScreeningResult, reading: Reading) -> Referral:
    """Return what a reader's grade means; it outweighs the program's, but one that would miss an eye is not alone."""
    detail = describe_reading(result)
    if reading.grade is None:
        return Referral(Signal.CAUTION, "Retake or refer", f"{detail} {UNGRADABLE_ADVICE}.", _keep_urgency(result))
    if reading.grade.referable:
        return Referral(Signal.STOP, "Referable DR: yes, by the reader's grade", detail)
    headline = "Referable DR: no, by the reader's grade"
    if needs_second_reader(result):
        return Referral(Signal.CAUTION, f"{headline}; needs a second reader", detail, _ask_second_reader(result))
    return Referral(Signal.GO, headline, detail)


def _keep_urgency(result: ScreeningResult) -> str:
    """Return what the program's grade asks for where a reader could give none; empty where it would not refer."""
    decision = result.decision
    if decision is None or not decision.follow_up.refer:
        return ""
    return f"By the program's grade, {decision.grade.label}: {lower_first(decision.follow_up.text)}."


def _ask_second_reader(result: ScreeningResult) -> str:
    decision = result.decision
    if decision is None:
        reason = "the program found it ungradable"
    elif decision.follow_up.refer:
        reason = "the program would refer this eye"
    else:
        reason = "hard exudates near the fovea are likely"
    return f"Have a second person read this photograph: {reason}."


def _describe_conflict(decision: Decision) -> str:
    if decision.referable and not decision.grade.referable:
        return (
            f"The grade, {decision.grade.label}, lies below referable all the same: grade this photograph by eye, and "
            "refer in doubt. The follow-up is that of moderate NPDR."
        )
    if not decision.referable and decision.grade.referable:
        return (
            f"The grade, {decision.grade.label}, is referable all the same: grade this photograph by eye, and refer in "
            "doubt."
        )
    return ""
