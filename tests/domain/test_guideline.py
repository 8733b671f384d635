"""Follow-up is quoted from the ICO 2017 guideline, with its name, and never more urgent or less than printed there."""

import pytest

from dr_core.domain.grades import Grade
from dr_core.domain.guideline import UNGRADABLE_ADVICE, find_follow_up
from dr_core.domain.intended_use import INTENDED_USE, MACULAR_OEDEMA_NOTE, NOT_FOR


@pytest.mark.parametrize(
    ("grade", "interval"),
    [(0, "1-2 years"), (1, "6-12 months"), (2, "3-6 months"), (3, "less than 3 months"), (4, "less than 1 month")],
)
def test_intervals_are_those_of_the_guideline(grade, interval):
    follow_up = find_follow_up(Grade(grade))
    assert follow_up.interval.endswith(interval)
    assert "ICO 2017" in follow_up.guideline
    assert "PMC6202564" in follow_up.source


@pytest.mark.parametrize("grade", list(Grade))
def test_referral_begins_with_referable_retinopathy(grade):
    follow_up = find_follow_up(grade)
    assert follow_up.refer == grade.referable
    assert follow_up.text.startswith("Refer" if grade.referable else "Re-screen")
    assert follow_up.interval in follow_up.text
    assert follow_up.guideline in follow_up.text


@pytest.mark.parametrize("grade", list(Grade))
def test_an_eye_that_is_referred_is_never_booked_for_another_screening(grade):
    follow_up = find_follow_up(grade, referable=True)
    assert follow_up.refer
    assert follow_up == find_follow_up(max(grade, Grade.MODERATE_NPDR))


def test_no_advice_prescribes_a_treatment():
    texts = [find_follow_up(grade).text for grade in Grade] + [UNGRADABLE_ADVICE]
    assert not [text for text in texts if any(word in text.lower() for word in ("laser", "inject", "surgery"))]


def test_an_ungradable_eye_is_retaken_or_referred():
    assert "Retake" in UNGRADABLE_ADVICE
    assert "refer" in UNGRADABLE_ADVICE


def test_intended_use_says_what_the_tool_is_not():
    assert "not a diagnosis" in INTENDED_USE
    assert "not a regulated medical device" in INTENDED_USE
    assert "macular oedema" in NOT_FOR
    assert "not assessed" in MACULAR_OEDEMA_NOTE
