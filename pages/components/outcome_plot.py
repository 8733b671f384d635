"""What a clinic is told of eyes that its readers would refer and of those that they would not, as stacked bars."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dr_core.reports.measurements import MeasuredTable
from dr_core.reports.palette import INK, SIGNAL_COLORS, Signal
from pages.components.source_style import name_source

__all__ = ["OutcomeShares", "describe_outcomes", "draw_outcomes", "read_outcomes"]

# Headings of the table, in the order in which an outcome is the less safe for an eye that ought to be referred.
OUTCOMES = {
    "refer": ("Refer", SIGNAL_COLORS[Signal.STOP], "white"),
    "needs a reader": ("Needs a reader", SIGNAL_COLORS[Signal.CAUTION], INK),
    "retake": ("Retake or refer", "#c9ced0", INK),
    "green lamp": ("Green lamp: sent home", SIGNAL_COLORS[Signal.GO], "white"),
}
COUNTS = {"referable": "", "not referable": " of these"}
TITLES = ("Readers call referable (grade 2 to 4)", "Readers call not referable (grade 0 or 1)")
MIN_LABELLED_PERCENT = 8.0
HEIGHT_PX, ROW_HEIGHT_PX = 210, 62
_SHARE = re.compile(r"(\d+(?:\.\d+)?)%")


@dataclass(frozen=True)
class OutcomeShares:
    """What happened to the eyes of one source.

    Attributes:
        source: of the photographs.
        count: of the eyes.
        percents: of each of `OUTCOMES`, in their order.
        cells: the same as text, with intervals.
    """

    source: str
    count: int
    percents: tuple[float, ...]
    cells: tuple[str, ...]


def read_outcomes(table: MeasuredTable) -> tuple[tuple[OutcomeShares, ...], ...]:
    """Read referable eyes and then the others out of a measured table; empty where it is another table."""
    groups = []
    for count, ending in COUNTS.items():
        wanted = [count, *(f"{outcome}{ending}" for outcome in OUTCOMES)]
        if not set(wanted) <= set(table.columns):
            return ()
        places = [table.columns.index(column) for column in wanted]
        shares = [_read_row(row[0], *(row[place] for place in places)) for row in table.rows]
        groups.append(tuple(share for share in shares if share is not None))
    return tuple(groups) if all(groups) else ()


def _read_row(source: str, count: str, *cells: str) -> OutcomeShares | None:
    found = [_SHARE.match(cell) for cell in cells]
    percents = tuple(float(share[1]) for share in found if share is not None)
    known = count.isdecimal() and len(percents) == len(cells)
    return OutcomeShares(name_source(source), int(count), percents, cells) if known else None


def draw_outcomes(groups: Sequence[Sequence[OutcomeShares]]) -> go.Figure:
    """Stack the outcomes of each source, referable eyes above the others, in percent of the eyes.

    Args:
        groups: as `read_outcomes` returns them.
    """
    figure = make_subplots(rows=len(groups), cols=1, shared_xaxes=True, subplot_titles=TITLES, vertical_spacing=0.13)
    for row, shares in enumerate(groups, start=1):
        labels = [f"{share.source} ({share.count:,})" for share in shares]
        for place, (name, color, ink) in enumerate(OUTCOMES.values()):
            percents = [share.percents[place] for share in shares]
            figure.add_bar(
                y=labels, x=percents, name=name, orientation="h", row=row, col=1,
                legendgroup=name, showlegend=row == 1,
                marker={"color": color, "line": {"color": "white", "width": 1}},
                text=[f"{value:.1f}%" if value >= MIN_LABELLED_PERCENT else "" for value in percents],
                textposition="inside", insidetextanchor="middle", textangle=0, textfont={"color": ink},
                customdata=[share.cells[place] for share in shares],
                hovertemplate="%{y}: %{customdata}<extra>" + name + "</extra>",
            )  # fmt: skip
    rows = sum(len(shares) for shares in groups)
    figure.update_layout(
        barmode="stack",
        bargap=0.3,
        height=HEIGHT_PX + ROW_HEIGHT_PX * rows // 2,
        margin={"l": 8, "r": 28, "t": 84, "b": 8},
        legend={
            "orientation": "h", "yanchor": "bottom", "y": 1.09, "x": 0, "xanchor": "left", "traceorder": "normal"
        },
    )  # fmt: skip
    figure.update_annotations(x=0, xanchor="left", font={"size": 15})
    figure.update_xaxes(range=[0, 100.5], ticksuffix="%")
    figure.update_xaxes(title="Percent of the eyes, whose number stands in brackets", row=len(groups), col=1)
    figure.update_yaxes(autorange="reversed", title=None, ticks="", showgrid=False)
    return figure


def describe_outcomes(groups: Sequence[Sequence[OutcomeShares]]) -> str:
    """Say in words what the bars show of the last row of each group, which holds all sources."""
    parts = []
    for title, shares in zip(TITLES, groups, strict=True):
        last = shares[-1]
        told = ", ".join(
            f"{name.lower()} {percent:.1f}%"
            for (name, _, _), percent in zip(OUTCOMES.values(), last.percents, strict=True)
        )
        parts.append(f"{title}, {last.source}, {last.count:,} eyes: {told}.")
    return " ".join(parts)
