"""Sentences shared by page and report: the lamp never contradicts the words, and hostile text loses its sting."""

from dataclasses import replace
from itertools import pairwise

import pytest

from dr_core.domain.grades import Grade
from dr_core.domain.photograph import Laterality
from dr_core.domain.results import Defect, QualityReport, Status
from dr_core.reports.palette import GRADE_COLORS, Signal, to_rgb
from dr_core.reports.wording import clean_text, describe_grade, describe_quality, describe_referral, name_eye
from tests.made_screenings import REFUSAL, make_result


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


@pytest.mark.parametrize(
    ("quality", "expected"),
    [
        (QualityReport(True, 0.9), "Gradable. No defect found."),
        (QualityReport(True, 0.6, (Defect.UNEVEN,)), "Gradable, but watch for: uneven light."),
        (QualityReport(False, 0.2, (Defect.BLUR, Defect.DARK)), "Ungradable: blur, dark."),
    ],
)
def test_quality_names_its_defects(quality, expected):
    assert describe_quality(quality) == expected


def test_an_ungradable_photograph_without_a_named_defect_is_explained_all_the_same():
    assert describe_quality(QualityReport(False, 0.3)).startswith("Ungradable: ")


def test_a_grade_that_is_not_the_longest_bar_is_explained():
    result = make_result(Grade.MODERATE_NPDR)
    assert describe_grade(result.decision, result.prediction) == ""
    moved = replace(result.decision, grade=Grade.MILD_NPDR)
    assert "expected grade 2.0" in describe_grade(moved, result.prediction)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain name.jpg", "plain name.jpg"),
        ("a\x00b\nc\td", "ab c d"),
        ("invoice\u202egpj.exe", "invoicegpj.exe"),
        ("\ud800\ue000\u200b", ""),
        ("患者 глаз مريض.jpg", "患者 глаз مريض.jpg"),
        ("", ""),
    ],
)
def test_text_is_cleaned_and_nothing_readable_is_lost(text, expected):
    assert clean_text(text) == expected


@pytest.mark.parametrize("max_length", [3, 4, 20, 119])
def test_a_long_name_keeps_its_beginning_and_its_ending(max_length):
    name = "begin" + "x" * 500 + ".jpg"
    shown = clean_text(name, max_length=max_length)
    assert len(shown) == max_length
    assert shown[0] == "b"
    assert shown[-1] == "g"


def test_a_length_without_room_for_a_name_is_refused():
    with pytest.raises(ValueError, match="Received: max_length=2"):
        clean_text("name", max_length=2)


def test_eyes_are_named_in_full():
    assert name_eye(Laterality.OD) == "Right eye (OD)"
    assert name_eye(Laterality.OS) == "Left eye (OS)"
    assert name_eye(None) == "Eye not stated"


def test_grade_colours_darken_with_severity():
    def lightness(grade: Grade) -> float:
        red, green, blue = to_rgb(GRADE_COLORS[grade])
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    values = [lightness(grade) for grade in Grade]
    assert values == sorted(values, reverse=True)
    assert min(first - second for first, second in pairwise(values)) > 15
