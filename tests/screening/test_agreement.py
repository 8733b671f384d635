"""What blind readings say of the program, counted by hand and checked against scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from dr_core.domain.grades import Grade
from dr_core.domain.reading import Reading
from dr_core.domain.results import ScreeningResult, Status
from dr_core.reports.graded_csv import render_graded_csv
from dr_core.screening.agreement import UNGRADED, compare_blind_readings
from dr_core.screening.graded_list import parse_graded_list
from tests.made_screenings import make_result

WHEN = "2026-01-02T03:04:05+00:00"


def read_as(said: Grade | None, answer: Grade | None, *, blind: bool = True, name: str = "eye.jpg") -> ScreeningResult:
    status = Status.UNGRADABLE if answer is None else Status.GRADED
    return replace(make_result(answer, name=name, status=status), reading=Reading(said, WHEN, blind=blind))


def test_nothing_is_said_without_a_blind_reading() -> None:
    assert compare_blind_readings([]) is None
    assert compare_blind_readings([make_result(), read_as(Grade.MILD_NPDR, Grade.MILD_NPDR, blind=False)]) is None


def test_counts_and_shares_are_those_of_the_blind_readings_alone() -> None:
    pairs = [(0, 0), (0, 0), (1, 0), (2, 2), (2, 1), (3, 2), (4, 4), (0, 2), (None, 1), (2, None)]
    results = [
        read_as(None if said is None else Grade(said), None if answer is None else Grade(answer))
        for said, answer in pairs
    ]
    found = compare_blind_readings([*results, read_as(Grade.NO_DR, Grade.PROLIFERATIVE_DR, blind=False)])
    assert found is not None
    assert found.count == 10
    assert found.counts[0][2] == found.counts[UNGRADED][1] == found.counts[2][UNGRADED] == 1
    assert found.same is not None
    assert found.within_one is not None
    assert (found.same.value, found.same.count) == (4 / 8, 8)
    assert found.within_one.value == 7 / 8
    # Read as referable: 2 and 2, 2 and 1, 3 and 2, 4 and 4, 2 without an answer; one of them is missed.
    assert found.sensitivity is not None
    assert found.specificity is not None
    assert (found.sensitivity.value, found.sensitivity.count) == (4 / 5, 5)
    assert (found.specificity.value, found.specificity.count) == (3 / 4, 4)
    assert found.kappa.value == pytest.approx(
        cohen_kappa_score(*zip(*[pair for pair in pairs if None not in pair], strict=True), weights="quadratic")
    )
    assert found.kappa.low is None
    assert "fewer than 10" in found.kappa.reason


def test_a_referable_grade_below_the_clinics_threshold_counts_as_referred() -> None:
    result = read_as(Grade.MODERATE_NPDR, Grade.MODERATE_NPDR)
    assert result.decision is not None
    below = replace(result, decision=replace(result.decision, referable=False, referable_threshold=0.9))
    found = compare_blind_readings([below])
    assert found is not None
    assert found.sensitivity is not None
    assert found.sensitivity.value == 1.0


def test_kappa_has_an_interval_where_there_are_photographs_enough() -> None:
    random = np.random.default_rng(2)
    said = random.integers(0, 5, 60)
    answers = np.clip(said + random.integers(-1, 2, 60), 0, 4)
    results = [read_as(Grade(int(a)), Grade(int(b))) for a, b in zip(said, answers, strict=True)]
    found = compare_blind_readings(results)
    assert found is not None
    kappa = found.kappa
    assert kappa.value == pytest.approx(cohen_kappa_score(said, answers, weights="quadratic"))
    assert kappa.low is not None
    assert kappa.high is not None
    assert kappa.value - 0.15 < kappa.low < kappa.value < kappa.high < kappa.value + 0.1


def test_one_grade_throughout_has_no_kappa_and_no_other_kind_no_share() -> None:
    found = compare_blind_readings([read_as(Grade.NO_DR, Grade.NO_DR)] * 12)
    assert found is not None
    assert found.kappa.value is None
    assert "one and the same grade" in found.kappa.reason
    assert found.sensitivity is None
    only_ungraded = compare_blind_readings([read_as(None, Grade.NO_DR)])
    assert only_ungraded is not None
    assert only_ungraded.same is only_ungraded.specificity is None


def test_the_list_of_blind_grades_is_one_that_a_calibration_reads() -> None:
    results = [
        read_as(Grade.SEVERE_NPDR, Grade.NO_DR, name="a/left, eye.jpg"),
        read_as(None, Grade.NO_DR, name="b.jpg"),
        read_as(Grade.NO_DR, Grade.NO_DR, name="=1+1;-2.jpg"),
        read_as(Grade.NO_DR, Grade.NO_DR, blind=False, name="c.jpg"),
        make_result(name="d.jpg"),
    ]
    data = render_graded_csv(results)
    assert b"\n=1" not in data
    graded = parse_graded_list(data)
    assert [(row.name, row.grade) for row in graded.rows] == [("a/left, eye.jpg", 3), ("=1+1;-2.jpg", 0)]
    assert graded.ungraded == 1
