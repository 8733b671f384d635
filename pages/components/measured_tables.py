"""What benchmarks measured beside the evaluation, table by table; what nobody measured is not there."""

from collections.abc import Sequence

import streamlit as st

from dr_core.reports.measurements import MeasuredTable
from pages.components.figure import show_figure
from pages.components.outcome_plot import describe_outcomes, draw_outcomes, read_outcomes
from pages.components.source_style import name_source
from pages.components.text import escape_markdown

__all__ = ["show_measurements"]

NOTE_LENGTH = 2000


def show_measurements(tables: Sequence[MeasuredTable]) -> None:
    """Show every table with its note and with the command that prints it again."""
    if not tables:
        st.info("No further measurements came with this model.", icon=":material/straighten:")
    for table in tables:
        st.header(escape_markdown(table.title))
        if outcomes := read_outcomes(table):
            show_figure(draw_outcomes(outcomes), key="outcomes", alt=describe_outcomes(outcomes))
            with st.expander("The same with 95% intervals, as a table"):
                _show_rows(table)
        else:
            _show_rows(table)
        note = escape_markdown(table.note, max_length=NOTE_LENGTH)
        st.caption(f"{note} Measured by `{table.command.replace('`', '')}`.")


def _show_rows(table: MeasuredTable) -> None:
    if table.rows:
        st.table(
            [dict(zip(map(_show_heading, table.columns), map(_show_cell, row), strict=True)) for row in table.rows],
            hide_index=True,
            border="horizontal",
        )


def _show_heading(column: str) -> str:
    return escape_markdown(column[:1].upper() + column[1:])


def _show_cell(cell: str) -> str:
    # Neither the space before an interval nor the hyphen in it may break the line.
    plain = escape_markdown(name_source(cell))
    return plain.replace(" \\(", "\N{NO-BREAK SPACE}\\(").replace("\\-", "\N{NON-BREAKING HYPHEN}")
