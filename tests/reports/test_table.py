"""The table of a batch on the screen."""

import pytest

from dr_core.domain.grades import Grade
from dr_core.domain.results import Status
from dr_core.reports.table import TableFilter, build_table, count_outcomes, filter_table, find_scores
from tests.fakes import make_detailed, make_failed, make_graded, make_ungradable
from tests.made_screenings import make_result, read_as

RESULTS = [
    make_graded("b_left.jpg", grade=Grade.MODERATE_NPDR),
    make_graded("a_right.jpg", grade=Grade.NO_DR),
    make_ungradable("blurred.jpg", with_prediction=True),
    make_failed("broken(1).jpg"),
    make_graded("c.jpg", grade=Grade.PROLIFERATIVE_DR),
]


def rows(chosen: TableFilter) -> list[int]:
    return [int(row) for row in filter_table(build_table(RESULTS), chosen)["Row"]]


def test_every_result_is_a_row_in_order():
    table = build_table(RESULTS)
    assert list(table["Row"]) == [1, 2, 3, 4, 5]
    assert list(table["Status"]) == ["graded", "graded", "ungradable", "failed", "graded"]
    assert table["Grade"].isna().tolist() == [False, False, True, True, False]


def test_ungradable_photograph_shows_no_score_even_when_one_was_computed():
    assert build_table(RESULTS)["P(referable)"].isna().tolist() == [False, False, True, True, False]


def test_empty_batch_is_an_empty_table():
    assert build_table([]).empty
    assert filter_table(build_table([]), TableFilter(text="x")).empty


def test_filters_narrow_down():
    assert rows(TableFilter()) == [1, 2, 3, 4, 5]
    assert rows(TableFilter(statuses=frozenset({Status.FAILED, Status.UNGRADABLE}))) == [3, 4]
    assert rows(TableFilter(grades=frozenset({Grade.NO_DR, Grade.PROLIFERATIVE_DR}))) == [2, 5]
    assert rows(TableFilter(referable=True)) == [1, 5]
    assert rows(TableFilter(referable=False)) == [2]
    assert rows(TableFilter(text=" LEFT ")) == [1]


def test_text_is_no_pattern():
    assert rows(TableFilter(text="(1)")) == [4]
    assert rows(TableFilter(text=".*")) == []


def test_sorting_puts_rows_without_a_value_last():
    assert rows(TableFilter(sort_by="Grade")) == [2, 1, 5, 3, 4]
    assert rows(TableFilter(sort_by="Grade", descending=True)) == [5, 1, 2, 3, 4]
    assert rows(TableFilter(sort_by="File")) == [2, 1, 3, 4, 5]


def test_unknown_column_is_a_programmers_mistake():
    with pytest.raises(ValueError, match="Received: 'Secret'"):
        rows(TableFilter(sort_by="Secret"))


def test_counts_name_every_outcome():
    assert count_outcomes(RESULTS) == {
        "0 No apparent DR": 1,
        "1 Mild NPDR": 0,
        "2 Moderate NPDR": 1,
        "3 Severe NPDR": 0,
        "4 Proliferative DR": 1,
        "Ungradable": 1,
        "Failed": 1,
    }


def test_scores_are_those_of_graded_photographs():
    scores, threshold = find_scores(RESULTS)
    assert scores == pytest.approx([0.9, 0.15, 0.9])
    assert threshold == 0.5
    assert find_scores([make_failed()]) == ([], None)


def test_names_are_harmless_on_the_screen_and_in_the_browsers_own_download():
    names = ["=1+1.jpg", "\u202egpj.jpg", "a\nb.jpg", "x" * 500]
    shown = list(build_table([make_graded(name) for name in names])["File"])
    assert shown[:3] == ["'=1+1.jpg", "gpj.jpg", "a b.jpg"]
    assert len(shown[3]) <= 120


def test_what_a_person_should_look_at_is_marked_and_can_be_filtered():
    table = build_table([*RESULTS, make_detailed()])
    assert list(table["Check"]) == ["", "", "", "", "", "needs a reader, which eye?"]
    assert list(filter_table(table, TableFilter(to_check=True))["Row"]) == [6]


def test_what_was_read_is_shown_counts_for_the_referral_and_can_be_left_out():
    table = build_table(
        [read_as(make_result(Grade.MODERATE_NPDR), Grade.NO_DR), make_result(), read_as(make_result(), None)]
    )
    assert list(table["Reader"]) == ["0 No apparent DR", "", "Ungradable"]
    assert list(table["Referable"]) == ["no", "yes", ""]
    assert list(table["Check"]) == ["needs a second reader", "", ""]
    assert "in 1-2 years" in table["Follow-up"][0]
    assert "Retake" in table["Follow-up"][2]
    assert list(filter_table(table, TableFilter(unread=True))["Row"]) == [2]
