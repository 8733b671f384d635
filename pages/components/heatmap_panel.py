"""Where the network looked: choice of method and class, overlay or outlines, in step with the photograph."""

import streamlit as st

from dr_core.domain.errors import DRError
from dr_core.domain.grades import Grade
from dr_core.domain.photograph import Float32Array
from dr_core.imaging.encode import encode_png
from dr_core.imaging.overlay import OPACITY, OUTLINE_LEVEL, outline_cam, overlay_cam
from dr_core.model.explain import ExplanationMethod, explain
from dr_core.reports.wording import HEATMAP_LIMITS
from dr_core.screening.pipeline import Screening
from pages.components.session import recall
from pages.components.text import escape_markdown
from pages.components.viewer import HINT, Pane, Rendering, render_photograph, show_panes, to_pane

__all__ = ["show_heatmap"]

OVERLAY, OUTLINES = "Overlay", "Outlines"
HEIGHT_PX = 480


@st.fragment
def show_heatmap(screening: Screening, rendering: Rendering) -> None:
    """Show the heatmap of a graded photograph; a slow method is computed when it is chosen, once."""
    decision, photograph = screening.result.decision, screening.photograph
    if decision is None or photograph is None:
        raise ValueError(f"Only a graded photograph has a heatmap. Received: status={screening.result.status}")
    st.markdown("## Where the network looked")
    method_box, grade_box, style_box, strength_box = st.columns([1.1, 1.3, 1, 1.2], vertical_alignment="top")
    method = method_box.selectbox(
        "Method",
        list(ExplanationMethod),
        format_func=lambda method: method.value,
        key="method",
        help="Grad-CAM is there at once. The others are computed when chosen and take from seconds to a minute.",
    )
    grade = grade_box.selectbox(
        "Class explained",
        list(Grade),
        index=int(decision.grade),
        format_func=lambda grade: f"{grade.value}  {grade.label}" + (" (reported)" if grade is decision.grade else ""),
        key=f"explained_{photograph.sha256}",
    )
    style = style_box.segmented_control("Drawn as", [OVERLAY, OUTLINES], default=OVERLAY, required=True, key="drawn_as")
    strength = _choose_strength(strength_box, style)
    heat = _find_heat(screening, method, grade)
    if heat is None:
        return
    pixels = render_photograph(screening, rendering)
    drawn = (
        overlay_cam(pixels, heat, opacity=strength) if style == OVERLAY else outline_cam(pixels, heat, level=strength)
    )
    title = f"{method.value} for {grade.label}"
    panes: list[Pane] = [to_pane(title, drawn)]
    if st.session_state.get("side_by_side", True):
        plain = recall(photograph.sha256, ("pane", rendering), lambda: to_pane(rendering.value, pixels))
        panes.insert(0, plain)
    show_panes(panes, revision=photograph.sha256, height_px=HEIGHT_PX, key="heatmap_view")
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.toggle("Side by side", value=True, key="side_by_side")
        st.caption(HINT, width="content")
        st.download_button(
            "Overlay PNG",
            data=lambda: encode_png(drawn),
            file_name=f"retinadesk-{photograph.sha256[:8]}-{method.name.lower()}-{int(grade)}.png",
            mime="image/png",
            icon=":material/image:",
            on_click="ignore",
            key="download_overlay",
        )
    st.caption(f"{method.caption} {HEATMAP_LIMITS}")


def _choose_strength(box: st.delta_generator.DeltaGenerator, style: str) -> float:
    if style == OVERLAY:
        percent = box.slider("Opacity", 0, 100, round(OPACITY * 100), step=5, format="%d %%", key="opacity")
    else:
        percent = box.slider(
            "Line at this share of the peak", 10, 90, round(OUTLINE_LEVEL * 100), step=5, format="%d %%", key="level"
        )
    return float(percent) / 100


def _find_heat(screening: Screening, method: ExplanationMethod, grade: Grade) -> Float32Array | None:
    photograph, model_input = screening.photograph, screening.model_input
    slot = st.empty()
    if photograph is None or model_input is None:
        return None

    def compute() -> Float32Array:
        if method is ExplanationMethod.GRAD_CAM:
            return screening.heatmap(grade)
        waiting = f"Computing {method.value} for {grade.label}"

        def advance(share: float) -> None:
            slot.progress(min(share, 1.0), text=waiting)

        heat = explain(model_input, grade, method=method, progress=advance)
        slot.empty()
        return screening.place_heatmap(heat)

    try:
        return recall(photograph.sha256, ("heat", method, grade), compute)
    except DRError as error:
        st.error(f"**No heatmap.** {escape_markdown(str(error))}", icon=":material/error:")
        return None
