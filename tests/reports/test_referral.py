"""What is to be done, in words: the lamp never contradicts them, and a reader's grade outweighs the program's."""

from dataclasses import replace

import pytest

from dr_core.domain.grades import Grade
from dr_core.domain.reading import Reading
from dr_core.domain.results import ReviewReason, Status
from dr_core.reports.palette import Signal
from dr_core.reports.referral import describe_follow_up, describe_reading, describe_referral, describe_review
from tests.made_screenings import REFUSAL, add_findings, make_result, read_as


@pytest.mark.parametrize("grade", list(Grade))
def test_lamp_and_words_say_the_same(grade):
    referral = describe_referral(make_result(grade))
    assert referral.signal is (Signal.STOP if grade.referable else Signal.GO)
    assert referral.headline == f"Referable DR: {'yes' if grade.referable else 'no'}"
    assert "0.42" in referral.detail


def test_without_a_grade_the_lamp_is_amber_and_never_green():
    referral = describe_referral(make_result(status=Status.UNGRADABLE))
    assert referral.signal is Signal.CAUTION
    assert referral.headline == "Retake or refer"


def test_a_refusal_quotes_its_reason():
    assert describe_referral(make_result(status=Status.FAILED)).detail == REFUSAL


@pytest.mark.parametrize(("grade", "referable"), [(Grade.MILD_NPDR, True), (Grade.SEVERE_NPDR, False)])
def test_grade_and_score_that_disagree_never_get_a_green_lamp(grade, referable):
    result = make_result(grade)
    referral = describe_referral(replace(result, decision=replace(result.decision, referable=referable)))
    assert referral.signal is not Signal.GO
    assert "grade this photograph by eye" in referral.detail


@pytest.mark.parametrize("reason", list(ReviewReason))
@pytest.mark.parametrize("grade", list(Grade))
def test_a_photograph_that_needs_a_reader_never_gets_a_green_lamp_and_says_why(grade, reason):
    result = add_findings(make_result(grade), review=(reason,))
    referral = describe_referral(result)
    assert referral.signal is not Signal.GO
    assert referral.headline.endswith("; needs a reader")
    assert referral.warning.startswith("Have a person read this photograph: ")
    heading, sentence = describe_follow_up(result)
    assert heading == "Follow-up, once a person has confirmed the grade"
    assert sentence == f"{result.decision.follow_up.text}."


@pytest.mark.parametrize("grades", [(0, 1, 2), (1, 2)])
def test_a_grade_set_that_reaches_referable_disease_takes_the_green_lamp_away(grades):
    result = add_findings(make_result(Grade.MILD_NPDR), grade_set=tuple(map(Grade, grades)))
    referral = describe_referral(result)
    assert referral.signal is Signal.CAUTION
    assert referral.headline == "Referable DR: no; needs a reader"
    assert referral.warning == "Have a person read this photograph: it could be moderate NPDR, which is referable."


def test_the_lamp_is_green_where_the_whole_grade_set_lies_below_referable_disease():
    result = add_findings(make_result(Grade.MILD_NPDR), grade_set=(Grade.NO_DR, Grade.MILD_NPDR))
    assert describe_referral(result).signal is Signal.GO


def test_likely_exudates_near_the_fovea_ask_for_a_reader_where_the_eye_would_not_be_referred():
    result = add_findings(make_result(Grade.MILD_NPDR), p_oedema_risk=0.7)
    assert describe_referral(result).signal is Signal.CAUTION
    assert "hard exudates near the fovea are likely" in describe_review(result)
    assert describe_review(add_findings(make_result(Grade.SEVERE_NPDR), p_oedema_risk=0.7)) == ""


@pytest.mark.parametrize("grade", list(Grade))
@pytest.mark.parametrize("by_program", list(Grade))
def test_a_readers_grade_decides_and_only_one_that_would_miss_an_eye_is_not_alone(grade, by_program):
    result = read_as(add_findings(make_result(by_program), review=(ReviewReason.WIDE_SET,)), grade)
    referral = describe_referral(result)
    missed = by_program.referable and not grade.referable
    assert referral.headline.startswith(f"Referable DR: {'yes' if grade.referable else 'no'}, by the reader's grade")
    assert referral.signal is (Signal.STOP if grade.referable else Signal.CAUTION if missed else Signal.GO)
    assert ("needs a second reader" in referral.headline) is missed
    assert ("second person" in referral.warning) is missed
    assert ("agrees" in referral.detail) is (grade is by_program)
    assert describe_review(result) == ""
    heading, sentence = describe_follow_up(result)
    assert heading.startswith("Follow-up by the reader's grade")
    assert sentence == f"{result.final_follow_up.text}."


def test_signs_near_the_fovea_ask_for_a_second_reader_where_the_first_would_not_refer():
    result = read_as(add_findings(make_result(Grade.NO_DR), p_oedema_risk=0.8), Grade.NO_DR)
    referral = describe_referral(result)
    assert referral.signal is Signal.CAUTION
    assert "hard exudates near the fovea" in referral.warning


@pytest.mark.parametrize("status", list(Status))
def test_a_photograph_that_the_reader_cannot_grade_is_taken_again(status):
    referral = describe_referral(read_as(make_result(status=status), None))
    assert (referral.signal, referral.headline) == (Signal.CAUTION, "Retake or refer")
    assert "Read as ungradable by A. Reader" in referral.detail
    assert "Retake the photograph or refer" in referral.detail
    assert describe_follow_up(read_as(make_result(status=status), None)) == ("", "")


def test_a_reader_grades_what_the_program_could_not():
    referral = describe_referral(read_as(make_result(status=Status.UNGRADABLE), Grade.SEVERE_NPDR))
    assert referral.signal is Signal.STOP
    assert "Read as 3 Severe NPDR by A. Reader, 2026-01-02 03:04 UTC. The program gave no grade." in referral.detail


def test_a_healthy_grade_for_what_the_program_could_not_grade_asks_for_a_second_reader():
    referral = describe_referral(read_as(make_result(status=Status.UNGRADABLE), Grade.NO_DR))
    assert referral.signal is Signal.CAUTION
    assert referral.warning == "Have a second person read this photograph: the program found it ungradable."


def test_what_the_reader_typed_is_cleaned_and_quoted():
    said = Reading(Grade.MILD_NPDR, "2026-01-02T03:04:05+00:00", " ", "flame\x00\nshaped")
    result = replace(make_result(), reading=said)
    assert describe_reading(result).endswith("The program's grade is 2 Moderate NPDR. Note: flame shaped")
    assert " by " not in describe_reading(result)
    assert describe_reading(make_result()) == ""


def test_an_eye_that_the_program_would_refer_keeps_its_urgency_when_the_reader_cannot_grade_it():
    referral = describe_referral(read_as(make_result(Grade.PROLIFERATIVE_DR), None))
    assert referral.warning.startswith("By the program's grade, Proliferative DR: refer to an ophthalmologist")
    assert describe_referral(read_as(make_result(Grade.NO_DR), None)).warning == ""
