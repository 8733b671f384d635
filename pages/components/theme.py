"""One look for every page: colours, the plotly template, and the few marks that Streamlit lacks."""

from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from dr_core.reports.palette import ACCENT, GRADE_COLORS, INK, LINE, MUTED, SIGNAL_COLORS, Signal

__all__ = ["ACCENT", "GRADE_COLORS", "PLOTLY_TEMPLATE", "apply_theme", "show_traffic_light", "title_unseen"]

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

HERE = Path(__file__).parent
_mount_page_script = st.components.v2.component(
    "retinadesk_page_script", html="<span></span>", js=(HERE / "page_script.js").read_text(encoding="utf-8")
)

STYLE = f"""
<style>
/* One light theme: the colours of a photograph are judged beside a page whose white is known, so that no browser may
   darken it by itself, and no setting of this computer does. Forced colours are another matter, and are followed. */
:root, body, [data-testid="stApp"] {{ color-scheme: only light !important; }}
.st-key-page_script {{ display: none; }}
/* Read out first by a screen reader; above the photographs there is no room for a title. */
:has(> .st-key-page_title), .st-key-page_title {{ position: absolute; width: 1px; height: 1px; overflow: hidden;
    clip-path: inset(50%); }}
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
/* A link to a heading would open a session of its own, without the photographs: a stop of the Tab key for nothing. */
[data-testid="stHeaderActionElements"] {{ display: none; }}
/* Streamlit's ring is too pale on white, and not there at all on the links of the header. */
:is(a, button, summary, [role="tab"]):focus-visible, label:has(input:focus-visible),
[data-testid="stSlider"] div:has(> input:focus-visible) {{
    outline: 2px solid {INK} !important; outline-offset: 2px !important; }}
/* The cross that removes a file is 14 pixels wide: too small a mark for a finger. */
button[aria-label^="Remove "] {{ position: relative; }}
button[aria-label^="Remove "]::after {{ content: ""; position: absolute; inset: -6px; }}
button kbd {{ opacity: 1 !important; }}
@media (forced-colors: active) {{
    /* Colours that mean something stay; what is drawn as a picture gets the paper that it was drawn for. */
    .rd-light, .rd-lamp, [data-testid="stSlider"] *, label:has([role="switch"]) *,
    [data-testid="stProgress"] * {{ forced-color-adjust: none; }}
    :is([data-testid="stSlider"], label:has([role="switch"])) * {{ color: CanvasText !important; }}
    [data-testid="stPlotlyChart"], header img {{ forced-color-adjust: none; background: #ffffff; }}
    [data-testid="stTooltipIcon"] * {{ stroke: CanvasText !important; }}
    button[kind="primary"], button[aria-checked="true"], [role="tab"][aria-selected="true"],
    [data-testid="stTopNavLink"][aria-current="page"] {{
        forced-color-adjust: none; background: Highlight !important; color: HighlightText !important;
        border-color: HighlightText !important; }}
    :is(button[kind="primary"], button[aria-checked="true"], [role="tab"][aria-selected="true"],
        [data-testid="stTopNavLink"][aria-current="page"]) * {{ color: HighlightText !important; }}
}}
@media print {{ header, .st-key-inputs, .st-key-downloads {{ display: none !important; }} }}
</style>
"""


def apply_theme() -> None:
    """Send the style sheet, and the script for what the browser alone can do; they hold nothing that a user typed."""
    st.html(STYLE)
    _mount_page_script(key="page_script")


def title_unseen(title: str) -> None:
    """Give the page its heading of the first level for screen readers alone."""
    with st.container(key="page_title"):
        st.title(title, anchor=False)


def show_traffic_light(signal: Signal) -> None:
    """Show three lamps with one lit, red on top; the text beside it has to say the same in words."""
    lamps = "".join(
        f'<span class="rd-lamp{f" rd-{lamp.value} rd-lit" if lamp is signal else ""}"></span>'
        for lamp in (Signal.STOP, Signal.CAUTION, Signal.GO)
    )
    label = f"Traffic light: {signal.value}"
    st.html(f'<span class="rd-light" role="img" aria-label="{label}">{lamps}</span>', width="content")
