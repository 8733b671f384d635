"""Which photograph of a batch is looked at, and the way from one to the next without the mouse."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dr_core.reports.table import TableFilter

__all__ = ["Place", "count_steps", "find_step", "is_in_view", "recall_place", "remember_place", "show_steps"]

KEPT_PLACE, ROUND = "batch_place", "batch_step_round"


@dataclass(frozen=True)
class Place:
    """A photograph in the table.

    Attributes:
        job_id: of the batch.
        chosen: the filter that it was found with.
        number: its row in the report, from 1.
        position: its place in the filtered table, from 0.
    """

    job_id: str
    chosen: TableFilter
    number: int
    position: int


def recall_place(job_id: str, chosen: TableFilter, numbers: Sequence[int]) -> Place | None:
    """Return the photograph that is looked at, which a grade may have taken out of the table, but no other filter."""
    place: Place | None = st.session_state.get(KEPT_PLACE)
    if place is None or place.job_id != job_id or (place.chosen != chosen and place.number not in numbers):
        return None
    return place


def is_in_view(job_id: str, number: int) -> bool:
    """Whether this is the photograph that is looked at, or about to be."""
    place: Place | None = st.session_state.get(KEPT_PLACE)
    return place is not None and (place.job_id, place.number) == (job_id, number)


def remember_place(place: Place | None) -> None:
    """Keep the photograph that is looked at; None for none."""
    st.session_state[KEPT_PLACE] = place


def count_steps() -> int:
    """Return how often this session went on by button: each time the table is another one, with another row chosen."""
    return int(st.session_state.get(ROUND, 0))


def show_steps(job_id: str, chosen: TableFilter, numbers: Sequence[int], page_rows: int) -> None:
    """Show the buttons to the photographs before and after the one that is looked at, in the table's order.

    Args:
        job_id: of the batch.
        chosen: the filter in use.
        numbers: rows of the report that the table holds, in its order.
        page_rows: how many of them it shows at once.
    """
    place = recall_place(job_id, chosen, numbers)
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, key, by, icon in (("Previous", "B", -1, "arrow_back"), ("Next", "N", 1, "arrow_forward")):
            target = find_step(place, numbers, by)
            st.button(
                label,
                key=f"batch_step_{key}",
                shortcut=key,
                icon=f":material/{icon}:",
                disabled=target is None,
                on_click=_go,
                args=(
                    None if target is None else Place(job_id, chosen, numbers[target], target),
                    len(numbers),
                    page_rows,
                ),
            )
        st.caption("Keys rest while a field is in use: click beside it first.", width="content")


def find_step(place: Place | None, numbers: Sequence[int], by: int) -> int | None:
    """Return the position that one step leads to; None at either end."""
    if place is None:
        target = 0 if by > 0 else -1
    elif place.number in numbers:
        target = numbers.index(place.number) + by
    else:
        # It was read, and left the table: what came after it stands in its place now.
        target = place.position if by > 0 else place.position - 1
    return target if 0 <= target < len(numbers) else None


def _go(place: Place, count: int, page_rows: int) -> None:
    remember_place(place)
    st.session_state[ROUND] = count_steps() + 1
    if count > page_rows:
        st.session_state[f"batch_part_{count}"] = place.position // page_rows * page_rows
