"""An evaluation on a page: figures with intervals, operating points, confusion, ROC, calibration, and the baseline."""

from collections.abc import Sequence

import streamlit as st

from dr_core.domain.evaluation import BaselineRecord, Estimate, EvaluationRecord, SliceMetrics
from dr_core.domain.grades import Grade
from dr_core.reports.evaluation import format_estimate
from pages.components.confusion_plot import draw_confusion
from pages.components.figure import show_figure
from pages.components.metric_plots import (
    draw_intervals,
    draw_reliability,
    draw_roc,
    name_boundary,
)
from pages.components.source_style import name_source

__all__ = [
    "Slices",
    "show_agreement",
    "show_baseline",
    "show_calibration",
    "show_confusion_and_roc",
    "show_counts",
    "show_intervals",
    "show_operating_points",
]

Slices = Sequence[tuple[str, SliceMetrics]]
THRESHOLD_BOUNDARIES = (2, 3)
BASELINE_SOURCE = "aptos2019"


def show_intervals(slices: Slices, baseline: BaselineRecord | None) -> None:
    """Show kappa, accuracy and AUC of every source, the notebook's way beside them where it was measured."""
    compared = () if baseline is None else tuple((item.source, item.metrics) for item in baseline.sources)
    choices = (
        ("kappa", "Quadratic weighted kappa", lambda metrics: metrics.kappa),
        ("accuracy", "Accuracy, five grades", lambda metrics: metrics.accuracy),
        ("auc", "AUC, referable DR", lambda metrics: metrics.at_boundary(2).auc),
    )
    for column, (key, title, pick) in zip(st.columns(len(choices)), choices, strict=True):
        with column:
            figure = draw_intervals(slices, compared, pick, title=title)
            show_figure(figure, key=f"interval_{key}", alt=f"{title} of each source with its 95% interval.")
    marks = "Green: RetinaDesk" + (". Grey cross: the notebook's way, trained on APTOS 2019 alone" if compared else "")
    st.caption(f"{marks}. Whiskers are 95% bootstrap intervals, drawn by patient.")


def show_agreement(slices: Slices) -> None:
    """Show agreement with the readers and discrimination as a table."""
    st.table(
        [
            {
                "Source": name_source(source),
                "Photographs": f"{metrics.n:,}",
                "Accuracy": _cell(metrics.accuracy),
                "Weighted kappa": _cell(metrics.kappa),
                "AUC referable": _cell(metrics.at_boundary(2).auc),
                "AUC vision-thr.": _cell(metrics.at_boundary(3).auc),
            }
            for source, metrics in slices
        ],
        hide_index=True,
        border="horizontal",
    )


def show_operating_points(slices: Slices) -> None:
    """Show sensitivity and specificity at the frozen thresholds as one table a boundary."""
    for boundary in THRESHOLD_BOUNDARIES:
        points = [(source, metrics.at_boundary(boundary)) for source, metrics in slices]
        known = [(source, at, at.operating_point) for source, at in points if at.operating_point is not None]
        if not known:
            continue
        st.markdown(f"**{name_boundary(boundary)}**, threshold {known[0][2].threshold:.3f}")
        st.table(
            [
                {
                    "Source": name_source(source),
                    "At or above / below": f"{at.positives:,} / {at.negatives:,}",
                    "Sensitivity": _cell(point.sensitivity),
                    "Specificity": _cell(point.specificity),
                }
                for source, at, point in known
            ],
            hide_index=True,
            border="horizontal",
        )


def show_counts(record: EvaluationRecord) -> None:
    """Show how many photographs were refused or failed."""
    st.table(
        [
            {
                "Source": name_source(source.source),
                "Labelled": f"{source.n_labelled:,}",
                "Gradable": f"{source.n_gradable:,}",
                "Ungradable": f"{source.n_ungradable:,}",
                "Failed": f"{source.n_failed:,}",
                "Accuracy, failed = wrong": f"{source.accuracy_failed_as_wrong:.3f}",
            }
            for source in record.sources
        ],
        hide_index=True,
        border="horizontal",
    )
    st.caption(
        "Ungradable: refused by the quality gate, and graded for these figures all the same. Failed: no field of view "
        "found or the picture unreadable, hence no probability; in no figure but the last column."
    )


def show_confusion_and_roc(slices: Slices) -> None:
    """Show the confusion matrix of one source beside the ROC curves of all."""
    left, right = st.columns(2)
    with left:
        metrics = _choose_source(slices, key="confusion_source", label="Confusion matrix of")
        show_figure(draw_confusion(metrics), key="confusion", alt=_describe_confusion(metrics))
    with right:
        boundary = st.segmented_control(
            "ROC curves for",
            THRESHOLD_BOUNDARIES,
            default=THRESHOLD_BOUNDARIES[0],
            format_func=name_boundary,
            required=True,
            key="roc_boundary",
        )
        figure = draw_roc(slices, boundary=boundary or THRESHOLD_BOUNDARIES[0])
        show_figure(figure, key="roc", alt="Sensitivity against 1 - specificity, one curve a source.")
    st.caption(
        "Shade: share of the reader's grade. Markers on the curves: the threshold frozen on the validation split."
    )


def _describe_confusion(metrics: SliceMetrics) -> str:
    alike = [
        f"{grade.label} {row[grade]:,} of {sum(row):,}" for grade, row in zip(Grade, metrics.confusion, strict=True)
    ]
    return f"Reader's grade against model's grade. The model says the same of: {', '.join(alike)}."


def show_calibration(slices: Slices) -> None:
    """Show whether stated probabilities come true, for one source and as a table for all."""
    metrics = _choose_source(slices, key="calibration_source", label="Calibration on")
    show_figure(draw_reliability(metrics), key="reliability", alt="Observed rate against stated probability.")
    st.markdown("**Expected calibration error**, 15 bins")
    st.table(
        [
            {"Source": name_source(source)}
            | {f"P(≥{at.boundary})": _cell(at.calibration_error) for at in metrics.boundaries}
            for source, metrics in slices
        ],
        hide_index=True,
        border="horizontal",
    )
    st.caption(
        "On the diagonal, a stated probability comes true as often as it says. Markers grow with the number of "
        "photographs. Resampling raises the calibration error, so on a small source the interval may lie above it."
    )


def show_baseline(slices: Slices, baseline: BaselineRecord) -> None:
    """Show the released model beside the notebook's way on the source that both were trained on."""
    ours = [metrics for source, metrics in slices if source == BASELINE_SOURCE]
    theirs = [item.metrics for item in baseline.sources if item.source == BASELINE_SOURCE]
    rows = [_compare("RetinaDesk", metrics, baseline.retinadesk_seconds_per_original) for metrics in ours] + [
        _compare("Notebook's way", metrics, baseline.seconds_per_original) for metrics in theirs
    ]
    st.table(rows, hide_index=True, border="horizontal")
    st.caption(
        f"{name_source(BASELINE_SOURCE)} test split. {baseline.description} Seconds: mean of {baseline.n_originals} "
        "photographs at the camera's full resolution, both ways on the same machine; RetinaDesk's time includes the "
        "quality gate and what the heatmap needs."
    )


def _compare(name: str, metrics: SliceMetrics, seconds: float) -> dict[str, str]:
    return {
        "Way": name,
        "Photographs": f"{metrics.n:,}",
        "Accuracy": _cell(metrics.accuracy),
        "Weighted kappa": _cell(metrics.kappa),
        "AUC referable": _cell(metrics.at_boundary(2).auc),
        "Seconds a photograph": f"{seconds:.2f}",
    }


def _cell(estimate: Estimate) -> str:
    # Neither the space nor the hyphen may break the line.
    return format_estimate(estimate).replace(" ", "\N{NO-BREAK SPACE}").replace("-", "\N{NON-BREAKING HYPHEN}")


def _choose_source(slices: Slices, *, key: str, label: str) -> SliceMetrics:
    known = dict(slices)
    last = list(known)[-1]

    def name(source: str) -> str:
        return f"{name_source(source)} ({known[source].n:,} photographs)"

    chosen = st.selectbox(label, list(known), index=len(known) - 1, format_func=name, key=key)
    return known[chosen or last]
