"""Readers' grades against others, as a table of shaded squares."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dr_core.domain.evaluation import SliceMetrics
from dr_core.domain.grades import Grade
from dr_core.reports.palette import INK, MUTED
from dr_core.reports.wording import lower_first

__all__ = ["draw_confusion", "draw_counts"]

HEIGHT_PX = 440
MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
DARK_CELL = 0.5


def draw_confusion(metrics: SliceMetrics) -> go.Figure:
    """Draw an evaluation's confusion matrix."""
    labels, marks = [grade.label for grade in Grade], [str(grade.value) for grade in Grade]
    return draw_counts(metrics.confusion, labels=labels, marks=marks, across="Model's grade")


def draw_counts(
    counts: Sequence[Sequence[int]], *, labels: Sequence[str], marks: Sequence[str], across: str
) -> go.Figure:
    """Draw readers' grades against others; shade is the share of the reader's grade, numbers are photographs.

    Args:
        counts: photographs, square; row = reader.
        labels: name of each grade.
        marks: its number or letter.
        across: what the columns are.
    """
    rows = [f"{label} <b>{mark}</b>" for label, mark in zip(labels, marks, strict=True)]
    sums = [max(1, sum(row)) for row in counts]
    shares = [[count / total for count in row] for row, total in zip(counts, sums, strict=True)]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=list(marks),
            y=rows,
            zmin=0,
            zmax=1,
            colorscale=[[0.0, "#f6faf9"], [0.5, "#7cc0b8"], [1.0, "#0b5650"]],
            showscale=False,
            xgap=2,
            ygap=2,
            customdata=counts,
            hovertemplate=f"Reader %{{y}}, {lower_first(across)} %{{x}}: "
            "%{customdata:,} photographs (%{z:.0%} of the row)<extra></extra>",
        )
    )
    for row, line in enumerate(counts):
        for column, count in enumerate(line):
            dark = shares[row][column] > DARK_CELL
            figure.add_annotation(
                x=column,
                y=row,
                text=f"<b>{count}</b><br>{shares[row][column]:.0%}" if count else "0",
                showarrow=False,
                font={"color": "white" if dark else INK if count else MUTED, "size": 13},
            )
    figure.update_layout(height=HEIGHT_PX, margin=MARGIN)
    figure.update_xaxes(title=across, type="category", showgrid=False, ticks="")
    figure.update_yaxes(title="Reader's grade", autorange="reversed", showgrid=False, ticks="")
    return figure
