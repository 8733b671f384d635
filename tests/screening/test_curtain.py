"""A grade is blind when nobody could have seen the program's, and at no other time."""

import pytest

from dr_core.domain.grades import Grade
from dr_core.domain.reading import Reading
from dr_core.domain.results import ScreeningResult, Status
from dr_core.screening.curtain import Curtain
from tests.made_screenings import make_result

WHEN = "2026-01-02T03:04:05+00:00"
MILD, SEVERE = Reading(Grade.MILD_NPDR, WHEN), Reading(Grade.SEVERE_NPDR, WHEN)


@pytest.fixture
def results() -> list[ScreeningResult]:
    return [make_result(), make_result(status=Status.FAILED), make_result(status=Status.UNGRADABLE)]


def test_an_open_curtain_hides_nothing_and_makes_no_grade_blind(results) -> None:
    curtain = Curtain(closed=False)
    assert curtain.find_hidden(results) == frozenset()
    said = curtain.judge(1, None, MILD)
    assert said is not None
    assert not said.blind


def test_every_answer_is_hidden_until_its_photograph_is_read_but_no_failure(results) -> None:
    curtain = Curtain(closed=True)
    assert curtain.find_hidden(results) == {1, 3}
    said = curtain.judge(1, None, MILD)
    assert said is not None
    assert said.blind
    assert curtain.find_hidden(results) == {3}


def test_name_and_note_leave_a_blind_grade_blind_and_another_grade_does_not(results) -> None:
    curtain = Curtain(closed=True)
    first = curtain.judge(1, None, MILD)
    named = curtain.judge(1, first, Reading(Grade.MILD_NPDR, WHEN, "Anna", "a note"))
    assert named == Reading(Grade.MILD_NPDR, WHEN, "Anna", "a note", blind=True)
    changed = curtain.judge(1, named, SEVERE)
    assert changed is not None
    assert not changed.blind
    back = curtain.judge(1, changed, MILD)
    assert back is not None
    assert not back.blind


def test_what_was_seen_stays_seen_when_a_grade_is_taken_back(results) -> None:
    curtain = Curtain(closed=True)
    first = curtain.judge(1, None, MILD)
    assert curtain.judge(1, first, None) is None
    assert curtain.find_hidden(results) == {3}
    again = curtain.judge(1, None, MILD)
    assert again is not None
    assert not again.blind


def test_a_claim_to_be_blind_is_not_believed() -> None:
    said = Curtain(closed=False).judge(1, None, Reading(Grade.NO_DR, WHEN, blind=True))
    assert said is not None
    assert not said.blind
