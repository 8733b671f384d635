"""The private link of a batch: ``?job=...`` in the address, remembered by this session, known to nobody else."""

import streamlit as st

from dr_core.screening.job import BatchJob
from dr_core.screening.jobs import JobRegistry

__all__ = ["find_linked_batch", "forget_batch", "link_batch", "show_link"]

PARAMETER = "job"
REMEMBERED = "batch_job"


def find_linked_batch(registry: JobRegistry) -> BatchJob | None:
    """Return the batch that the address names, or else the last one of this session."""
    named = st.query_params.get(PARAMETER, "")
    job = registry.find(named or st.session_state.get(REMEMBERED, ""))
    if job is not None:
        link_batch(job)
        return job
    if named:
        st.warning(
            "There is no batch under this link: it was deleted, it expired, or the server was started anew.",
            icon=":material/link_off:",
        )
    forget_batch()
    return None


def link_batch(job: BatchJob) -> None:
    """Put the batch into the address, and remember it for when the user comes back from another page."""
    st.session_state[REMEMBERED] = job.id
    if st.query_params.get(PARAMETER) != job.id:
        st.query_params[PARAMETER] = job.id


def forget_batch() -> None:
    """Take the batch out of the address and out of this session; whoever has the link still finds it."""
    st.session_state.pop(REMEMBERED, None)
    st.query_params.pop(PARAMETER, None)


def show_link(job: BatchJob) -> None:
    """Offer the private link for copying."""
    with st.popover("Private link", icon=":material/link:", help="Comes back to this batch from any browser."):
        st.markdown(
            "Whoever has this link sees the photographs and the results; without it nobody finds them. "
            "It ends when the batch is deleted or expires."
        )
        st.code(f"{st.context.url}?{PARAMETER}={job.id}", language=None, wrap_lines=True)
