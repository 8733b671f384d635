"""The photograph on the page: renderings of it, one picture or two that zoom and pan in step."""

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import product
from pathlib import Path

import streamlit as st

from dr_core.domain.photograph import UInt8Array
from dr_core.imaging.decode import WORKING_SIDE_PX
from dr_core.imaging.encode import JPEG_QUALITY, encode_jpeg, shrink_to
from dr_core.imaging.overlay import enhance_contrast, hatch_hidden, red_free
from dr_core.reports.wording import lower_first, name_eye
from dr_core.screening.display import enlarge_screening
from dr_core.screening.pipeline import Screening
from pages.components.heat_legend import HATCH_LEGEND, Legend
from pages.components.key_choice import choose_with_keys
from pages.components.session import forget, recall

__all__ = [
    "Frame",
    "Pane",
    "Rendering",
    "choose_rendering",
    "recall_pane",
    "render_photograph",
    "show_panes",
    "show_photograph",
    "to_pane",
]

FULL_QUALITY = 90
FULL_HELP = "Decodes every pixel of the photograph, up to 50 megapixels, to zoom further in. It takes some seconds."
HIDDEN_HELP = (
    "Hatches the places where lids, lashes, reflections, shadow or haze hide the retina, as the network sees it: "
    "do not rely on the grade for what lies there."
)
HINT = "Click the picture, then zoom (wheel, pinch, + and -) and move (drag, arrows); double-click: 1:1 and back."
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


RENDERING_KEYS = {Rendering.ORIGINAL: "O", Rendering.RED_FREE: "F", Rendering.CONTRAST: "E"}


@dataclass(frozen=True)
class Frame:
    """Where a viewer stands.

    Attributes:
        key: its name in the session.
        height_px: of the viewer on the page.
        reveal: whether the page scrolls to it when a photograph is opened in it out of sight.
    """

    key: str
    height_px: int
    reveal: bool = False


@dataclass(frozen=True)
class Pane:
    """One picture, ready for the browser.

    Attributes:
        title: stands above the picture.
        source: the JPEG as a data URI.
        width_px: width of the JPEG.
        height_px: height of the JPEG.
        legend: of what is drawn over it.
    """

    title: str
    source: str
    width_px: int
    height_px: int
    legend: Legend | None = None


def render_photograph(screening: Screening, rendering: Rendering, *, hatched: bool = False) -> UInt8Array:
    """Return the photograph's pixels in one rendering, hidden parts hatched if asked.

    Without a field of view there is the original alone, and nothing to hatch.
    """
    pixels = _render_whole(screening, rendering)
    if not hatched or screening.hidden is None or screening.field_of_view is None:
        return pixels
    return hatch_hidden(pixels, screening.hidden.place(screening.field_of_view))


def _render_whole(screening: Screening, rendering: Rendering) -> UInt8Array:
    photograph, field_of_view = screening.photograph, screening.field_of_view
    if photograph is None:
        raise ValueError(f"The photograph was not decoded. Received: status={screening.result.status}")
    if rendering is Rendering.RED_FREE:
        return red_free(photograph.pixels)
    if rendering is Rendering.CONTRAST and field_of_view is not None:
        return enhance_contrast(photograph.pixels, field_of_view)
    return photograph.pixels


def to_pane(title: str, pixels: UInt8Array) -> Pane:
    """Encode a picture for the browser, at most `WORKING_SIDE_PX` long, so that zooming stays fluid."""
    return _encode(title, shrink_to(pixels, WORKING_SIDE_PX))


def recall_pane(screening: Screening, rendering: Rendering, *, hatched: bool = False) -> Pane:
    """Return the photograph at screen size in one rendering, made once in this session."""
    return recall(
        screening.result.provenance.photograph_sha256,
        ("pane", rendering, hatched),
        lambda: to_pane(rendering.value, render_photograph(screening, rendering, hatched=hatched)),
    )


def choose_rendering(screening: Screening, *, key: str) -> Rendering:
    """Let the user choose how the photograph is shown; where no retina was found there is the original alone."""
    if screening.field_of_view is None:
        return Rendering.ORIGINAL
    return choose_with_keys(RENDERING_KEYS, key=key)


def show_photograph(screening: Screening, rendering: Rendering, data: bytes, frame: Frame) -> None:
    """Show a photograph that zooms, with switches for full resolution and for hidden parts where there are any.

    Args:
        screening: the photograph at screen size.
        rendering: how it is shown.
        data: the photograph's bytes, for full resolution.
        frame: where it is shown.

    Raises:
        ValueError: the photograph was not decoded.
    """
    photograph = screening.photograph
    if photograph is None:
        raise ValueError(f"The photograph was not decoded. Received: status={screening.result.status}")
    source = f"{photograph.source_width_px} x {photograph.source_height_px} pixels"
    reduced = photograph.pixels.shape[1] < photograph.source_width_px
    picture = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        full = reduced and st.toggle("Full resolution", key=f"full_{photograph.sha256}", help=FULL_HELP)
        hatched = _choose_hatched(screening)
        # One picture at full resolution is kept, and none once the switch is off: it may take 20 MB.
        for other in product(Rendering, (False, True)):
            if not full or other != (rendering, hatched):
                forget(photograph.sha256, ("full", *other))
        if full:
            pane = _recall_full_pane(screening, rendering, data, hatched=hatched)
        else:
            pane = recall_pane(screening, rendering, hatched=hatched)
        shown = f"Shown at {pane.width_px} x {pane.height_px} of {source}." if reduced and not full else f"{source}."
        st.caption(shown, width="content")
    st.caption(HINT)
    with picture:
        legend = HATCH_LEGEND if hatched else None
        show_panes([replace(pane, legend=legend)], frame, screening, titled=False)


def show_panes(panes: Sequence[Pane], frame: Frame, screening: Screening, *, titled: bool = True) -> None:
    """Show pictures of equal size beside each other, with one zoom for all.

    Args:
        panes: one picture or more, of the same size.
        frame: where they are shown.
        screening: the photograph of which they are pictures; while it stays the same, the zoom survives a rerun.
        titled: whether titles stand above the pictures.
    """
    first = panes[0]
    _mount_viewer(
        data={
            "panes": [
                {"title": pane.title, "source": pane.source, "legend": pane.legend and asdict(pane.legend)}
                for pane in panes
            ],
            "subject": f"Photograph, {lower_first(name_eye(screening.result.laterality))}",
            "width_px": first.width_px,
            "height_px": first.height_px,
            "height_css_px": frame.height_px,
            "revision": screening.result.provenance.photograph_sha256,
            "titled": titled,
            "reveal": frame.reveal,
        },
        key=frame.key,
    )


def _choose_hatched(screening: Screening) -> bool:
    """Let the user hatch what is hidden; it begins so where that is the reason for a retake."""
    if screening.hidden is None:
        return False
    quality = screening.result.quality
    return st.toggle(
        "Mark what is hidden",
        value=quality is not None and not quality.gradable,
        key=f"hatched_{screening.result.provenance.photograph_sha256}",
        help=HIDDEN_HELP,
    )


def _recall_full_pane(screening: Screening, rendering: Rendering, data: bytes, *, hatched: bool) -> Pane:
    result = screening.result

    def make() -> Pane:
        every_px = max(result.width_px, result.height_px)
        whole = enlarge_screening(screening, data, longest_side_px=every_px)
        return _encode(rendering.value, render_photograph(whole, rendering, hatched=hatched), quality=FULL_QUALITY)

    with st.spinner("Decoding every pixel"):
        return recall(result.provenance.photograph_sha256, ("full", rendering, hatched), make)


def _encode(title: str, pixels: UInt8Array, *, quality: int = JPEG_QUALITY) -> Pane:
    source = "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(pixels, quality=quality)).decode("ascii")
    return Pane(title, source, pixels.shape[1], pixels.shape[0])
