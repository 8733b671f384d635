"""What a local calibration found: figures in plain words, plots, the 2x2 tables, and the file to install."""

from dataclasses import replace

import streamlit as st

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.operating_point import LocalOperatingPoint, Proportion
from dr_core.model.classifier import Classifier
from dr_core.reports.local_calibration import (
    HOW_MEASURED,
    describe_left_out,
    describe_probabilities,
    describe_sensitivity,
    describe_specificity,
    find_cautions,
)
from dr_core.reports.operating_point import make_operating_point, name_file, render_operating_point
from dr_core.screening.clinic_figures import CalibrationStage
from dr_core.screening.clinic_sample import ClinicSample
from dr_core.screening.local_calibration import LocalCalibration, calibrate_locally
from pages.components.calibration_inputs import CalibrationRun, choose_sensitivity, forget_run
from pages.components.calibration_plots import draw_local_reliability, draw_local_roc
from pages.components.figure import show_figure
from pages.components.text import escape_markdown

__all__ = ["show_results"]

MAX_MESSAGE = 600


def show_results(run: CalibrationRun, sample: ClinicSample, classifier: Classifier) -> None:
    """Show what was found, at a sensitivity that can still be changed, and offer the file."""
    st.markdown(f"# {escape_markdown(run.name)}")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        with st.container(width=420):
            sensitivity = choose_sensitivity(run.sensitivity, key="calibrate_result_sensitivity")
        st.button("New calibration", icon=":material/add:", on_click=forget_run, key="calibrate_new")
    left_out = describe_left_out(sample, run.ungraded)
    try:
        calibration = calibrate_locally(
            sample.probabilities,
            sample.grades,
            wanted_sensitivity=sensitivity,
            released_threshold=sample.released_threshold,
        )
    except ConfigurationError as error:
        st.error(escape_markdown(f"{error} {left_out}", max_length=MAX_MESSAGE), icon=":material/error:")
        return
    point = _number(make_operating_point(calibration, run.name, sample.model_sha256), classifier)
    _show_words(calibration, sample)
    _show_file(point)
    _show_plots(calibration)
    _show_tables(calibration)
    referable = calibration.after.true_positives + calibration.after.false_negatives
    counted = f"{calibration.graded_count:,} photographs, {referable:,} of them referable by the readers."
    st.caption(f"{counted} {escape_markdown(left_out, max_length=MAX_MESSAGE)} {HOW_MEASURED}")


def _number(point: LocalOperatingPoint, classifier: Classifier) -> LocalOperatingPoint:
    """Return the next version where this installation works with an operating point of the same name."""
    installed = classifier.operating_point
    return replace(point, version=installed.version + 1) if installed and installed.name == point.name else point


def _show_words(calibration: LocalCalibration, sample: ClinicSample) -> None:
    before, after = calibration.before, calibration.after
    shown = (
        ("Sensitivity", f"{after.sensitivity.value:.0%}", _range(after.sensitivity)),
        ("Specificity", f"{after.specificity.value:.0%}", _range(after.specificity)),
        ("Referable from P(≥2)", f"{after.threshold:.3f}", f"{before.threshold:.3f} as released"),
        ("Temperature, shift", f"{after.temperature:.2f}, {after.shift:+.1f}", "1.00, 0.0 as released"),
    )
    for column, (title, figure, beside) in zip(st.columns(len(shown)), shown, strict=True):
        column.metric(title, figure, beside, delta_color="off", delta_arrow="off", border=True)
    st.markdown(f"{describe_sensitivity(after)} {describe_specificity(after)}")
    for caution in find_cautions(calibration, sample):
        st.warning(caution, icon=":material/warning:")


def _range(share: Proportion) -> str:
    return f"{share.low:.0%} to {share.high:.0%}, on {share.count:,} photographs"


def _show_file(point: LocalOperatingPoint) -> None:
    name = name_file(point)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.download_button(
                "Operating point",
                data=render_operating_point(point),
                file_name=name,
                mime="application/json",
                icon=":material/download:",
                type="primary",
                on_click="ignore",
                key="calibrate_download",
            )
            st.markdown(f"**{escape_markdown(point.label)}**, for the model `{point.model_sha256[:12]}` and no other")
        st.markdown(
            "To install it, keep the file on the computer that runs RetinaDesk and start the app with its path:"
        )
        st.code(f"RETINADESK_OPERATING_POINT=/path/to/{name} make run", language="bash")
        st.caption(
            f"On the command line: `python -m dr_core grade PATH... --out report.csv --operating-point {name}`. Every "
            "result and report then quotes it."
        )


def _show_plots(calibration: LocalCalibration) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("## Sensitivity against specificity")
        before, after = calibration.before, calibration.after
        alt = (
            f"ROC curve. Before: sensitivity {before.sensitivity.value:.2f}, specificity "
            f"{before.specificity.value:.2f}. After: {after.sensitivity.value:.2f} and {after.specificity.value:.2f}."
        )
        show_figure(draw_local_roc(calibration), key="calibrate_roc", alt=alt)
        st.caption(
            "Bars: 95% intervals. Dashed: the wanted sensitivity. A point may lie beside the curve, which has seen "
            "every photograph."
        )
    with right:
        st.markdown("## Stated against observed")
        alt = "Observed share of referable photographs against the stated probability, before and after."
        show_figure(draw_local_reliability(calibration), key="calibrate_reliability", alt=alt)
        st.caption(describe_probabilities(calibration))


def _show_tables(calibration: LocalCalibration) -> None:
    left, right = st.columns(2, gap="large")
    stages = ((left, "Before", calibration.before), (right, "After", calibration.after))
    for column, title, stage in stages:
        with column:
            st.markdown(f"## {title}: threshold {stage.threshold:.3f}")
            st.table(_tabulate(stage), hide_index=True, border="horizontal")


def _tabulate(stage: CalibrationStage) -> list[dict[str, str]]:
    return [
        {
            "Readers say": "Referable",
            "Called referable": f"{stage.true_positives:,}",
            "Not called": f"{stage.false_negatives:,} missed",
            "Share right": _cell("Sensitivity", stage.sensitivity),
        },
        {
            "Readers say": "Not referable",
            "Called referable": f"{stage.false_positives:,} without need",
            "Not called": f"{stage.true_negatives:,}",
            "Share right": _cell("Specificity", stage.specificity),
        },
    ]


def _cell(title: str, share: Proportion) -> str:
    return f"{title} {share.value:.0%} ({share.low:.0%}\N{NON-BREAKING HYPHEN}{share.high:.0%})"
