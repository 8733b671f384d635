"""Two eyes of one visit: the worse one decides, and an eye without a grade never counts as healthy."""

from dataclasses import replace

import pytest

from dr_core.domain.grades import Grade
from dr_core.domain.guideline import find_follow_up
from dr_core.domain.photograph import Laterality
from dr_core.domain.results import ReviewReason, Status
from dr_core.screening.visit import VisitOutcome, rank_eye, state_eye, summarise_visit
from tests.made_screenings import add_findings, make_result, make_screening, read_as

OD, OS = Laterality.OD, Laterality.OS


def eye(laterality, grade=Grade.NO_DR, **options):
    sha256 = ("11" if laterality is OD else "22") * 32
    return make_result(grade, eye=laterality, sha256=options.pop("sha256", sha256), **options)


@pytest.mark.parametrize("grades", [(0, 3), (3, 0), (2, 3)])
def test_the_worse_eye_decides(grades):
    visit = summarise_visit([eye(OD, Grade(grades[0])), eye(OS, Grade(grades[1]))])
    assert visit.outcome is VisitOutcome.REFER
    assert visit.deciding.decision.grade is Grade.SEVERE_NPDR
    assert visit.follow_up.interval == "in less than 3 months"
    assert "Severe NPDR" in visit.summary
    assert visit.concerns == ()


def test_two_healthy_eyes_are_screened_again():
    visit = summarise_visit([eye(OD), eye(OS, Grade.MILD_NPDR)])
    assert visit.outcome is VisitOutcome.RESCREEN
    assert visit.deciding.laterality is OS
    assert "6-12 months" in visit.summary


@pytest.mark.parametrize("status", [Status.UNGRADABLE, Status.FAILED])
def test_an_eye_without_a_grade_never_counts_as_healthy(status):
    visit = summarise_visit([eye(OD), eye(OS, status=status)])
    assert visit.outcome is VisitOutcome.RETAKE_OR_REFER
    assert visit.follow_up is None
    assert "The left eye (OS) has no grade." in visit.summary
    assert "refer" in visit.summary


def test_two_eyes_without_a_grade_are_told_together():
    visit = summarise_visit([eye(OD, status=Status.UNGRADABLE), eye(OS, status=Status.FAILED)])
    assert visit.outcome is VisitOutcome.RETAKE_OR_REFER
    assert "Neither eye has a grade." in visit.summary


def test_a_referable_eye_outweighs_an_ungradable_one_and_both_are_told():
    visit = summarise_visit([eye(OD, status=Status.UNGRADABLE), eye(OS, Grade.PROLIFERATIVE_DR)])
    assert visit.outcome is VisitOutcome.REFER
    assert visit.deciding.laterality is OS
    assert any("no grade" in concern for concern in visit.concerns)


def test_a_score_over_the_threshold_refers_whatever_the_grade():
    mild = eye(OS, Grade.MILD_NPDR)
    referred = find_follow_up(Grade.MILD_NPDR, referable=True)
    flagged = replace(mild, decision=replace(mild.decision, referable=True, follow_up=referred))
    visit = summarise_visit([eye(OD), flagged])
    assert (visit.outcome, visit.deciding) == (VisitOutcome.REFER, flagged)
    assert "left eye (OS), Mild NPDR. Refer to an ophthalmologist" in visit.summary
    assert "Re-screen" not in visit.summary


def test_a_referable_grade_refers_whatever_the_score():
    moderate = eye(OS, Grade.MODERATE_NPDR)
    unflagged = replace(moderate, decision=replace(moderate.decision, referable=False))
    assert summarise_visit([unflagged]).outcome is VisitOutcome.REFER


def test_the_same_eye_twice_is_questioned():
    visit = summarise_visit([eye(OD), eye(OD, sha256="33" * 32)])
    assert any("the right eye (od)" in concern.lower() for concern in visit.concerns)


def test_the_same_photograph_twice_is_questioned():
    visit = summarise_visit([eye(OD), eye(OS, sha256="11" * 32)])
    assert any("given twice" in concern for concern in visit.concerns)


def test_an_eye_that_is_not_stated_is_asked_for():
    visit = summarise_visit([eye(OD), eye(None)])
    assert any("set the eye" in concern for concern in visit.concerns)


def test_two_unreadable_files_are_not_taken_for_the_same_photograph():
    failed = [eye(side, status=Status.FAILED, sha256="") for side in (OD, OS)]
    assert summarise_visit(failed).concerns == ()


def test_the_right_eye_comes_first():
    left, right, unknown = eye(OS), eye(OD), eye(None)
    assert sorted([unknown, left, right], key=rank_eye) == [right, left, unknown]


def test_the_order_of_upload_does_not_matter():
    right, left = eye(OD, Grade.MILD_NPDR), eye(OS, Grade.MILD_NPDR)
    one, other = summarise_visit([right, left]), summarise_visit([left, right])
    assert one.summary == other.summary
    assert one.results == other.results


@pytest.mark.parametrize("count", [0, 3])
def test_a_visit_has_one_or_two_photographs(count):
    with pytest.raises(ValueError, match=f"Received: {count}"):
        summarise_visit([eye(OD)] * count)


def test_stating_the_eye_changes_result_and_photograph_and_nothing_else():
    screening = make_screening(eye(None))
    stated = state_eye(screening, OS)
    assert stated.result.laterality is OS
    assert stated.photograph.laterality is OS
    assert stated.result.decision is screening.result.decision
    assert screening.result.laterality is None


def test_an_eye_that_needs_a_reader_holds_back_the_re_screening():
    flagged = add_findings(make_result(Grade.MILD_NPDR, eye=OD), review=(ReviewReason.UNFAMILIAR,))
    visit = summarise_visit([flagged, make_result(Grade.NO_DR, eye=OS)])
    assert visit.outcome is VisitOutcome.NEEDS_READER
    assert "Have a person read the photographs first" in visit.summary
    assert "The right eye (OD) needs a reader before anybody relies on its grade." in visit.concerns


def test_an_eye_that_could_be_referable_holds_back_the_re_screening():
    unsure = add_findings(make_result(Grade.MILD_NPDR, eye=OD), grade_set=(Grade.MILD_NPDR, Grade.MODERATE_NPDR))
    visit = summarise_visit([unsure, make_result(Grade.NO_DR, eye=OS)])
    assert visit.outcome is VisitOutcome.NEEDS_READER
    assert "Have a person read the photographs first" in visit.summary


def test_a_referral_is_not_held_back_but_the_reader_is_named():
    flagged = add_findings(make_result(Grade.MILD_NPDR, eye=OD), review=(ReviewReason.WIDE_SET,))
    visit = summarise_visit([flagged, make_result(Grade.SEVERE_NPDR, eye=OS)])
    assert visit.outcome is VisitOutcome.REFER
    assert any("needs a reader" in concern for concern in visit.concerns)


def test_an_eye_that_looks_like_the_other_one_is_a_concern():
    conflict = add_findings(make_result(Grade.NO_DR, eye=OD), seen=OS)
    visit = summarise_visit([conflict])
    assert visit.outcome is VisitOutcome.RESCREEN
    assert visit.concerns == ("The right eye (OD) looks like the other eye: check which eye it is.",)


def test_a_readers_grade_outweighs_the_programs():
    visit = summarise_visit([eye(OD), read_as(eye(OS), Grade.SEVERE_NPDR)])
    assert visit.outcome is VisitOutcome.REFER
    assert "severe NPDR by the reader's grade" in visit.summary or "Severe NPDR by the reader's grade" in visit.summary
    healthy = [read_as(eye(OD), Grade.NO_DR), read_as(eye(OS), Grade.NO_DR)]
    assert summarise_visit(healthy).outcome is VisitOutcome.RESCREEN
    blind = summarise_visit([eye(OD), read_as(eye(OS), None)])
    assert blind.outcome is VisitOutcome.RETAKE_OR_REFER
    assert blind.deciding.laterality is OS


def test_a_reader_who_would_not_refer_against_the_program_is_not_the_last_word():
    visit = summarise_visit([eye(OD), read_as(eye(OS, Grade.MODERATE_NPDR), Grade.MILD_NPDR)])
    assert visit.outcome is VisitOutcome.NEEDS_READER
    assert visit.summary.startswith("Have a second person read the photographs first.")
    assert any("needs a second reader" in concern for concern in visit.concerns)


def test_nobody_is_called_a_second_reader_of_an_eye_that_nobody_has_read():
    unread = add_findings(make_result(Grade.MILD_NPDR, eye=OD), review=(ReviewReason.UNFAMILIAR,))
    visit = summarise_visit([unread, read_as(eye(OS, Grade.MODERATE_NPDR), Grade.MILD_NPDR)])
    assert visit.outcome is VisitOutcome.NEEDS_READER
    assert visit.summary.startswith("Have each photograph read first, as listed below.")
    assert ["needs a reader" in visit.concerns[0], "needs a second reader" in visit.concerns[1]] == [True, True]
    alone = summarise_visit([unread])
    assert alone.summary.startswith(
        "Have a person read the photograph first. Its grade confirmed, the right eye (OD) has"
    )


def test_a_reader_grades_an_eye_that_the_program_could_not():
    visit = summarise_visit([eye(OD), read_as(eye(OS, status=Status.UNGRADABLE), Grade.SEVERE_NPDR)])
    assert visit.outcome is VisitOutcome.REFER
    assert visit.concerns == ()
    healthy = summarise_visit([eye(OD), read_as(eye(OS, status=Status.UNGRADABLE), Grade.NO_DR)])
    assert healthy.outcome is VisitOutcome.NEEDS_READER


def test_an_eye_that_was_read_as_ungradable_is_not_forgotten_when_the_program_would_refer_it():
    visit = summarise_visit([read_as(eye(OD, Grade.SEVERE_NPDR), None), eye(OS)])
    assert "The right eye (OD) was read as ungradable, but the program would refer it." in visit.concerns


def test_the_same_eye_twice_is_named_as_it_is_written():
    visit = summarise_visit([eye(OS, sha256="33" * 32), eye(OS)])
    assert "Both photographs are marked as the left eye (OS): check which eye is which." in visit.concerns


def test_nobody_is_asked_to_set_the_eye_of_a_file_that_could_not_be_read():
    unread = make_result(status=Status.FAILED, eye=None, sha256="")
    assert not any("set the eye" in concern for concern in summarise_visit([eye(OD), unread]).concerns)
