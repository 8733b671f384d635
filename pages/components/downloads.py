"""What can be taken away from the Screen page; everything is made in memory when it is asked for."""

from collections.abc import Sequence

import streamlit as st

from dr_core.domain.operating_point import LocalOperatingPoint
from dr_core.domain.results import ScreeningResult, Status
from dr_core.reports.csv import render_csv
from dr_core.reports.fhir import FHIR_MEDIA_TYPE, render_fhir
from dr_core.reports.json import format_json
from dr_core.screening.pipeline import Screening
from pages.components.unsaved import recall_taken

__all__ = ["show_downloads"]

FHIR_HELP = (
    "FHIR R4, for the hospital's record. The program's grade is preliminary there; a reader's is final. It does not "
    "say who the patient is."
)


def show_downloads(screenings: Sequence[Screening], point: LocalOperatingPoint | None) -> None:
    """Offer the PDF report, the CSV rows, JSON and FHIR of all photographs on the page; `point` is the clinic's own."""
    results = [screening.result for screening in screenings]
    taken = recall_taken()
    stem = "retinadesk-" + "-".join(result.provenance.photograph_sha256[:8] or "unread" for result in results)
    with st.container(horizontal=True, key="downloads", vertical_alignment="center"):
        if any(result.status is not Status.FAILED for result in results):
            _offer_pdf(screenings, point, f"{stem}.pdf")
        st.download_button(
            "CSV row" if len(results) == 1 else "CSV rows",
            data=taken.note(results, lambda: render_csv(results)),
            file_name=f"{stem}.csv",
            mime="text/csv",
            icon=":material/table:",
            on_click="ignore",
            key="download_csv",
        )
        st.download_button(
            "JSON",
            data=taken.note(results, lambda: _join_json(results, point)),
            file_name=f"{stem}.json",
            mime="application/json",
            icon=":material/data_object:",
            on_click="ignore",
            key="download_json",
        )
        st.download_button(
            "FHIR",
            data=taken.note(results, lambda: render_fhir(results, operating_point=point)),
            file_name=f"{stem}.fhir.json",
            mime=FHIR_MEDIA_TYPE,
            icon=":material/local_hospital:",
            help=FHIR_HELP,
            on_click="ignore",
            key="download_fhir",
        )


def _join_json(results: Sequence[ScreeningResult], point: LocalOperatingPoint | None) -> str:
    return "[\n" + ",\n".join(format_json(result, point).rstrip() for result in results) + "\n]\n"


def _offer_pdf(screenings: Sequence[Screening], point: LocalOperatingPoint | None, name: str) -> None:
    def render() -> bytes:
        from dr_core.reports.pdf import render_pdf  # hundreds of modules that the first paint need not wait for

        return render_pdf(screenings, operating_point=point)

    st.download_button(
        "PDF report",
        data=recall_taken().note([screening.result for screening in screenings], render),
        file_name=name,
        mime="application/pdf",
        icon=":material/picture_as_pdf:",
        type="primary",
        shortcut="P",
        on_click="ignore",
        key="download_pdf",
    )
