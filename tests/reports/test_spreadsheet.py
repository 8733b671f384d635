"""No cell of a report is a formula, wherever a spreadsheet splits the line."""

import csv
import io

import pytest

from dr_core.reports.spreadsheet import defuse_cell

SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@pytest.mark.parametrize("text", ["eye-1=2.jpg", "", "a;b.jpg", "12;3-4.jpg", "x | y.jpg", "left\teye.jpg", "it's"])
def test_ordinary_cells_are_left_alone(text):
    assert defuse_cell(text) == text


@pytest.mark.parametrize("sign", [*SIGNS, "\t", "\r", "\n"])
def test_a_cell_never_begins_as_a_formula(sign):
    assert defuse_cell(f"{sign}1+1") == f"'{sign}1+1"


@pytest.mark.parametrize(
    "name", ["x;=1+1;.jpg", "a\t=cmd.jpg", 'x;"=1+1".jpg', "x; +1.jpg", "x|@SUM(1).jpg", "y;\uff1d1.jpg"]
)
@pytest.mark.parametrize("delimiter", [";", "\t", "|", ","])
@pytest.mark.parametrize("first", [True, False])
def test_no_formula_begins_where_another_separator_splits_the_line(name, delimiter, first):
    buffer = io.StringIO()
    csv.writer(buffer).writerow([defuse_cell(name), "graded"] if first else ["1", defuse_cell(name)])
    for cells in csv.reader(io.StringIO(buffer.getvalue()), delimiter=delimiter):
        assert not [cell for cell in cells if cell.strip().startswith(SIGNS)]


def test_what_was_defused_stays_as_it_is():
    assert defuse_cell(defuse_cell("x;=1;.jpg")) == "x;'=1;.jpg"
