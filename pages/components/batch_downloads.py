"""What can be taken away from a batch that has ended; everything is made when it is asked for."""

from dataclasses import replace
from pathlib import Path

import streamlit as st

from dr_core.domain.operating_point import LocalOperatingPoint
from dr_core.domain.results import ScreeningResult
from dr_core.reports.csv import render_csv
from dr_core.reports.fhir import FHIR_LINES_MEDIA_TYPE, render_fhir_lines
from dr_core.reports.overlay_archive import list_overlays, write_overlay_archive
from dr_core.screening.job import BatchJob
from dr_core.screening.pipeline import Screening

__all__ = ["offer_photograph_report", "show_batch_downloads"]

WAITS_HELP = "Holds the program's answers: read every photograph first, or show all answers."
DETAILS_HELP = (
    "More columns in the CSV report: grades that fit, reasons for a reader, the eye as seen, and what else the network "
    "says."
)
FHIR_HELP = (
    "FHIR R4, for the hospital's record: a bundle a line for each photograph, in the order of the CSV report. The "
    "program's grade is preliminary there; a reader's is final. It does not say who the patients are."
)


def show_batch_downloads(job: BatchJob, point: LocalOperatingPoint | None) -> None:
    """Offer the CSV report, FHIR and the overlays of a whole batch; `point` is the clinic's own."""
    hides = job.hides_answers
    empty = not job.progress.done
    details = bool(st.session_state.get("batch_details", False))
    st.download_button(
        "CSV report",
        data=lambda: render_csv(job.results, details=details),
        file_name="retinadesk-batch.csv",
        mime="text/csv",
        icon=":material/table:",
        type="primary",
        on_click="ignore",
        disabled=hides or empty,
        help=WAITS_HELP if hides else None,
        key="batch_csv",
    )
    st.checkbox("With details", key="batch_details", help=DETAILS_HELP)
    st.download_button(
        "FHIR (NDJSON)",
        data=lambda: render_fhir_lines(job.results, operating_point=point),
        file_name="retinadesk-batch.ndjson",
        mime=FHIR_LINES_MEDIA_TYPE,
        icon=":material/local_hospital:",
        on_click="ignore",
        disabled=hides or empty,
        help=WAITS_HELP if hides else FHIR_HELP,
        key="batch_fhir",
    )
    st.download_button(
        "Overlays (ZIP)",
        data=lambda: _pack_overlays(job),
        file_name="retinadesk-overlays.zip",
        mime="application/zip",
        icon=":material/folder_zip:",
        on_click="ignore",
        disabled=hides or not job.progress.graded,
        help=WAITS_HELP if hides else None,
        key="batch_overlays",
    )


def offer_photograph_report(
    job: BatchJob, number: int, screening: Screening, point: LocalOperatingPoint | None
) -> None:
    """Offer the PDF report of one photograph, with the reader's grade where it has one.

    Args:
        job: the batch.
        number: row of the photograph, from 1; it was not hidden, and did not fail.
        screening: the photograph as it is shown.
        point: the clinic's own operating point in use.
    """

    def render() -> bytes:
        from dr_core.reports.pdf import render_pdf  # hundreds of modules that the first paint need not wait for

        # As it is now: another session may have read the photograph since this page was drawn.
        stated = replace(screening, result=_put_maps(job.results[number - 1], screening.result))
        return render_pdf([stated], operating_point=point)

    sha256 = screening.result.provenance.photograph_sha256
    st.markdown("## Downloads")
    with st.container(horizontal=True, key="downloads", vertical_alignment="center"):
        st.download_button(
            "PDF report",
            data=render,
            file_name=f"retinadesk-{sha256[:8]}.pdf",
            mime="application/pdf",
            icon=":material/picture_as_pdf:",
            type="primary",
            shortcut="P",
            on_click="ignore",
            key=f"batch_pdf_{number}",
        )


def _put_maps(result: ScreeningResult, shown: ScreeningResult) -> ScreeningResult:
    """Return what the batch says, with the maps that it does not keep; they are found anew for the photograph shown."""
    if result.prediction is None or shown.prediction is None:
        return replace(shown, reading=result.reading, provenance=result.provenance)
    maps = replace(result.prediction, class_maps=shown.prediction.class_maps, side=shown.prediction.side)
    return replace(result, prediction=maps)


def _pack_overlays(job: BatchJob) -> bytes:
    path: Path = job.new_file(".zip")
    try:
        write_overlay_archive(path, list_overlays(job.results, job.find_overlay), job.picture_folder)
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)
