"""One way to show a plotly figure: the house's template, no tool bar, and a text for those who cannot see it."""

import plotly.graph_objects as go
import streamlit as st

from pages.components.theme import PLOTLY_TEMPLATE

__all__ = ["show_figure"]

PLOT_CONFIG = {"displaylogo": False, "displayModeBar": False, "scrollZoom": False}
AXIS_TITLE_PX = 14


def show_figure(figure: go.Figure, *, key: str, alt: str) -> None:
    """Show a figure over the width of its column.

    Args:
        figure: as built by the figure modules, without a template.
        key: unique on the page.
        alt: what the figure shows, in one sentence.
    """
    figure.update_layout(template=PLOTLY_TEMPLATE)
    figure.update_xaxes(title_font_size=AXIS_TITLE_PX)
    figure.update_yaxes(title_font_size=AXIS_TITLE_PX)
    st.plotly_chart(figure, theme=None, config=PLOT_CONFIG, key=key, alt=alt, width="stretch")
