"""Where the network looked: a map by one method, as overlay or outlines, in step with the photograph."""

from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dr_core.domain.errors import DRError
from dr_core.domain.grades import Grade
from dr_core.domain.photograph import Float32Array
from dr_core.domain.results import LESIONS, Decision, Prediction
from dr_core.imaging.encode import encode_png
from dr_core.imaging.overlay import OPACITY, OUTLINE_LEVEL, outline_cam, overlay_cam
from dr_core.model.cam import class_activation_map, lesion_evidence, lesion_map
from dr_core.model.explain import ExplanationMethod, explain, find_graders_spec, offer_methods
from dr_core.reports.wording import HEATMAP_LIMITS
from dr_core.screening.pipeline import Screening
from pages.components.heat_legend import describe_colors, make_line_legend, make_overlay_legend
from pages.components.session import page_border, recall
from pages.components.text import escape_markdown
from pages.components.viewer import HINT, Frame, Rendering, recall_pane, render_photograph, show_panes, to_pane

__all__ = ["show_heatmap"]

OVERLAY, OUTLINES = "Overlay", "Outlines"
ALL_LESIONS = "all lesions"
HEIGHT_PX = 480


@dataclass(frozen=True)
class Explained:
    """What a map explains: a class, or under lesion evidence one kind of lesion.

    Attributes:
        method: how it is explained.
        grade: the class; for lesion evidence the reported one.
        lesion: one of `LESIONS`, or all of them; empty for the other methods.
    """

    method: ExplanationMethod
    grade: Grade
    lesion: str = ""

    def describe(self, prediction: Prediction) -> str:
        """Return what stands above the map: of a class also how probable it is, since any can be explained."""
        if self.lesion:
            return f"{self.method.value} for {self.lesion}"
        return f"{self.method.value} for {self.grade.label} ({prediction.probabilities[self.grade]:.0%} probable)"

    @property
    def meaning(self) -> str:
        """What the heat is: a map of one lesion holds probabilities, all others a weight."""
        if self.lesion == ALL_LESIONS:
            return "Evidence for lesions"
        return f"Probability of {self.lesion}" if self.lesion else "Share of the map's own peak"

    @property
    def file_part(self) -> str:
        """Part of a download's name."""
        return f"{self.method.name.lower()}-{self.lesion.replace(' ', '-') or int(self.grade)}"


@st.fragment
@page_border()
def show_heatmap(screening: Screening, rendering: Rendering) -> None:
    """Show the heatmap of a graded photograph; a slow method is computed when it is chosen, once."""
    result, photograph = screening.result, screening.photograph
    if result.decision is None or result.prediction is None or photograph is None:
        raise ValueError(f"Only a graded photograph has a heatmap. Received: status={result.status}")
    st.markdown("## Where the network looked")
    method_box, what_box, style_box, strength_box = st.columns([1.1, 1.2, 1.2, 1.1], vertical_alignment="top")
    explained = _choose_explained(method_box, what_box, result.prediction, result.decision, photograph.sha256)
    style = style_box.segmented_control("Drawn as", [OVERLAY, OUTLINES], default=OVERLAY, required=True, key="drawn_as")
    strength = _choose_strength(strength_box, style)
    heat = _find_heat(screening, result.prediction, explained)
    if heat is None:
        return
    pixels = render_photograph(screening, rendering)
    placed = screening.place_heatmap(heat)
    drawn = (
        overlay_cam(pixels, placed, opacity=strength)
        if style == OVERLAY
        else outline_cam(pixels, placed, level=strength)
    )
    if style == OVERLAY:
        legend = make_overlay_legend(explained.meaning, pixels, screening.field_of_view)
    else:
        legend = make_line_legend(explained.meaning, level=strength)
    panes = [replace(to_pane(explained.describe(result.prediction), drawn), legend=legend)]
    if st.session_state.get("side_by_side", True):
        panes.insert(0, recall_pane(screening, rendering))
    show_panes(panes, Frame("heatmap_view", HEIGHT_PX), screening)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.toggle("Side by side", value=True, key="side_by_side")
        st.caption(HINT, width="content")
        st.download_button(
            "Overlay PNG",
            data=lambda: encode_png(drawn),
            file_name=f"retinadesk-{photograph.sha256[:8]}-{explained.file_part}.png",
            mime="image/png",
            icon=":material/image:",
            on_click="ignore",
            key="download_overlay",
        )
    colors = f"{describe_colors(of_lesions=explained.lesion == ALL_LESIONS)} " if style == OVERLAY else ""
    st.caption(f"{colors}{explained.method.caption}{_describe_peak(result.prediction, explained)} {HEATMAP_LIMITS}")


def _choose_explained(
    method_box: DeltaGenerator, what_box: DeltaGenerator, prediction: Prediction, decision: Decision, sha256: str
) -> Explained:
    methods = offer_methods(prediction)
    method = method_box.selectbox(
        "Method",
        methods,
        format_func=lambda method: method.value,
        key="method",
        help="What needs no further computing comes first; the others take from seconds to a minute when chosen.",
    )
    if method is ExplanationMethod.LESION_EVIDENCE:
        lesion = what_box.selectbox(
            "Lesions shown", [ALL_LESIONS, *LESIONS], format_func=lambda lesion: lesion.capitalize(), key="lesion"
        )
        return Explained(method, decision.grade, lesion)
    grade = what_box.selectbox(
        "Class explained",
        list(Grade),
        index=int(decision.grade),
        format_func=lambda grade: f"{grade.value}  {grade.label}" + (" (reported)" if grade is decision.grade else ""),
        key=f"explained_{sha256}",
    )
    return Explained(method, decision.grade if grade is None else grade)


def _choose_strength(box: DeltaGenerator, style: str) -> float:
    if style == OVERLAY:
        percent = box.slider("Opacity", 0, 100, round(OPACITY * 100), step=5, format="%d %%", key="opacity")
    else:
        percent = box.slider(
            "Line where the heat is", 10, 90, round(OUTLINE_LEVEL * 100), 5, format="%d %%", key="level"
        )
    return float(percent) / 100


def _find_heat(screening: Screening, prediction: Prediction, explained: Explained) -> Float32Array | None:
    """Return the map on the network's own grid, (h, w) float32 in [0, 1]; None, with the reason shown, on failure."""
    if explained.lesion == ALL_LESIONS:
        return lesion_evidence(prediction)
    if explained.lesion:
        return lesion_map(prediction, explained.lesion)
    if explained.method is ExplanationMethod.GRAD_CAM:
        return class_activation_map(prediction, explained.grade)
    return _compute_heat(screening, explained.method, explained.grade)


def _describe_peak(prediction: Prediction, explained: Explained) -> str:
    """Say how sure the network is at the warmest spot of lesion evidence: a faint map may mean no lesion at all."""
    if not explained.lesion:
        return ""
    lesions = LESIONS if explained.lesion == ALL_LESIONS else (explained.lesion,)
    peak = max(float(lesion_map(prediction, lesion).max(initial=0.0)) for lesion in lesions)
    return f" Highest probability at one spot: {peak:.2f}."


def _compute_heat(screening: Screening, method: ExplanationMethod, grade: Grade) -> Float32Array | None:
    model_input = screening.model_input
    if model_input is None:
        return None
    slot = st.empty()
    waiting = f"Computing {method.value} for {grade.label}"

    def advance(share: float) -> None:
        slot.progress(min(share, 1.0), text=waiting)

    def compute() -> Float32Array:
        spec = find_graders_spec(screening.result.provenance.model_sha256)
        heat = explain(model_input, grade, method=method, spec=spec, progress=advance)
        slot.empty()
        return heat

    try:
        return recall(screening.result.provenance.photograph_sha256, ("heat", method, grade), compute)
    except DRError as error:
        st.error(f"**No heatmap.** {escape_markdown(str(error))}", icon=":material/error:")
        return None
