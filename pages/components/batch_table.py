"""The table of a batch: filters above, thumbnails inside, one row to choose."""

import base64
from collections.abc import Sequence

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from dr_core.domain.grades import Grade
from dr_core.domain.results import Status
from dr_core.reports.table import SORT_COLUMNS, TableFilter, filter_table, label_grade
from dr_core.screening.job import BatchJob

__all__ = ["choose_row"]

PAGE_ROWS = 200
TABLE_HEIGHT_PX = 430
ROW_HEIGHT_PX = 48
EVERY, REFERABLE, NOT_REFERABLE, TO_CHECK = "All", "Referable", "Not referable", "To check"
SHOWN_COLUMNS = (
    "Row",
    "Photograph",
    "File",
    "Status",
    "Grade label",
    "Referable",
    "Check",
    "P(referable)",
    "Quality",
    "Defects",
    "Eye",
    "Follow-up",
    "Size",
    "Error",
)


def choose_row(job: BatchJob, table: pd.DataFrame) -> int | None:
    """Show the table with its filters, and return the number of the row that the user has chosen, from 1."""
    chosen = _choose_filter()
    found = filter_table(table, chosen)
    if found.empty:
        st.info("No photograph fits these filters.", icon=":material/filter_alt_off:")
        return None
    start = _choose_page(len(found))
    shown = found.iloc[start : start + PAGE_ROWS].copy()
    shown["Photograph"] = [_find_thumbnail(job, number) for number in shown["Row"]]
    st.caption(f"{len(found):,} of {len(table):,} photographs. Choose a row to see its photograph and heatmap.")
    event = st.dataframe(
        shown,
        column_order=SHOWN_COLUMNS,
        column_config=_describe_columns(),
        hide_index=True,
        row_height=ROW_HEIGHT_PX,
        placeholder="",
        height=min(TABLE_HEIGHT_PX, ROW_HEIGHT_PX * (len(shown) + 1)),
        on_select="rerun",
        selection_mode="single-row",
        # Another filter makes another table: a choice by position must not point to another photograph.
        key=f"batch_table_{job.id}_{hash(chosen)}_{start}",
    )
    rows: Sequence[int] = event["selection"]["rows"]
    return int(shown["Row"].iloc[rows[0]]) if rows else None


def _choose_filter() -> TableFilter:
    boxes = st.columns([1.2, 1.3, 1.5, 1.1, 1.1, 0.9], vertical_alignment="bottom")
    text_box, status_box, grade_box, referable_box, sort_box, order_box = boxes
    text = text_box.text_input("File name contains", key="batch_text")
    statuses = status_box.multiselect(
        "Status", list(Status), format_func=lambda status: status.value, placeholder="All", key="batch_statuses"
    )
    grades = grade_box.multiselect(
        "Grade",
        list(Grade),
        format_func=label_grade,
        placeholder="All",
        key="batch_grades",
    )
    referable = referable_box.selectbox("Referral", [EVERY, REFERABLE, NOT_REFERABLE, TO_CHECK], key="batch_referable")
    sort_by = sort_box.selectbox("Sort by", SORT_COLUMNS, key="batch_sort")
    descending = order_box.toggle("Reverse", key="batch_descending")
    return TableFilter(
        statuses=frozenset(statuses),
        grades=frozenset(grades),
        referable={REFERABLE: True, NOT_REFERABLE: False}.get(referable),
        to_check=referable == TO_CHECK,
        text=text,
        sort_by=sort_by,
        descending=descending,
    )


def _choose_page(count: int) -> int:
    """Return the first row to show, from 0; a long table is shown in parts, so that the browser stays quick."""
    if count <= PAGE_ROWS:
        return 0
    starts = list(range(0, count, PAGE_ROWS))
    chosen: int = st.selectbox(
        "Rows",
        starts,
        format_func=lambda start: f"{start + 1:,} to {min(start + PAGE_ROWS, count):,}",
        key=f"batch_part_{count}",
        width=180,
    )
    return chosen


def _find_thumbnail(job: BatchJob, number: int) -> str | None:
    picture = job.read_thumbnail(number)
    if picture is None:
        return None
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode("ascii")


def _describe_columns() -> dict[str, ColumnConfig | str | None]:
    config = st.column_config
    return {
        "Row": config.NumberColumn(width=50, help="Row of the CSV report"),
        "Photograph": config.ImageColumn(width=80),
        "File": config.TextColumn(width="medium"),
        "Grade label": config.TextColumn("Grade", width=160, help="ICDR grade, 0 to 4"),
        "Check": config.TextColumn(width=120, help="Have a person read these before relying on them"),
        "P(referable)": config.ProgressColumn(min_value=0.0, max_value=1.0, format="%.2f", width=120),
        "Quality": config.NumberColumn(format="%.2f", width=70, help="0 unusable, 1 clear"),
        "Follow-up": config.TextColumn(width="medium"),
        "Error": config.TextColumn(width="large"),
    }
