"""Who looks at a photograph once more: nobody who has read it, and a second person where an eye could be missed."""

from dataclasses import replace

import pytest

from dr_core.domain.grades import Grade
from dr_core.domain.guideline import find_follow_up
from dr_core.domain.quality import Defect, QualityReport
from dr_core.domain.results import ReviewReason, Status
from dr_core.domain.second_look import is_partly_seen, is_referred, may_be_referable, needs_reader, needs_second_reader
from tests.made_screenings import add_findings, make_result, read_as


def test_a_photograph_that_was_read_needs_no_reader():
    result = add_findings(make_result(Grade.NO_DR), review=(ReviewReason.UNFAMILIAR,))
    assert needs_reader(result)
    assert not needs_reader(read_as(result, Grade.NO_DR))
    assert not needs_second_reader(result)


@pytest.mark.parametrize("defect", [Defect.BLUR, Defect.OBSTRUCTION])
def test_what_hides_lesions_asks_for_a_reader_where_the_eye_would_not_be_referred(defect):
    blurred = [
        replace(make_result(grade), quality=QualityReport(True, 0.6, (defect,)))
        for grade in (Grade.NO_DR, Grade.SEVERE_NPDR)
    ]
    assert [needs_reader(result) for result in blurred] == [True, False]
    dark = replace(blurred[0], quality=QualityReport(True, 0.6, (Defect.DARK,)))
    assert not needs_reader(dark)
    assert not is_partly_seen(replace(blurred[0], status=Status.UNGRADABLE, decision=None))


@pytest.mark.parametrize(("score", "expected"), [(0.49, True), (0.5, False)])
def test_a_photograph_that_hardly_passed_the_gate_needs_a_reader_unless_it_is_referred(score, expected):
    hardly = [
        replace(make_result(grade), quality=QualityReport(True, score)) for grade in (Grade.NO_DR, Grade.SEVERE_NPDR)
    ]
    assert [needs_reader(result) for result in hardly] == [expected, False]


@pytest.mark.parametrize(("said", "expected"), [(Grade.NO_DR, True), (Grade.MILD_NPDR, True), (None, False)])
def test_a_second_reader_is_asked_only_where_the_eye_could_be_missed(said, expected):
    result = make_result(Grade.MODERATE_NPDR)
    assert needs_second_reader(read_as(result, said)) is expected
    assert not needs_second_reader(read_as(result, Grade.SEVERE_NPDR))
    ungradable = make_result(status=Status.UNGRADABLE)
    assert needs_second_reader(read_as(ungradable, said)) is expected
    assert not needs_second_reader(read_as(ungradable, Grade.MODERATE_NPDR))


def test_a_score_over_the_threshold_counts_as_the_programs_referral():
    mild = make_result(Grade.MILD_NPDR)
    over = replace(
        mild, decision=replace(mild.decision, referable=True, follow_up=find_follow_up(Grade.MILD_NPDR, referable=True))
    )
    assert is_referred(over)
    assert needs_second_reader(read_as(over, Grade.MILD_NPDR))
    assert not needs_second_reader(read_as(mild, Grade.MILD_NPDR))


def test_the_readers_grade_decides_about_the_referral():
    assert is_referred(read_as(make_result(Grade.NO_DR), Grade.PROLIFERATIVE_DR))
    assert not is_referred(read_as(make_result(Grade.PROLIFERATIVE_DR), Grade.NO_DR))
    assert not is_referred(read_as(make_result(Grade.PROLIFERATIVE_DR), None))
    spread = add_findings(make_result(Grade.MILD_NPDR), grade_set=(Grade.MILD_NPDR, Grade.MODERATE_NPDR))
    assert may_be_referable(spread)
    assert not may_be_referable(read_as(spread, Grade.MODERATE_NPDR))
