"""What the pipeline says of one photograph: quality first, then grade, referral and follow-up."""

import plotly.graph_objects as go
import streamlit as st

from dr_core.domain.grades import Grade
from dr_core.domain.operating_point import LocalOperatingPoint
from dr_core.domain.quality import QualityReport
from dr_core.domain.results import Decision, Prediction, ScreeningResult, Status
from dr_core.domain.second_look import is_referred, needs_reader, needs_second_reader
from dr_core.reports.referral import Referral, describe_follow_up, describe_referral
from dr_core.reports.wording import (
    describe_eye,
    describe_grade,
    describe_grade_set,
    describe_oedema,
    describe_operating_point,
    describe_provenance,
    describe_quality,
)
from pages.components.text import escape_markdown
from pages.components.theme import ACCENT, GRADE_COLORS, PLOTLY_TEMPLATE, show_traffic_light

__all__ = ["describe_briefly", "show_provenance", "show_referral", "show_result"]

BARS_HEIGHT_PX = 176
MAX_DETAIL_LENGTH = 1000
# How far the band of fitting grades reaches beyond the middle of its outer bars, in bars.
BAND_REACH = 0.46


def show_result(result: ScreeningResult, point: LocalOperatingPoint | None) -> None:
    """Show quality, and for a graded photograph grade, probabilities, referral and follow-up.

    Args:
        result: one photograph's.
        point: the clinic's own operating point in use.
    """
    if result.status is Status.FAILED:
        st.error(f"**Not graded.** {escape_markdown(result.error)}", icon=":material/block:")
        return
    _show_eye_check(result)
    if result.quality is not None:
        _show_quality(result.quality)
    if result.decision is not None and result.prediction is not None:
        _show_grade(result.decision, result.prediction, read=result.reading is not None)
    # Without a grade above it, the verdict is what the photograph's part of the page is about.
    show_referral(describe_referral(result), heading="##" if result.decision is None else "###")
    if result.final_follow_up is not None:
        _show_follow_up(result, result.final_follow_up.source)
    _show_notes(result, point)


def describe_briefly(result: ScreeningResult) -> str:
    """Say grade and verdict in a few words, for the button that leads to an eye: a reader's grade goes first."""
    if result.status is Status.FAILED:
        return "not graded"
    grade = result.final_grade
    if grade is None:
        return "retake or refer"
    if is_referred(result):
        verdict = "refer, needs a reader" if needs_reader(result) else "refer"
    elif needs_second_reader(result):
        verdict = "needs a second reader"
    else:
        verdict = "needs a reader" if needs_reader(result) else "not referable"
    return f"{grade.label} · {verdict}"


def show_referral(referral: Referral, *, heading: str = "###") -> None:
    """Show the traffic light with its words beside it; `heading` is the level of the headline in Markdown."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="medium"):
        show_traffic_light(referral.signal)
        with st.container(gap="xsmall"):
            st.markdown(f"{heading} {referral.headline}")
            if referral.warning:
                st.markdown(f"**{referral.warning}**")
            # It quotes the reader, whose name and note are untrusted.
            st.markdown(escape_markdown(referral.detail, max_length=MAX_DETAIL_LENGTH))


def show_provenance(result: ScreeningResult) -> None:
    """Show which bytes went through which model, folded away."""
    with st.expander("Provenance", icon=":material/fingerprint:"):
        for label, value in describe_provenance(result.provenance):
            st.caption(f"**{label}**  {escape_markdown(value)}")


def draw_probabilities(prediction: Prediction, decision: Decision) -> go.Figure:
    """Draw one bar for each grade; the reported one is set in bold, and a band holds the grades that fit."""
    chosen = decision.grade
    names = [f"{grade.value}  {grade.label}" for grade in Grade]
    names[chosen] = f"<b>{names[chosen]}</b>"
    shares = list(prediction.probabilities)
    texts = [f"{share:.1%}" for share in shares]
    texts[chosen] = f"<b>{texts[chosen]}</b>"
    figure = go.Figure(
        go.Bar(
            x=shares,
            y=names,
            orientation="h",
            marker_color=list(GRADE_COLORS.values()),
            text=texts,
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.1%}<extra></extra>",
        )
    )
    if decision.grade_set:
        first, last = min(decision.grade_set) - BAND_REACH, max(decision.grade_set) + BAND_REACH
        figure.add_shape(
            type="rect", xref="paper", x0=0, x1=1, y0=first, y1=last,
            layer="below", line_width=0, fillcolor=ACCENT, opacity=0.1,
        )  # fmt: skip
        figure.add_shape(type="line", xref="paper", x0=1, x1=1, y0=first, y1=last, line={"color": ACCENT, "width": 3})
    # The longest bar leaves room for its figure in half the width of a tablet.
    figure.update_xaxes(range=[0, 1.27], visible=False, fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True, ticks="", ticklabelstandoff=8, showgrid=False)
    figure.update_layout(
        template=PLOTLY_TEMPLATE, height=BARS_HEIGHT_PX, bargap=0.32, margin={"l": 0, "r": 0, "t": 0, "b": 0}
    )
    return figure


def _show_quality(quality: QualityReport) -> None:
    icon = ":material/check_circle:" if quality.gradable else ":material/photo_camera:"
    color = "green" if quality.gradable else "orange"
    with st.container(gap="xsmall"):
        st.markdown(f":{color}[{icon}] **Quality.** {describe_quality(quality)} Score {quality.score:.2f}.")
        if quality.advice:
            st.markdown("\n".join(f"- {advice}" for advice in quality.advice))


def _show_grade(decision: Decision, prediction: Prediction, *, read: bool) -> None:
    grade = decision.grade
    whose = "Program's grade" if read else "Grade"
    st.markdown(f"## {whose} {grade.value}: {grade.label}", help=f"Defined by the ICDR scale as: {grade.finding}")
    shares = ", ".join(f"{item.label} {prediction.probabilities[item]:.0%}" for item in Grade)
    st.plotly_chart(
        draw_probabilities(prediction, decision),
        theme=None,
        config={"displayModeBar": False},
        key="probabilities",
        alt=f"Probability of each grade: {shares}. {describe_grade_set(decision)}".strip(),
    )
    notes = (describe_grade_set(decision), describe_grade(decision, prediction))
    if note := " ".join(filter(None, notes)):
        st.caption(note)


def _show_follow_up(result: ScreeningResult, source: str) -> None:
    heading, sentence = describe_follow_up(result)
    with st.container(gap="xsmall"):
        st.markdown(f":material/event: **{heading}.** {sentence}")
        st.caption(f"Guideline: {source}.")


def _show_eye_check(result: ScreeningResult) -> None:
    sentence = describe_eye(result)
    if result.eye_conflict:
        st.warning(f"**Which eye?** {sentence}", icon=":material/swap_horiz:")
    elif sentence:
        st.caption(sentence)


def _show_notes(result: ScreeningResult, point: LocalOperatingPoint | None) -> None:
    if result.decision is None:
        return
    with st.container(gap="xsmall"):
        st.markdown(f":material/visibility: {describe_oedema(result)}")
        st.markdown(f":material/tune: {escape_markdown(describe_operating_point(result, point))}")
