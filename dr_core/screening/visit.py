"""Both eyes of one visit: the worse eye decides what happens to the patient."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from dr_core.domain.grades import Grade
from dr_core.domain.guideline import UNGRADABLE_ADVICE, FollowUp
from dr_core.domain.photograph import Laterality
from dr_core.domain.results import ScreeningResult, Status
from dr_core.domain.second_look import is_referred, needs_reader, needs_second_reader
from dr_core.screening.pipeline import Screening

__all__ = ["Visit", "VisitOutcome", "rank_eye", "state_eye", "summarise_visit"]

EYES = 2
_RANKS = {Laterality.OD: 0, Laterality.OS: 1, None: 2}


class VisitOutcome(StrEnum):
    """What the visit ends with; the value is the headline on the page and in the report."""

    REFER = "Refer"
    RETAKE_OR_REFER = "Retake or refer"
    NEEDS_READER = "Needs a reader"
    RESCREEN = "Re-screen"


@dataclass(frozen=True, eq=False)
class Visit:
    """The eyes of one patient on one day, and what follows from them together.

    Attributes:
        results: one or two results, right eye first where the eyes are known.
        outcome: refer if any eye is referable; else retake or refer if any eye has no grade; else needs a reader if
            any grade should be confirmed by a person, or a reader's by a second one; else re-screen. A reader's grade
            outweighs the program's.
        deciding: the result that the outcome rests on.
        follow_up: the guideline's interval for the deciding eye; None when that eye has no grade.
        concerns: what to check before relying on the summary, one sentence each.
    """

    results: tuple[ScreeningResult, ...]
    outcome: VisitOutcome
    deciding: ScreeningResult
    follow_up: FollowUp | None
    concerns: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The outcome in one or two sentences, as it stands on the page and in the report."""
        eye = _name_eye(self.deciding)
        grade = self.deciding.final_grade
        if all(result.final_grade is None for result in self.results) and len(self.results) == EYES:
            return f"Neither eye has a grade. {UNGRADABLE_ADVICE}."
        if grade is None or self.follow_up is None:
            return f"{eye} has no grade. {UNGRADABLE_ADVICE}."
        by_reader = " by the reader's grade" if self.deciding.reading is not None else ""
        lead = f"The worse eye decides: {_lower_first(eye)}, {grade.label}{by_reader}."
        if len(self.results) < EYES:
            lead = f"{eye} has {_lower_first(grade.label)}{by_reader}."
        follow_up = f"{self.follow_up.text}."
        if self.outcome is VisitOutcome.NEEDS_READER:
            return f"{self._ask_for_reader()} {_lower_first(lead)} {follow_up}"
        return f"{lead} {follow_up}"

    def _ask_for_reader(self) -> str:
        """Say who should look first, for a visit that needs a reader; the concerns say it eye by eye."""
        unread, doubted = (any(map(asks, self.results)) for asks in (needs_reader, needs_second_reader))
        if unread and doubted:
            return "Have each photograph read first, as listed below. Their grades confirmed,"
        who = "a second person" if doubted else "a person"
        if len(self.results) < EYES:
            return f"Have {who} read the photograph first. Its grade confirmed,"
        return f"Have {who} read the photographs first. Their grades confirmed,"


def summarise_visit(results: Sequence[ScreeningResult]) -> Visit:
    """Put the eyes of one visit together.

    An eye without a grade never counts as healthy: without a referable other eye the visit ends in "retake or refer".

    Args:
        results: one or two results of the same patient, in any order.

    Raises:
        ValueError: there are no results, or more than two.
    """
    if not 1 <= len(results) <= EYES:
        raise ValueError(f"A visit has one or two photographs. Received: {len(results)}")
    ordered = tuple(sorted(results, key=rank_eye))
    graded = [(result, result.final_grade) for result in ordered if result.final_grade is not None]
    referable = [pair for pair in graded if is_referred(pair[0])]
    ungraded = [result for result in ordered if result.final_grade is None]
    if referable:
        outcome, deciding = VisitOutcome.REFER, _find_worst(referable)
    elif ungraded:
        outcome, deciding = VisitOutcome.RETAKE_OR_REFER, ungraded[0]
    elif any(needs_reader(result) or needs_second_reader(result) for result in ordered):
        outcome, deciding = VisitOutcome.NEEDS_READER, _find_worst(graded)
    else:
        outcome, deciding = VisitOutcome.RESCREEN, _find_worst(graded)
    return Visit(ordered, outcome, deciding, deciding.final_follow_up, _find_concerns(ordered, outcome))


def rank_eye(result: ScreeningResult) -> int:
    """Key that sorts the right eye first, then the left, then an eye that is not known."""
    return _RANKS[result.laterality]


def state_eye(screening: Screening, laterality: Laterality | None) -> Screening:
    """Return `screening` with the eye that a person stated in place of the one that its name told."""
    photograph = screening.photograph and replace(screening.photograph, laterality=laterality)
    return replace(screening, result=replace(screening.result, laterality=laterality), photograph=photograph)


def _find_worst(graded: Sequence[tuple[ScreeningResult, Grade]]) -> ScreeningResult:
    def severity(pair: tuple[ScreeningResult, Grade]) -> tuple[int, float]:
        result, grade = pair
        return grade, result.prediction.p_referable if result.prediction else 0.0

    return max(graded, key=severity)[0]


def _find_concerns(results: Sequence[ScreeningResult], outcome: VisitOutcome) -> tuple[str, ...]:
    concerns = _check_eyes(*results) if len(results) == EYES else []
    if outcome is VisitOutcome.REFER and any(result.final_grade is None for result in results):
        concerns.append(f"One eye has no grade. {UNGRADABLE_ADVICE}.")
    for result in results:
        eye = _name_eye(result)
        if result.reading is not None and result.reading.grade is None and _would_refer(result):
            concerns.append(f"{eye} was read as ungradable, but the program would refer it.")
        if result.eye_conflict:
            concerns.append(f"{eye} looks like the other eye: check which eye it is.")
        if needs_reader(result):
            concerns.append(f"{eye} needs a reader before anybody relies on its grade.")
        if needs_second_reader(result):
            concerns.append(f"{eye} needs a second reader: its reader would not refer it.")
    return tuple(concerns)


def _check_eyes(first: ScreeningResult, second: ScreeningResult) -> list[str]:
    """Return what speaks against these being the two eyes of one patient."""
    hashes = {result.provenance.photograph_sha256 for result in (first, second)}
    if len(hashes) == 1 and "" not in hashes:
        return ["The same photograph was given twice: the other eye is missing."]
    if first.laterality is not None and first.laterality is second.laterality:
        return [f"Both photographs are marked as {_lower_first(_name_eye(first))}: check which eye is which."]
    # Of a file that could not be read nobody can set the eye.
    if None in (first.laterality, second.laterality) and Status.FAILED not in (first.status, second.status):
        return ["It is not stated which eye each photograph shows: set the eye."]
    return []


def _would_refer(result: ScreeningResult) -> bool:
    return result.decision is not None and result.decision.follow_up.refer


def _name_eye(result: ScreeningResult) -> str:
    if result.laterality is None:
        return "One eye (not stated which)"
    return "The right eye (OD)" if result.laterality is Laterality.OD else "The left eye (OS)"


def _lower_first(text: str) -> str:
    return text[0].lower() + text[1:]
