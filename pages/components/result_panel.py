"""What the pipeline says of one photograph: quality first, then grade, referral and follow-up."""

import plotly.graph_objects as go
import streamlit as st

from dr_core.domain.grades import Grade
from dr_core.domain.intended_use import MACULAR_OEDEMA_NOTE, NOT_VALIDATED_NOTE
from dr_core.domain.results import Decision, Prediction, QualityReport, ScreeningResult, Status
from dr_core.reports.wording import Referral, describe_grade, describe_provenance, describe_quality, describe_referral
from pages.components.text import escape_markdown
from pages.components.theme import GRADE_COLORS, PLOTLY_TEMPLATE, show_traffic_light

__all__ = ["show_failure", "show_provenance", "show_referral", "show_result"]

BARS_HEIGHT_PX = 176


def show_result(result: ScreeningResult) -> None:
    """Show quality, and for a graded photograph grade, probabilities, referral and follow-up."""
    if result.status is Status.FAILED:
        show_failure(result)
        return
    if result.quality is not None:
        _show_quality(result.quality)
    if result.decision is not None and result.prediction is not None:
        _show_grade(result.decision, result.prediction)
    show_referral(describe_referral(result))
    if result.decision is not None:
        _show_follow_up(result.decision)


def show_failure(result: ScreeningResult) -> None:
    """Say why a photograph was refused, and what to do."""
    st.error(f"**Not graded.** {escape_markdown(result.error)}", icon=":material/block:")


def show_referral(referral: Referral) -> None:
    """Show the traffic light with its words beside it."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="medium"):
        show_traffic_light(referral.signal)
        with st.container(gap="xsmall"):
            st.markdown(f"### {referral.headline}")
            st.markdown(referral.detail)


def show_provenance(result: ScreeningResult) -> None:
    """Show which bytes went through which model, folded away."""
    with st.expander("Provenance", icon=":material/fingerprint:"):
        for label, value in describe_provenance(result.provenance):
            st.caption(f"**{label}**  {escape_markdown(value)}")


def draw_probabilities(prediction: Prediction, chosen: Grade) -> go.Figure:
    """Draw one bar for each grade; the reported one is set in bold."""
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
    figure.update_xaxes(range=[0, 1.14], visible=False, fixedrange=True)
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


def _show_grade(decision: Decision, prediction: Prediction) -> None:
    grade = decision.grade
    st.markdown(f"## Grade {grade.value}: {grade.label}", help=f"Defined by the ICDR scale as: {grade.finding}")
    shares = ", ".join(f"{item.label} {prediction.probabilities[item]:.0%}" for item in Grade)
    st.plotly_chart(
        draw_probabilities(prediction, grade),
        theme=None,
        config={"displayModeBar": False},
        key="probabilities",
        alt=f"Probability of each grade: {shares}",
    )
    if note := describe_grade(decision, prediction):
        st.caption(note)


def _show_follow_up(decision: Decision) -> None:
    follow_up = decision.follow_up
    with st.container(gap="xsmall"):
        st.markdown(f":material/event: **Follow-up.** {follow_up.text}.")
        st.caption(f"Guideline: {follow_up.source}.")
        st.markdown(f":material/warning: {MACULAR_OEDEMA_NOTE} {NOT_VALIDATED_NOTE}")
