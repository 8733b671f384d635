"""A batch at work: how far, how fast, how long; and the way to stop it."""

import streamlit as st

from dr_core.domain.second_look import needs_reader
from dr_core.screening.job import BatchJob
from dr_core.screening.job_state import JobState
from pages.components.batch_link import show_link
from pages.components.session import page_border

__all__ = ["show_counts", "show_progress"]

REFRESH_S = 1.0


def show_progress(job: BatchJob) -> None:
    """Show the running batch; the page goes on to the results by itself."""
    st.markdown("# Grading")
    _show_running(job)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Stop", icon=":material/stop_circle:", on_click=job.cancel, disabled=job.stopping, key="batch_cancel")
        show_link(job)
        st.caption("You may leave this page: grading goes on.", width="content")


@st.fragment(run_every=REFRESH_S)
@page_border()
def _show_running(job: BatchJob) -> None:
    state, progress = job.state, job.progress
    if state.ended:
        st.rerun()
    text = progress.text
    if job.stopping:
        text = f"{progress.text}. Stopping when the photographs at hand are finished; what is done stays."
    elif state is JobState.WAITING:
        text = "Waiting until another batch is done."
    st.progress(progress.share, text=text)
    show_counts(job)


def show_counts(job: BatchJob) -> None:
    """Show how many photographs ended how; of answers that are hidden, nothing."""
    progress = job.progress
    if job.hides_answers:
        counts = {
            "Photographs": progress.done,
            "Read": job.read_count,
            "To read": len(job.hidden),
            "Failed": progress.failed,
        }
    else:
        counts = {
            "Graded": progress.graded,
            "Referable": job.referable,
            "Needs a reader": sum(map(needs_reader, job.results)),
            "Ungradable": progress.ungradable,
            "Failed": progress.failed,
        }
    for column, (label, count) in zip(st.columns(len(counts)), counts.items(), strict=True):
        column.metric(label, f"{count:,}", border=True)
