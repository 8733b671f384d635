"""What leaves the pipeline is frozen, and a reader has the last word."""

from dataclasses import FrozenInstanceError

import pytest

from dr_core.domain.grades import Grade
from dr_core.domain.photograph import Laterality
from dr_core.domain.results import ReviewReason, Status
from tests.fakes import make_failed, make_graded, make_ungradable
from tests.made_screenings import make_result, read_as


@pytest.mark.parametrize("make", [make_graded, make_ungradable, make_failed])
def test_results_cannot_be_changed_afterwards(make):
    with pytest.raises(FrozenInstanceError):
        make().status = Status.GRADED


def test_words_of_the_csv_are_stable():
    assert [status.value for status in Status] == ["graded", "ungradable", "failed"]
    assert [reason.value for reason in ReviewReason] == [
        "several grades fit this photograph",
        "the photograph is unlike those that the model learned from",
        "grade and referral score disagree",
        "a part of the field is missing at the bottom alone, as where a copy broke off",
        "the photograph shows more blue than green, as hardly any retina does",
    ]


def test_eyes_are_named_in_words_and_letters():
    assert Laterality.OD.label == "Right eye (OD)"
    assert Laterality.OS.label == "Left eye (OS)"


def test_the_readers_grade_is_the_final_one():
    graded = make_result(Grade.MODERATE_NPDR)
    assert (graded.final_grade, graded.final_referable) == (Grade.MODERATE_NPDR, True)
    read = read_as(graded, Grade.MILD_NPDR)
    assert (read.final_grade, read.final_referable) == (Grade.MILD_NPDR, False)
    assert read.final_follow_up.interval == "in 6-12 months"
    refused = read_as(graded, None)
    assert (refused.final_grade, refused.final_referable, refused.final_follow_up) == (None, None, None)
    assert make_result(status=Status.UNGRADABLE).final_follow_up is None
