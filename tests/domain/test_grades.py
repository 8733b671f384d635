"""The scale is ICDR, in its order, and the boundaries lie where the literature puts them."""

import pytest

from dr_core.domain.grades import GRADE_COUNT, Grade


def test_grades_are_numbered_as_in_icdr():
    assert [int(grade) for grade in Grade] == list(range(GRADE_COUNT))
    assert [grade.label for grade in Grade] == [
        "No apparent DR",
        "Mild NPDR",
        "Moderate NPDR",
        "Severe NPDR",
        "Proliferative DR",
    ]


@pytest.mark.parametrize("grade", list(Grade))
def test_referable_begins_at_two(grade):
    assert grade.referable == (grade >= 2)


@pytest.mark.parametrize("grade", list(Grade))
def test_every_grade_says_what_it_is_defined_by(grade):
    assert grade.finding.endswith(".")


def test_there_is_no_sixth_grade():
    with pytest.raises(ValueError, match="5"):
        Grade(5)
