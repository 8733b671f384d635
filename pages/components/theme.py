"""One look for every page: colours, the plotly template, and the few marks that Streamlit lacks."""

import plotly.graph_objects as go
import streamlit as st

from dr_core.reports.palette import ACCENT, GRADE_COLORS, INK, LINE, MUTED, SIGNAL_COLORS, Signal

__all__ = ["ACCENT", "GRADE_COLORS", "PLOTLY_TEMPLATE", "apply_theme", "show_traffic_light"]

FONT_FAMILY = '"Source Sans", "Source Sans 3", "Segoe UI", sans-serif'

PLOTLY_TEMPLATE = go.layout.Template(
    layout=go.Layout(
        font={"family": FONT_FAMILY, "size": 14, "color": INK},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        colorway=["#0f766e", "#2a5c97", "#d98a00", "#7a5195", "#58b7b1", "#8c564b", "#c2342b", "#56706e"],
        margin={"l": 8, "r": 8, "t": 32, "b": 8},
        xaxis={"gridcolor": LINE, "linecolor": LINE, "zerolinecolor": LINE, "automargin": True},
        yaxis={"gridcolor": LINE, "linecolor": LINE, "zerolinecolor": LINE, "automargin": True},
        hoverlabel={"bgcolor": "#ffffff", "bordercolor": LINE, "font": {"color": INK}},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
    )
)

STYLE = f"""
<style>
.st-key-intended_use summary {{ padding-block: 0.3rem; font-size: 0.9rem; color: {MUTED}; }}
.st-key-intended_use details {{ background: #f1f7f6; }}
.rd-light {{ display: inline-flex; flex-direction: column; gap: 5px; padding: 7px; border-radius: 12px;
             background: {INK}; }}
.rd-lamp {{ width: 17px; height: 17px; border-radius: 50%; background: #3d5654; }}
.rd-red {{ background: {SIGNAL_COLORS[Signal.STOP]}; }}
.rd-amber {{ background: {SIGNAL_COLORS[Signal.CAUTION]}; }}
.rd-green {{ background: {SIGNAL_COLORS[Signal.GO]}; }}
.rd-lit {{ background-image: radial-gradient(circle at 35% 30%, rgba(255,255,255,0.55), rgba(255,255,255,0) 60%); }}
/* On a slow computer what is left of one patient must not stand under the grade of the next. */
[data-testid="stElementContainer"][data-stale="true"] {{ visibility: hidden; transition: visibility 0s linear 0.5s; }}
/* After a click beside everything a key would draw a frame around the whole page. */
[data-testid="stMain"]:focus-visible::before {{ box-shadow: none; }}
/* Streamlit's own captions are too pale to be read at this size. */
[data-testid="stCaptionContainer"] {{ color: {MUTED}; opacity: 1; }}
@media print {{ header, .st-key-inputs, .st-key-downloads {{ display: none !important; }} }}
</style>
"""


def apply_theme() -> None:
    """Send the style sheet; it holds nothing that a user typed."""
    st.html(STYLE)


def show_traffic_light(signal: Signal) -> None:
    """Show three lamps with one lit, red on top; the text beside it has to say the same in words."""
    lamps = "".join(
        f'<span class="rd-lamp{f" rd-{lamp.value} rd-lit" if lamp is signal else ""}"></span>'
        for lamp in (Signal.STOP, Signal.CAUTION, Signal.GO)
    )
    label = f"Traffic light: {signal.value}"
    st.html(f'<span class="rd-light" role="img" aria-label="{label}">{lamps}</span>', width="content")
