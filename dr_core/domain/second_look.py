"""What speaks for a person's look at a photograph, or for a second person's, beside the grade itself."""

from dr_core.domain.quality import Defect
from dr_core.domain.results import ScreeningResult

__all__ = [
    "is_of_doubtful_quality",
    "is_partly_seen",
    "is_referred",
    "may_be_referable",
    "needs_reader",
    "needs_second_reader",
    "shows_oedema_risk",
]

# P(hard exudates near the fovea) from which they are called likely.
OEDEMA_LIKELY = 0.5
# Quality score below which a gradable photograph is doubtful: on `val`, of the photographs that nothing else sends to a
# reader, 6 of 322 lie below it, and 3 of the 12 among them that readers called ungradable.
DOUBTFUL_SCORE = 0.5


def is_referred(result: ScreeningResult) -> bool:
    """Whether the eye is to be seen by an ophthalmologist: by the reader's grade where there is one."""
    if result.reading is not None:
        return result.reading.grade is not None and result.reading.grade.referable
    return result.decision is not None and result.decision.follow_up.refer


def needs_reader(result: ScreeningResult) -> bool:
    """Whether a person should read a graded photograph before anybody relies on its grade; nobody has so far.

    Likely exudates near the fovea, a grade set that reaches referable disease, blur, which hides small lesions, hidden
    parts and doubtful quality ask for it only where the eye would not be referred anyway.
    """
    decision = result.decision
    if decision is None or result.reading is not None:
        return False
    doubtful = shows_oedema_risk(result) or is_partly_seen(result) or is_of_doubtful_quality(result)
    return bool(decision.review) or may_be_referable(result) or (doubtful and not is_referred(result))


def needs_second_reader(result: ScreeningResult) -> bool:
    """Whether a reader would not refer an eye that the program would, found ungradable, or saw signs near the fovea of.

    The other way round nobody is missed, and an eye that the reader cannot grade is photographed again or referred.
    """
    reading, decision = result.reading, result.decision
    if reading is None or reading.grade is None or reading.grade.referable:
        return False
    return decision is None or decision.follow_up.refer or shows_oedema_risk(result)


def may_be_referable(result: ScreeningResult) -> bool:
    """Whether a graded photograph is not referred although a referable grade is among those that fit it."""
    decision = result.decision
    if decision is None or is_referred(result):
        return False
    return any(grade.referable for grade in decision.grade_set)


def is_partly_seen(result: ScreeningResult) -> bool:
    """Whether the photograph was graded although it is blurred, or a part of the retina is hidden."""
    if result.decision is None or result.quality is None:
        return False
    return not {Defect.BLUR, Defect.OBSTRUCTION}.isdisjoint(result.quality.defects)


def is_of_doubtful_quality(result: ScreeningResult) -> bool:
    """Whether the photograph was graded although it hardly passed the quality gate, whatever is wrong with it."""
    return result.decision is not None and result.quality is not None and result.quality.score < DOUBTFUL_SCORE


def shows_oedema_risk(result: ScreeningResult) -> bool:
    """Whether the photograph was graded and hard exudates near the fovea are likely on it."""
    side = result.prediction.side if result.prediction else None
    if result.decision is None or side is None or side.p_oedema_risk is None:
        return False
    return side.p_oedema_risk >= OEDEMA_LIKELY
