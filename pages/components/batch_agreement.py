"""What blind readings say of the program: agreement with the readers, and the list for a local calibration."""

import streamlit as st

from dr_core.domain.evaluation import Estimate
from dr_core.domain.grades import Grade
from dr_core.domain.operating_point import Proportion
from dr_core.reports.graded_csv import render_graded_csv
from dr_core.screening.agreement import Agreement, compare_blind_readings
from dr_core.screening.job import BatchJob
from dr_core.screening.local_calibration import MIN_GRADED
from pages.components.confusion_plot import draw_counts
from pages.components.figure import show_figure

__all__ = ["explain_read_first", "offer_all_answers", "show_agreement"]

UNGRADED_LABEL = "No grade"
LIST_NOTE = "The page Calibrate takes this list together with the photographs."


def explain_read_first(job: BatchJob, waiting: int) -> None:
    """Say what is hidden and how it appears."""
    count = len(job.results)
    st.info(
        f"**You read first.** What the program says of a photograph appears once you have graded it: `N` goes to the "
        f"next one, `0` to `4` or `U` grade it. {waiting:,} of {count:,} wait. Plots and reports follow the last one.",
        icon=":material/visibility_off:",
    )


def offer_all_answers(job: BatchJob) -> None:
    """Offer to end the hiding."""
    with st.popover("Show all answers", icon=":material/visibility:"):
        st.markdown("Grades that you give afterwards no longer count as independent of the program.")
        st.button("Show all answers now", type="primary", key="batch_show_all", on_click=job.show_all)


def show_agreement(job: BatchJob) -> None:
    """Show how far program and readers agree; nothing where nobody read a photograph before its answer was shown."""
    agreement = compare_blind_readings(job.results)
    if agreement is None:
        return
    st.markdown("## The program beside its readers")
    left, right = st.columns([1, 1.3], gap="large")
    with left:
        _show_figures(agreement)
        _offer_list(job, agreement)
    with right:
        labels = [*(grade.label for grade in Grade), UNGRADED_LABEL]
        marks = [*(str(grade.value) for grade in Grade), "U"]
        show_figure(
            draw_counts(agreement.counts, labels=labels, marks=marks, across="Program's grade"),
            key="batch_agreement",
            alt=f"Readers' grades against the program's, {agreement.count:,} photographs read blind.",
        )


def _show_figures(agreement: Agreement) -> None:
    rows: list[tuple[str, str]] = [
        ("Same grade", _state(agreement.same)),
        ("No more than one step apart", _state(agreement.within_one)),
        ("Quadratic weighted kappa", _state_kappa(agreement.kappa)),
        ("Sensitivity for referable DR", _state(agreement.sensitivity)),
        ("Specificity for referable DR", _state(agreement.specificity)),
    ]
    st.table(
        [{"Of the program, by its readers": name, "Share (95% interval)": text} for name, text in rows],
        hide_index=True,
        border="horizontal",
    )
    st.caption(
        f"{agreement.count:,} photographs were graded before the program's answer was shown. Those that it cannot "
        "grade count as referred. Two photographs of one patient count as two."
    )


def _offer_list(job: BatchJob, agreement: Agreement) -> None:
    st.download_button(
        "Readers' grades (CSV)",
        data=lambda: render_graded_csv(job.results),
        file_name="retinadesk-graded.csv",
        mime="text/csv",
        icon=":material/fact_check:",
        on_click="ignore",
        key="batch_graded_list",
    )
    wanted = f" It wants {MIN_GRADED} photographs at least." if agreement.count < MIN_GRADED else ""
    st.caption(f"{LIST_NOTE}{wanted}")


def _state(share: Proportion | None) -> str:
    if share is None:
        return "no such photograph"
    return f"{share.value:.0%} ({share.low:.0%} to {share.high:.0%}), n = {share.count:,}"


def _state_kappa(kappa: Estimate) -> str:
    if kappa.value is None:
        return f"undefined: {kappa.reason}"
    if kappa.low is None or kappa.high is None:
        return f"{kappa.value:.2f} ({kappa.reason})"
    return f"{kappa.value:.2f} ({kappa.low:.2f} to {kappa.high:.2f})"
