"""A finished batch: counts, downloads, plots, the table, and the chosen photograph with its heatmap."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pandas as pd
import streamlit as st

from dr_core.domain.errors import PhotographError
from dr_core.domain.operating_point import LocalOperatingPoint
from dr_core.domain.results import ScreeningResult, Status
from dr_core.model.classifier import Classifier
from dr_core.reports.table import build_table
from dr_core.reports.wording import clean_text
from dr_core.screening.display import screen_for_display
from dr_core.screening.job import BatchJob
from dr_core.screening.job_state import JobState
from dr_core.screening.jobs import JobRegistry
from dr_core.screening.pipeline import Screening
from dr_core.screening.progress import format_duration
from pages.components.batch_agreement import explain_read_first, offer_all_answers, show_agreement
from pages.components.batch_downloads import offer_photograph_report, show_batch_downloads
from pages.components.batch_link import forget_batch, show_link
from pages.components.batch_plots import show_plots
from pages.components.batch_progress import show_counts
from pages.components.batch_steps import is_in_view
from pages.components.batch_table import choose_row
from pages.components.heatmap_panel import show_heatmap
from pages.components.reading_panel import show_reading
from pages.components.result_panel import show_provenance, show_result
from pages.components.session import forget_all, forget_others, recall
from pages.components.text import escape_markdown
from pages.components.viewer import Frame, choose_rendering, show_photograph

__all__ = ["show_results"]

PHOTOGRAPH_HEIGHT_PX = 400
KEPT_TABLE = "batch_kept_table"


def show_results(job: BatchJob, registry: JobRegistry, classifier: Classifier) -> None:
    """Show everything about a batch that has ended."""
    # Before the results: another session may read meanwhile, and a table must not be kept as newer than it is.
    revision = job.revision
    results, hidden = job.results, job.hidden
    st.markdown("# Results")
    _show_ending(job)
    show_counts(job)
    _show_actions(job, registry, classifier.operating_point)
    if not results:
        return
    if hidden:
        explain_read_first(job, len(hidden))
    else:
        show_plots(results)
        show_agreement(job)
    st.markdown("## Photographs")
    number = choose_row(job, _recall_table(job, results, hidden, revision), revision)
    if number is None:
        forget_all()
    else:
        _show_photograph(job, number, results[number - 1], classifier, hidden=number in hidden)


def _recall_table(
    job: BatchJob, results: Sequence[ScreeningResult], hidden: frozenset[int], revision: int
) -> pd.DataFrame:
    """Return the table of an ended batch, made anew after a reading alone: a click must not wait for 20,000 rows."""
    kept: tuple[tuple[str, int], pd.DataFrame] | None = st.session_state.get(KEPT_TABLE)
    what = (job.id, revision)
    if kept is None or kept[0] != what:
        kept = (what, build_table(results, hidden))
        st.session_state[KEPT_TABLE] = kept
    return kept[1]


def _show_ending(job: BatchJob) -> None:
    progress, batch = job.progress, job.request.batch
    if job.state is JobState.FAILED:
        st.error(escape_markdown(job.error), icon=":material/error:")
    if job.state is JobState.CANCELLED:
        st.warning(
            f"Stopped: {progress.done:,} of {progress.total:,} photographs are done.", icon=":material/stop_circle:"
        )
    noun = "photograph" if progress.done == 1 else "photographs"
    notes = [f"{progress.done:,} {noun} in {format_duration(progress.elapsed_s)}."]
    if batch.other_files:
        notes.append(f"Other files, not graded: {batch.other_files:,}.")
    if batch.linked_folders:
        notes.append(f"Linked folders, not followed: {batch.linked_folders:,}.")
    st.caption(" ".join(notes))


def _show_actions(job: BatchJob, registry: JobRegistry, point: LocalOperatingPoint | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="batch_actions"):
        show_batch_downloads(job, point)
        if job.hides_answers:
            offer_all_answers(job)
        show_link(job)
        if st.button("New batch", icon=":material/add:", key="batch_new"):
            forget_batch()
            st.rerun()
        with st.popover("Delete", icon=":material/delete:"):
            st.markdown(
                "Photographs, overlays, results and readings of this batch are deleted from the server at once."
            )
            if st.button("Delete this batch", type="primary", key="batch_delete"):
                registry.discard(job.id)
                forget_batch()
                st.rerun()


def _show_photograph(
    job: BatchJob, number: int, result: ScreeningResult, classifier: Classifier, *, hidden: bool
) -> None:
    # The heading changes together with the photograph and the keys below it, not while the photograph is still read:
    # a grade must never go to another photograph than the one in view.
    heading = st.container()
    data = _read_again(job, number, result)
    screening = _screen_again(job, number, result, classifier, data) if data is not None else None
    heading.markdown(f"## Row {number}")
    heading.text(clean_text(result.name))
    if data is None or screening is None or screening.photograph is None:
        if not hidden:
            show_result(result, classifier.operating_point)
        return
    left, right = st.columns([1.15, 1], gap="medium")
    with left:
        # What the network found hidden is an answer of the program as well.
        shown = replace(screening, hidden=None) if hidden else screening
        rendering = choose_rendering(shown, key="batch_rendering")
        show_photograph(shown, rendering, data, Frame("batch_photograph", PHOTOGRAPH_HEIGHT_PX, reveal=True))
        if result.status is not Status.FAILED:
            show_reading(
                partial(job.recall_reading, number),
                partial(job.read, number),
                key=f"batch_reading_{number}",
                in_view=partial(is_in_view, job.id, number),
            )
    if hidden:
        right.info("Your grade first: the program's answer appears then.", icon=":material/visibility_off:")
        return
    with right:
        show_result(result, classifier.operating_point)
    if result.status is Status.GRADED:
        show_heatmap(screening, rendering)
    show_provenance(result)
    if result.status is not Status.FAILED:
        offer_photograph_report(job, number, screening, classifier.operating_point)


def _read_again(job: BatchJob, number: int, result: ScreeningResult) -> bytes | None:
    try:
        return job.find_source(number).read_bytes()
    except PhotographError as error:
        if result.status is not Status.FAILED:
            st.warning(f"The photograph is no longer there. {escape_markdown(str(error))}", icon=":material/link_off:")
        return None


def _screen_again(
    job: BatchJob, number: int, result: ScreeningResult, classifier: Classifier, data: bytes
) -> Screening | None:
    """Return the photograph with what viewer and heatmap need, which would be too much to keep for a whole batch."""
    known = result.provenance.photograph_sha256
    forget_others({known})
    screening = recall(
        known, ("batch", job.id, number), lambda: screen_for_display(data, result.name, classifier=classifier)
    )
    if known and screening.result.provenance.photograph_sha256 != known:
        st.warning("The file on the server has changed since it was graded.", icon=":material/sync_problem:")
        return None
    return screening
