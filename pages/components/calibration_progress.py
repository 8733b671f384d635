"""A local calibration at work: how far, how long, and the way to stop it."""

import streamlit as st

from dr_core.screening.calibration_job import CalibrationJob
from dr_core.screening.job_state import JobState
from pages.components.session import page_border

__all__ = ["show_progress"]

REFRESH_S = 1.0


def show_progress(job: CalibrationJob) -> None:
    """Show the running calibration; the page goes on to the results by itself."""
    st.markdown("# Screening the graded photographs")
    _show_running(job)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Stop", icon=":material/stop_circle:", on_click=job.cancel, key="calibrate_cancel")
        st.caption("Stay with this browser tab until it is done; nothing is kept on the server.", width="content")


@st.fragment(run_every=REFRESH_S)
@page_border()
def _show_running(job: CalibrationJob) -> None:
    state, progress = job.state, job.progress
    if state.ended:
        st.rerun()
    waiting = state is JobState.WAITING
    st.progress(progress.share, text="Waiting until another calibration is done." if waiting else progress.text)
    columns = st.columns(3)
    counts = (("Graded", progress.graded), ("Ungradable", progress.ungradable), ("Failed", progress.failed))
    for column, (label, count) in zip(columns, counts, strict=True):
        column.metric(label, f"{count:,}", border=True)
