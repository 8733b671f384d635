"""The table of a batch: filters above, thumbnails inside, one row to choose."""

import base64
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from dr_core.domain.grades import Grade
from dr_core.domain.results import Status
from dr_core.reports.table import SORT_COLUMNS, TableFilter, filter_table, label_grade
from dr_core.screening.job import BatchJob
from pages.components.batch_steps import Place, count_steps, recall_place, remember_place, show_steps

__all__ = ["choose_row"]

PAGE_ROWS = 200
TABLE_HEIGHT_PX = 430
ROW_HEIGHT_PX = 48
TEXT_WIDTH_PX = 320
EVERY, REFERABLE, NOT_REFERABLE, TO_CHECK, UNREAD = REFERRALS = (
    "All",
    "Referable",
    "Not referable",
    "To check",
    "Not read",
)
KEPT_START = "batch_table_start"
SHOWN_COLUMNS = (
    "Row",
    "Photograph",
    "File",
    "Status",
    "Grade label",
    "Reader",
    "Referable",
    "Check",
    "Follow-up",
    "P(referable)",
    "Quality",
    "Defects",
    "Eye",
    "Size",
    "Error",
)


def choose_row(job: BatchJob, table: pd.DataFrame, revision: int) -> int | None:
    """Show the table with its filters, and return the number of the row that the user has chosen, from 1."""
    # Which photographs a filter finds, and their order, would tell what the program says of them.
    chosen = _choose_unread() if job.hides_answers else _choose_filter()
    found = filter_table(table, chosen)
    numbers = [int(number) for number in found["Row"]]
    place = recall_place(job.id, chosen, numbers)
    if place is not None and numbers and place.number not in numbers:
        # Readings of other sessions may have taken rows before it out of the table as well.
        place = replace(place, position=_find_position(table, found, chosen, place.number))
        if len(found) > PAGE_ROWS:
            last = min(place.position, len(found) - 1)
            st.session_state.setdefault(f"batch_part_{len(found)}", last // PAGE_ROWS * PAGE_ROWS)
    st.caption(f"{len(found):,} of {len(table):,} photographs. Choose a row to see its photograph and heatmap.")
    if found.empty:
        st.info("No photograph fits these filters.", icon=":material/filter_alt_off:")
    else:
        start = _choose_page(len(found))
        # Another filter, another reading or a step makes another table: a choice by position must not point to another
        # photograph.
        key = f"batch_table_{job.id}_{hash(chosen)}_{start}_{revision}_{count_steps()}"
        row = _choose_in_table(job, found.iloc[start : start + PAGE_ROWS].copy(), key, place)
        if row is not None:
            place = Place(job.id, chosen, numbers[start + row], start + row)
        elif place is not None and place.number in numbers[start : start + PAGE_ROWS]:
            place = None
    remember_place(place)
    if numbers:
        show_steps(job.id, chosen, numbers, PAGE_ROWS)
    _show_progress(job, len(table))
    return place.number if place else None


def _show_progress(job: BatchJob, count: int) -> None:
    if read := job.read_count:
        st.caption(
            f"Read by a person: {read:,} of {count:,}. Take the CSV report away: readings end with this batch, or when "
            "the server stops."
        )


def _find_position(table: pd.DataFrame, found: pd.DataFrame, chosen: TableFilter, number: int) -> int:
    """Return where in `found` row `number`, which is not in it, would stand."""
    both = table.loc[found.index.union([number - 1])]
    order = TableFilter(sort_by=chosen.sort_by, descending=chosen.descending)
    return [int(row) for row in filter_table(both, order)["Row"]].index(number)


def _choose_in_table(job: BatchJob, shown: pd.DataFrame, key: str, place: Place | None) -> int | None:
    """Show a part of the table, in which `place` is chosen at first, and return which of its rows is chosen, from 0."""
    numbers = [int(number) for number in shown["Row"]]
    preselected = _preselect(key, numbers, place)
    shown["Photograph"] = [_find_thumbnail(job, number) for number in shown["Row"]]
    event = st.dataframe(
        shown,
        column_order=[name for name in SHOWN_COLUMNS if name != "Reader" or job.read_count],
        column_config=_describe_columns(),
        hide_index=True,
        row_height=ROW_HEIGHT_PX,
        placeholder="",
        height=min(TABLE_HEIGHT_PX, ROW_HEIGHT_PX * (len(shown) + 1)),
        on_select="rerun",
        selection_mode="single-row",
        key=key,
        selection_default={"selection": {"rows": preselected}},
    )
    rows: Sequence[int] = event["selection"]["rows"]
    return rows[0] if rows else None


def _preselect(key: str, numbers: Sequence[int], place: Place | None) -> list[int]:
    """Return which row a new table begins with; for a table that is there already, what it began with."""
    kept: tuple[str, list[int]] | None = st.session_state.get(KEPT_START)
    if kept is None or kept[0] != key:
        kept = (key, [numbers.index(place.number)] if place is not None and place.number in numbers else [])
        st.session_state[KEPT_START] = kept
    return kept[1]


def _choose_unread() -> TableFilter:
    """Let the user filter by nothing that depends on the program's answers."""
    unread = st.segmented_control(
        "Show", (EVERY, UNREAD), default=EVERY, required=True, key="batch_read_filter", label_visibility="collapsed"
    )
    text = st.text_input("File name contains", key="batch_text", width=TEXT_WIDTH_PX)
    return TableFilter(unread=unread == UNREAD, text=text)


def _choose_filter() -> TableFilter:
    # Buttons and no list: after a choice in a list the keys for the next photograph and its grade would go into it.
    referable = st.segmented_control(
        "Show", REFERRALS, default=EVERY, required=True, key="batch_referable", label_visibility="collapsed"
    )
    boxes = st.columns([1.2, 1.3, 1.5, 1.1, 0.9], vertical_alignment="bottom")
    text_box, status_box, grade_box, sort_box, order_box = boxes
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
    sort_by = sort_box.selectbox("Sort by", SORT_COLUMNS, key="batch_sort")
    descending = order_box.toggle("Reverse", key="batch_descending")
    return TableFilter(
        statuses=frozenset(statuses),
        grades=frozenset(grades),
        referable={REFERABLE: True, NOT_REFERABLE: False}.get(str(referable)),
        unread=referable == UNREAD,
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
        "File": config.TextColumn(width=150),
        "Status": config.TextColumn(width=85),
        "Referable": config.TextColumn(width=80),
        "Defects": config.TextColumn(width=130),
        "Eye": config.TextColumn(width=50),
        "Grade label": config.TextColumn("Grade", width=150, help="ICDR grade, 0 to 4"),
        "Reader": config.TextColumn(width=140, help="What a person says"),
        "Check": config.TextColumn(width=150, help="Have a person read these before relying on them"),
        "P(referable)": config.ProgressColumn(min_value=0.0, max_value=1.0, format="%.2f", width=120),
        "Quality": config.NumberColumn(format="%.2f", width=70, help="0 unusable, 1 clear"),
        "Follow-up": config.TextColumn(width=200),
        "Error": config.TextColumn(width="large"),
    }
