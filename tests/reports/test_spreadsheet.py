"""No cell of a report is a formula, wherever a spreadsheet splits the line."""

import csv
import io
import random
import re
import time

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


def test_defused_cells_are_those_of_the_plain_rule():
    """Separator, blanks and quotation marks, sign: the apostrophe goes before the sign."""
    plain = re.compile(f'([;\t|][\\s"]*)(?=[{"".join(map(re.escape, SIGNS))}])')
    chance = random.Random(1)
    for _ in range(20_000):
        text = "a" + "".join(chance.choices(";\t|   \"\n\r\u3000'=-@a,", k=chance.randrange(24)))
        assert defuse_cell(text) == plain.sub(r"\1'", text), text


@pytest.mark.parametrize("text", ["\t" * 65_000, '\t"' * 32_000, ";" + " " * 65_000, "\t" * 65_000 + "a="])
def test_hostile_name_holds_nobody_up(text):
    """Reading each run of separators once for each of them took more than a minute."""
    started = time.process_time()
    assert defuse_cell(f"a{text}") == f"a{text}"
    assert time.process_time() - started < 2
