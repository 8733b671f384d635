"""Results of a batch as a table for the screen: typed columns, filters, counts for plots."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import pandas as pd

from dr_core.domain.grades import Grade
from dr_core.domain.results import ScreeningResult, Status
from dr_core.domain.second_look import needs_reader, needs_second_reader
from dr_core.reports.spreadsheet import defuse_cell
from dr_core.reports.wording import clean_text

__all__ = ["SORT_COLUMNS", "TableFilter", "build_table", "count_outcomes", "filter_table", "find_scores", "label_grade"]

SORT_COLUMNS = ("Row", "File", "Grade", "P(referable)", "Quality")
_DTYPES = {
    "Row": "int64",
    "File": "object",
    "Status": "object",
    "Grade": "Int64",
    "Grade label": "object",
    "Reader": "object",
    "Referable": "object",
    "Check": "object",
    "P(referable)": "Float64",
    "Quality": "Float64",
    "Defects": "object",
    "Follow-up": "object",
    "Eye": "object",
    "Size": "object",
    "Seconds": "float64",
    "Error": "object",
}
# What a table shows of a photograph whose answer waits for a person's grade.
OPEN_COLUMNS = frozenset({"Row", "File", "Eye", "Size", "Seconds"})
TO_READ = "to read"
_BLANKS = {"object": "", "Int64": pd.NA, "Float64": pd.NA}


@dataclass(frozen=True)
class TableFilter:
    """Which rows to show; an empty choice shows all.

    Attributes:
        statuses: only these.
        grades: only these.
        referable: True or False for one kind, None for both and for rows without an answer.
        unread: only rows that nobody has read.
        to_check: only rows that a person should look at: a grade that needs a reader, or the other eye than named.
        text: part of the file name, in any case.
        sort_by: one of `SORT_COLUMNS`.
        descending: largest first; rows without a value always come last.
    """

    statuses: frozenset[Status] = field(default_factory=frozenset)
    grades: frozenset[Grade] = field(default_factory=frozenset)
    referable: bool | None = None
    unread: bool = False
    to_check: bool = False
    text: str = ""
    sort_by: str = "Row"
    descending: bool = False


def build_table(results: Sequence[ScreeningResult], hidden: Collection[int] = ()) -> pd.DataFrame:
    """Return one row for each result, in order; `Row` counts from 1 as in the CSV.

    Args:
        results: of a batch.
        hidden: numbers of the rows that say nothing of the program's answer.
    """
    rows = [
        _hide_answer(number, result) if number in hidden else _build_row(number, result)
        for number, result in enumerate(results, start=1)
    ]
    table = pd.DataFrame(rows, columns=list(_DTYPES))
    return table.astype(_DTYPES)


def filter_table(table: pd.DataFrame, chosen: TableFilter) -> pd.DataFrame:
    """Return the rows of `table` that `chosen` lets through, sorted; the index still points into `table`.

    Raises:
        ValueError: `chosen.sort_by` is no column to sort by.
    """
    if chosen.sort_by not in SORT_COLUMNS:
        raise ValueError(f"`sort_by` must be one of {SORT_COLUMNS}. Received: {chosen.sort_by!r}")
    shown = table
    if chosen.statuses:
        shown = shown[shown["Status"].isin([status.value for status in chosen.statuses])]
    if chosen.grades:
        shown = shown[shown["Grade"].isin([int(grade) for grade in chosen.grades])]
    if chosen.referable is not None:
        shown = shown[shown["Referable"] == ("yes" if chosen.referable else "no")]
    if chosen.unread:
        shown = shown[shown["Reader"] == ""]
    if chosen.to_check:
        shown = shown[shown["Check"] != ""]
    if chosen.text.strip():
        shown = shown[shown["File"].str.contains(chosen.text.strip(), case=False, regex=False)]
    return shown.sort_values(chosen.sort_by, ascending=not chosen.descending, na_position="last", kind="stable")


def count_outcomes(results: Iterable[ScreeningResult]) -> dict[str, int]:
    """Count results by grade name, then ungradable and failed, in that order; every name is there, 0 included."""
    counts = {label_grade(grade): 0 for grade in Grade}
    counts |= {"Ungradable": 0, "Failed": 0}
    for result in results:
        if result.decision is not None:
            counts[label_grade(result.decision.grade)] += 1
        else:
            counts["Failed" if result.status is Status.FAILED else "Ungradable"] += 1
    return counts


def label_grade(grade: Grade) -> str:
    """Return ``2 Moderate NPDR``: sorted as text, grades come in their order."""
    return f"{int(grade)} {grade.label}"


def find_scores(results: Iterable[ScreeningResult]) -> tuple[list[float], float | None]:
    """Return P(referable) of every graded result, and the operating point; None when nothing is graded."""
    graded = [result for result in results if result.decision is not None and result.prediction is not None]
    scores = [result.prediction.p_referable for result in graded if result.prediction is not None]
    thresholds = {result.decision.referable_threshold for result in graded if result.decision is not None}
    return scores, max(thresholds) if thresholds else None


def _build_row(number: int, result: ScreeningResult) -> dict[str, object]:
    decision, prediction, quality = result.decision, result.prediction, result.quality
    return {
        "Row": number,
        # The browser's own download of the table must be as harmless as ours.
        "File": defuse_cell(clean_text(result.name)),
        "Status": result.status.value,
        "Grade": int(decision.grade) if decision else pd.NA,
        "Grade label": label_grade(decision.grade) if decision else "",
        "Reader": result.reading.label if result.reading else "",
        "Referable": {True: "yes", False: "no", None: ""}[result.final_referable],
        "Check": _list_checks(result),
        "P(referable)": prediction.p_referable if prediction and decision else pd.NA,
        "Quality": quality.score if quality else pd.NA,
        "Defects": ", ".join(defect.value for defect in quality.defects) if quality else "",
        "Follow-up": _shorten_follow_up(result),
        "Eye": result.laterality.value if result.laterality else "",
        "Size": f"{result.width_px} x {result.height_px}" if result.width_px else "",
        "Seconds": round(result.elapsed_s, 3),
        "Error": result.error,
    }


def _shorten_follow_up(result: ScreeningResult) -> str:
    """Return what to do in so few words that a column shows them; the guideline stands beside the photograph."""
    follow_up = result.final_follow_up
    if follow_up is not None:
        return f"{'Refer' if follow_up.refer else 'Re-screen'}: {follow_up.interval}"
    return "" if result.status is Status.FAILED else "Retake or refer"


def _hide_answer(number: int, result: ScreeningResult) -> dict[str, object]:
    """Return a row in which nothing but the file itself, and what a person says of it, is left."""
    row = _build_row(number, result)
    return {name: row[name] if name in OPEN_COLUMNS else _BLANKS[_DTYPES[name]] for name in row} | {"Status": TO_READ}


def _list_checks(result: ScreeningResult) -> str:
    checks = ["needs a reader"] if needs_reader(result) else []
    checks += ["needs a second reader"] if needs_second_reader(result) else []
    return ", ".join([*checks, "which eye?"] if result.eye_conflict else checks)
