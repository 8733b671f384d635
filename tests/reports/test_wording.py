"""Sentences shared by page and report: the lamp never contradicts the words, and hostile text loses its sting."""

from dataclasses import replace
from itertools import pairwise

import pytest

from dr_core.domain.grades import Grade
from dr_core.domain.intended_use import MACULAR_OEDEMA_NOTE, NOT_VALIDATED_NOTE, OEDEMA_RISK_NOTE, describe_oedema_limit
from dr_core.domain.photograph import Laterality
from dr_core.domain.quality import Defect, QualityReport
from dr_core.domain.results import Status
from dr_core.reports.palette import GRADE_COLORS, to_rgb
from dr_core.reports.referral import describe_review
from dr_core.reports.wording import (
    clean_text,
    describe_eye,
    describe_grade,
    describe_grade_set,
    describe_oedema,
    describe_operating_point,
    describe_quality,
    name_eye,
)
from tests.fakes import make_detailed, make_operating_point
from tests.made_screenings import add_findings, make_result


@pytest.mark.parametrize(
    ("quality", "expected"),
    [
        (QualityReport(True, 0.9), "Gradable. No defect found."),
        (QualityReport(True, 0.6, (Defect.UNEVEN,)), "Gradable, but watch for: uneven light."),
        (QualityReport(False, 0.2, (Defect.BLUR, Defect.DARK)), "Ungradable: blur, dark."),
        (QualityReport(False, 0.2, (Defect.BLUR, Defect.DARK), 0.9), "Ungradable: blur, dark."),
        (
            QualityReport(False, 0.8, (Defect.OBSTRUCTION,), 0.31),
            "Ungradable: obstruction. About 30% of the retina cannot be seen.",
        ),
        (
            QualityReport(True, 0.8, (Defect.OBSTRUCTION,), 0.1),
            "Gradable, but watch for: obstruction. About 10% of the retina cannot be seen.",
        ),
        (QualityReport(False, 0.8, (Defect.OBSTRUCTION,), 0.01), "Ungradable: obstruction."),
    ],
)
def test_quality_names_its_defects(quality, expected):
    assert describe_quality(quality) == expected


def test_quality_that_hardly_passed_is_not_called_faultless():
    assert describe_quality(QualityReport(True, 0.45)) == "Gradable, but hardly."
    result = replace(make_result(Grade.NO_DR), quality=QualityReport(True, 0.45))
    assert "its quality is doubtful" in describe_review(result)


def test_an_ungradable_photograph_without_a_named_defect_is_explained_all_the_same():
    assert describe_quality(QualityReport(False, 0.3)).startswith("Ungradable: ")


def test_a_grade_that_is_not_the_longest_bar_is_explained():
    result = make_result(Grade.MODERATE_NPDR)
    assert describe_grade(result.decision, result.prediction) == ""
    moved = replace(result.decision, grade=Grade.MILD_NPDR)
    assert "need not be the longest bar" in describe_grade(moved, result.prediction)


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


@pytest.mark.parametrize(
    ("grades", "expected"),
    [
        ((1, 2), "Likely grades: 1 to 2. For 90% of photographs the reader's grade is among those named here."),
        ((3,), "Likely grade: 3 alone. For 90% of photographs the reader's grade is among those named here."),
        ((), ""),
    ],
)
def test_the_grades_that_fit_are_named_with_their_coverage(grades, expected):
    result = add_findings(make_result(), grade_set=tuple(map(Grade, grades)))
    assert describe_grade_set(result.decision) == expected


@pytest.mark.parametrize(("risk", "finding"), [(0.5, "likely"), (0.49, "not seen")])
def test_exudates_near_the_fovea_are_never_called_a_diagnosis(risk, finding):
    sentence = describe_oedema(add_findings(make_result(), p_oedema_risk=risk))
    assert f"near the fovea: {finding} (probability {risk:.2f})" in sentence
    assert sentence.startswith("Macular oedema is not diagnosed; ")


def test_oedema_is_not_assessed_without_a_validated_output_or_without_a_grade():
    assert describe_oedema(add_findings(make_result())) == MACULAR_OEDEMA_NOTE
    assert describe_oedema(make_result(status=Status.UNGRADABLE)) == MACULAR_OEDEMA_NOTE


def test_what_is_said_of_oedema_beforehand_is_what_results_say():
    assert describe_oedema_limit(validated=False) == describe_oedema(make_result())
    said, shown = describe_oedema_limit(validated=True), describe_oedema(add_findings(make_result(), p_oedema_risk=0.1))
    assert said == OEDEMA_RISK_NOTE
    assert shown.startswith(said.removesuffix("."))


def test_an_operating_point_is_quoted_with_figures_only_where_the_decision_rests_on_it():
    point = make_operating_point()
    assert describe_operating_point(make_result(), point) == NOT_VALIDATED_NOTE
    assert describe_operating_point(make_detailed(), point) == (
        "Operating point North clinic v2, measured on 182 of this clinic's photographs: sensitivity 91% (84% to 96%), "
        "specificity 88% (79% to 94%)."
    )
    assert describe_operating_point(make_result(status=Status.UNGRADABLE), point) == ""
    other = describe_operating_point(make_detailed(), replace(point, version=3))
    assert "North clinic v2" in other
    assert "sensitivity" not in other


def test_the_eye_is_checked_against_the_photograph():
    conflict = add_findings(make_result(eye=Laterality.OD), seen=Laterality.OS)
    assert "Marked as the right eye (OD), but the photograph looks like a left eye (OS)" in describe_eye(conflict)
    assert "not stated" in describe_eye(add_findings(make_result(), seen=Laterality.OS))
    assert describe_eye(add_findings(make_result(eye=Laterality.OD), seen=Laterality.OD)) == ""
    assert describe_eye(make_result(eye=Laterality.OD)) == ""
