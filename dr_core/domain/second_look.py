"""What speaks for a person's look at a photograph, beside the grade itself."""

from dr_core.domain.results import ScreeningResult

__all__ = ["may_be_referable", "needs_reader", "shows_oedema_risk"]

# P(hard exudates near the fovea) from which they are called likely.
OEDEMA_LIKELY = 0.5


def needs_reader(result: ScreeningResult) -> bool:
    """Whether a person should read a graded photograph before anybody relies on its grade.

    Likely exudates near the fovea, and a grade set that reaches referable disease, ask for it only where the eye would
    not be referred anyway.
    """
    decision = result.decision
    if decision is None:
        return False
    referred = decision.referable or decision.follow_up.refer
    return bool(decision.review) or may_be_referable(result) or (shows_oedema_risk(result) and not referred)


def may_be_referable(result: ScreeningResult) -> bool:
    """Whether a graded photograph is not referred although a referable grade is among those that fit it."""
    decision = result.decision
    if decision is None or decision.referable or decision.follow_up.refer:
        return False
    return any(grade.referable for grade in decision.grade_set)


def shows_oedema_risk(result: ScreeningResult) -> bool:
    """Whether the photograph was graded and hard exudates near the fovea are likely on it."""
    side = result.prediction.side if result.prediction else None
    if result.decision is None or side is None or side.p_oedema_risk is None:
        return False
    return side.p_oedema_risk >= OEDEMA_LIKELY
