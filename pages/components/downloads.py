"""What can be taken away from the Screen page; everything is made in memory when it is asked for."""

from collections.abc import Sequence

import streamlit as st

from dr_core.domain.results import Status
from dr_core.reports.csv import render_csv
from dr_core.reports.json import format_json
from dr_core.reports.pdf import render_pdf
from dr_core.screening.pipeline import Screening

__all__ = ["show_downloads"]


def show_downloads(screenings: Sequence[Screening]) -> None:
    """Offer the PDF report, the CSV rows and the JSON of all photographs on the page."""
    results = [screening.result for screening in screenings]
    stem = "retinadesk-" + "-".join(result.provenance.photograph_sha256[:8] or "unread" for result in results)
    with st.container(horizontal=True, key="downloads", vertical_alignment="center"):
        if any(result.status is not Status.FAILED for result in results):
            _offer_pdf(screenings, f"{stem}.pdf")
        st.download_button(
            "CSV row" if len(results) == 1 else "CSV rows",
            data=lambda: render_csv(results),
            file_name=f"{stem}.csv",
            mime="text/csv",
            icon=":material/table:",
            on_click="ignore",
            key="download_csv",
        )
        st.download_button(
            "JSON",
            data=lambda: "[\n" + ",\n".join(format_json(result).rstrip() for result in results) + "\n]\n",
            file_name=f"{stem}.json",
            mime="application/json",
            icon=":material/data_object:",
            on_click="ignore",
            key="download_json",
        )


def _offer_pdf(screenings: Sequence[Screening], name: str) -> None:
    st.download_button(
        "PDF report",
        data=lambda: render_pdf(screenings),
        file_name=name,
        mime="application/pdf",
        icon=":material/picture_as_pdf:",
        type="primary",
        shortcut="P",
        on_click="ignore",
        key="download_pdf",
    )
