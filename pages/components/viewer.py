"""The photograph on the page: renderings of it, one picture or two that zoom and pan in step."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import streamlit as st

from dr_core.domain.photograph import UInt8Array
from dr_core.imaging.encode import encode_jpeg, shrink_to
from dr_core.imaging.overlay import enhance_contrast, red_free
from dr_core.screening.pipeline import Screening
from pages.components.session import recall

__all__ = ["Pane", "Rendering", "render_photograph", "show_panes", "to_pane"]

SHOWN_SIDE_PX = 1600
HINT = "Click the picture, then scroll or pinch to zoom and drag to move; double-click goes to 1:1 and back."
HERE = Path(__file__).parent
HTML = '<div class="viewer"><div class="panes" tabindex="0" role="group"></div><div class="tools"></div></div>'

# Streamlit mounts a plotly figure anew at every change, which throws the zoom away; this component keeps it.
_mount_viewer = st.components.v2.component(
    "retinadesk_viewer",
    html=HTML,
    css=(HERE / "viewer.css").read_text(encoding="utf-8"),
    js=(HERE / "viewer.js").read_text(encoding="utf-8"),
)


class Rendering(StrEnum):
    """How the photograph is shown; the value is the label."""

    ORIGINAL = "Original"
    RED_FREE = "Red-free"
    CONTRAST = "Contrast-enhanced"


@dataclass(frozen=True)
class Pane:
    """One picture, ready for the browser.

    Attributes:
        title: stands above the picture.
        source: the JPEG as a data URI.
        width_px: width of the JPEG.
        height_px: height of the JPEG.
    """

    title: str
    source: str
    width_px: int
    height_px: int


def render_photograph(screening: Screening, rendering: Rendering) -> UInt8Array:
    """Return the photograph's pixels in one rendering; without a field of view there is the original alone."""
    photograph, field_of_view = screening.photograph, screening.field_of_view
    if photograph is None:
        raise ValueError(f"The photograph was not decoded. Received: status={screening.result.status}")
    if rendering is Rendering.RED_FREE:
        return red_free(photograph.pixels)
    if rendering is Rendering.CONTRAST and field_of_view is not None:
        enhanced: UInt8Array = recall(
            photograph.sha256, ("enhanced",), lambda: enhance_contrast(photograph.pixels, field_of_view)
        )
        return enhanced
    return photograph.pixels


def to_pane(title: str, pixels: UInt8Array) -> Pane:
    """Encode a picture for the browser, at most `SHOWN_SIDE_PX` long, so that zooming stays fluid."""
    shown = shrink_to(pixels, SHOWN_SIDE_PX)
    source = "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(shown)).decode("ascii")
    return Pane(title, source, shown.shape[1], shown.shape[0])


def show_panes(panes: Sequence[Pane], *, revision: str, height_px: int, key: str) -> None:
    """Show pictures of equal size beside each other, with one zoom for all.

    Args:
        panes: one picture or more, of the same size.
        revision: while it stays the same, the zoom survives a rerun.
        height_px: height of the viewer on the page.
        key: name of the viewer in the session.
    """
    first = panes[0]
    _mount_viewer(
        data={
            "panes": [{"title": pane.title, "source": pane.source} for pane in panes],
            "width_px": first.width_px,
            "height_px": first.height_px,
            "height_css_px": height_px,
            "revision": revision,
        },
        key=key,
    )
