"""Two plots of a batch: how many of each outcome, and how the referral scores lie around the operating point."""

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from dr_core.domain.results import ScreeningResult
from dr_core.reports.palette import MUTED, SIGNAL_COLORS, Signal
from dr_core.reports.table import count_outcomes, find_scores
from pages.components.theme import ACCENT, GRADE_COLORS, PLOTLY_TEMPLATE

__all__ = ["show_plots"]

HEIGHT_PX = 240
MARGIN = {"l": 8, "r": 16, "t": 24, "b": 8}
AXIS_TITLE = {"font": {"size": 14}, "standoff": 10}
OUTCOME_COLORS = [*GRADE_COLORS.values(), "#b9c4c3", MUTED]
BIN_WIDTH = 0.05
# Up to here every count gets its own line; plotly's own choice would draw halves of photographs.
FEW_SCORES = 8


def show_plots(results: Sequence[ScreeningResult]) -> None:
    """Show both plots side by side; without a graded photograph, the counts alone."""
    counts = count_outcomes(results)
    scores, threshold = find_scores(results)
    left, right = st.columns(2, gap="large")
    description = ", ".join(f"{name}: {count}" for name, count in counts.items())
    with left:
        st.markdown("## Photographs by outcome")
        st.plotly_chart(
            _draw_outcomes(counts),
            theme=None,
            config={"displayModeBar": False},
            key="batch_outcomes",
            alt=f"Photographs by outcome. {description}",
        )
    with right:
        st.markdown("## Referral scores of graded photographs")
        if threshold is None:
            st.info("No photograph was graded, so there are no referral scores to show.")
            return
        st.plotly_chart(
            _draw_scores(scores, threshold),
            theme=None,
            config={"displayModeBar": False},
            key="batch_scores",
            alt=f"Probability of referable DR of {len(scores)} graded photographs; operating point {threshold:.2f}",
        )


def _draw_outcomes(counts: dict[str, int]) -> go.Figure:
    figure = go.Figure(
        go.Bar(
            x=list(counts.values()),
            y=list(counts),
            orientation="h",
            marker_color=OUTCOME_COLORS,
            text=[f"{count:,}" for count in counts.values()],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:,}<extra></extra>",
        )
    )
    figure.update_xaxes(visible=False, fixedrange=True, range=[0, max(1, *counts.values()) * 1.12])
    figure.update_yaxes(autorange="reversed", fixedrange=True, showgrid=False)
    figure.update_layout(template=PLOTLY_TEMPLATE, height=HEIGHT_PX, bargap=0.3, margin=MARGIN)
    return figure


def _draw_scores(scores: Sequence[float], threshold: float) -> go.Figure:
    figure = go.Figure()
    for name, chosen, color in (
        ("Not referable", [score for score in scores if score < threshold], ACCENT),
        ("Referable", [score for score in scores if score >= threshold], SIGNAL_COLORS[Signal.STOP]),
    ):
        figure.add_histogram(
            x=chosen,
            name=name,
            marker_color=color,
            xbins={"start": 0, "end": 1 + BIN_WIDTH, "size": BIN_WIDTH},
            hovertemplate="%{x}: %{y:,}<extra></extra>",
        )
    figure.add_vline(
        x=threshold, line_dash="dash", line_color=MUTED, annotation_text=f"operating point {threshold:.2f}"
    )
    figure.update_xaxes(range=[0, 1], fixedrange=True, title={"text": "Probability of referable DR", **AXIS_TITLE})
    figure.update_yaxes(
        fixedrange=True, title={"text": "Photographs", **AXIS_TITLE}, rangemode="tozero", tickformat=",d"
    )
    if len(scores) <= FEW_SCORES:
        figure.update_yaxes(dtick=1)
    figure.update_layout(template=PLOTLY_TEMPLATE, height=HEIGHT_PX, barmode="stack", margin=MARGIN)
    # Stacked bars would turn the legend round; left stands what lies left of the operating point.
    figure.update_layout(legend_traceorder="normal")
    return figure
