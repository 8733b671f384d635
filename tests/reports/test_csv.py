"""The CSV report: columns, cells, safety in a spreadsheet, and all or nothing on disk."""

import csv
import io
from dataclasses import replace

import pandas as pd
import pytest

from dr_core.domain.grades import Grade
from dr_core.domain.reading import Reading
from dr_core.reports.csv import (
    CSV_COLUMNS,
    DETAIL_COLUMNS,
    READING_COLUMNS,
    format_details,
    format_row,
    render_csv,
)
from tests.fakes import make_detailed, make_failed, make_graded, make_ungradable

ISSUE_COLUMNS = (
    "file, status, grade, grade_name, referable, p_grade_0, p_grade_1, p_grade_2, p_grade_3, p_grade_4, p_referable, "
    "gradable, quality_score, defects, follow_up, eye, width, height, sha256, model, seconds, error"
)
HOSTILE_NAMES = [
    "=1+1.jpg", "+1.jpg", "-1.jpg", "@SUM(1).jpg", "\ttab.jpg", "\rreturn.jpg", "\nline.jpg",
    "a\nb.jpg", "a\rb.jpg", 'a",b.jpg', "\uff1d1.jpg", "\u00e9\u4e2d.jpg", "",
]  # fmt: skip


def parse(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))


def test_columns_are_those_of_the_specification_in_order():
    assert ", ".join(CSV_COLUMNS) == ISSUE_COLUMNS
    assert render_csv([]).decode() == ",".join(CSV_COLUMNS) + "\n"


def test_graded_row_has_every_cell_but_the_error():
    row = format_row(make_graded(grade=Grade.SEVERE_NPDR))
    assert tuple(row) == CSV_COLUMNS
    assert [name for name, cell in row.items() if not cell] == ["error"]
    assert row["grade"] == "3"
    assert row["grade_name"] == "Severe NPDR"
    assert row["referable"] == "yes"
    assert row["p_grade_3"] == "0.800000"
    assert float(row["p_referable"]) == pytest.approx(0.9)
    assert row["follow_up"].startswith("Refer to an ophthalmologist")
    assert row["defects"] == "uneven light"
    assert (row["width"], row["height"], row["eye"]) == ("640", "480", "OD")
    assert row["seconds"] == "0.123"
    assert row["model"] == "fake-v1 b2b2b2b2b2b2"


def test_ungradable_row_says_retake_and_has_no_grade():
    row = format_row(make_ungradable())
    assert row["status"] == "ungradable"
    assert row["gradable"] == "no"
    assert row["follow_up"] == "Retake the photograph or refer for an eye examination"
    assert row["defects"] == "blur; dark"
    assert not any(row[name] for name in ("grade", "grade_name", "referable", "p_grade_0", "p_referable"))


def test_ungradable_row_graded_for_research_has_probabilities_and_still_no_grade():
    row = format_row(make_ungradable(with_prediction=True))
    assert row["p_grade_2"] == "0.800000"
    assert row["p_referable"]
    assert not any(row[name] for name in ("grade", "grade_name", "referable"))


def test_failed_row_says_why_and_leaves_unknown_cells_empty():
    row = format_row(make_failed())
    assert row["error"] == "The file is empty. Export it again."
    filled = {name for name, cell in row.items() if cell}
    assert filled == {"file", "status", "model", "seconds", "error"}


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_every_name_survives_the_file_and_none_is_a_formula(name):
    (row,) = parse(render_csv([make_graded(name)]))
    assert row["file"].lstrip("'") == name.lstrip("'")
    assert not row["file"].startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"))
    assert row["status"] == "graded"


def test_pandas_reads_hostile_names_as_one_row_each():
    data = render_csv([make_graded(name) for name in HOSTILE_NAMES])
    table = pd.read_csv(io.BytesIO(data), keep_default_na=False)
    assert len(table) == len(HOSTILE_NAMES)
    assert set(table["status"]) == {"graded"}


def test_error_text_is_defused_too():
    assert format_row(make_failed(error="=cmd()"))["error"] == "'=cmd()"


def test_details_hold_what_the_network_says_beside_the_grade():
    cells = format_details(make_detailed())
    assert tuple(cells) == DETAIL_COLUMNS
    assert cells["grade_set"] == "1; 2"
    assert cells["review"].startswith("several grades fit")
    assert cells["review"].count("; ") == 1
    assert cells["eye_seen"] == "OS"
    assert cells["p_gradable"] == "0.930000"
    assert cells["unfamiliarity"] == "1.5000"
    assert cells["p_oedema_risk"] == "0.120000"
    assert cells["operating_point"] == "North clinic v2"
    assert cells["needs_reader"] == "yes"
    assert "Have a person read this photograph" in cells["check"]
    assert "looks like a left eye" in cells["check"]


@pytest.mark.parametrize("result", [make_graded(), make_ungradable(), make_failed()], ids=lambda r: r.status.value)
def test_details_that_do_not_exist_are_empty(result):
    cells = format_details(result)
    assert cells.pop("needs_reader") == ("no" if result.decision else "")
    assert not any(cells.values())


def test_the_plain_report_says_who_needs_a_reader_and_whose_threshold_it_was():
    row = format_row(make_detailed())
    assert row["follow_up"].startswith("Needs a reader first. Re-screen: ")
    assert row["model"].endswith(", North clinic v2")
    assert format_row(make_graded())["follow_up"].startswith("Refer")


def test_the_name_of_an_operating_point_is_no_formula():
    result = make_detailed()
    named = replace(result, decision=replace(result.decision, operating_point="=cmd() v1"))
    assert format_details(named)["operating_point"] == "'=cmd() v1"


def test_a_report_with_details_has_the_same_columns_first():
    (row,) = parse(render_csv([make_detailed()], details=True))
    assert tuple(row) == (*CSV_COLUMNS, *DETAIL_COLUMNS)
    (plain,) = parse(render_csv([make_detailed()]))
    assert {name: row[name] for name in CSV_COLUMNS} == plain


def test_what_readers_say_stands_behind_everything_else_and_only_where_somebody_read():
    said = Reading(Grade.SEVERE_NPDR, "2026-01-02T03:04:05+00:00", "=cmd()", "+venous beading")
    read = replace(make_graded(), reading=said)
    first, second, third = parse(
        render_csv([read, make_graded(), replace(make_failed(), reading=Reading(None, "2026-01-02T03:04:06+00:00"))])
    )
    assert tuple(first) == (*CSV_COLUMNS, *READING_COLUMNS)
    assert [first[name] for name in READING_COLUMNS] == [
        "3",
        "Severe NPDR",
        "yes",
        first["reader_follow_up"],
        "no",
        "no",
        "'=cmd()",
        "'+venous beading",
        "2026-01-02T03:04:05+00:00",
        "no",
    ]
    assert first["grade"] == second["grade"]
    assert not any(second[name] for name in READING_COLUMNS)
    assert "in less than 3 months" in first["reader_follow_up"]
    assert [third[name] for name in ("reader_grade", "reader_grade_name", "reader_referable", "second_reader")] == [
        "U",
        "Ungradable",
        "",
        "no",
    ]
    assert "Retake" in third["reader_follow_up"]
    (detailed,) = parse(render_csv([read], details=True))
    assert tuple(detailed) == (*CSV_COLUMNS, *DETAIL_COLUMNS, *READING_COLUMNS)
