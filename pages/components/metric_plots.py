"""Figures of the Model page: intervals per source, ROC, reliability and training curves."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dr_core.domain.evaluation import BoundaryMetrics, Estimate, SliceMetrics
from dr_core.domain.grades import Grade
from dr_core.reports.palette import ACCENT, GRADE_COLORS, MUTED
from dr_core.reports.training_log import EpochRow
from pages.components.source_style import color_source, name_source, symbol_source

_MARGIN = {"l": 8, "r": 8, "t": 56, "b": 8}
_LEGEND = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "xanchor": "left", "title": None}
_DIAGONAL = {"color": MUTED, "width": 1, "dash": "dot"}
_BOUNDARY_NAMES = {1: "Any DR (≥1)", 2: "Referable (≥2)", 3: "Vision-threatening (≥3)"}
_BOUNDARY_GRADES = {1: Grade.MILD_NPDR, 2: Grade.MODERATE_NPDR, 3: Grade.PROLIFERATIVE_DR}
_BOUNDARY_DASHES = {1: "solid", 2: "dash", 3: "dot"}
_BASELINE_NAME = "Notebook baseline"
_SQUARE_HEIGHT_PX = 440

Slices = Sequence[tuple[str, SliceMetrics]]


def name_boundary(boundary: int) -> str:
    """Return how a boundary of the scale is called, for example ``Referable (≥2)``."""
    return _BOUNDARY_NAMES[boundary]


def draw_intervals(
    slices: Slices, baseline: Slices, pick: Callable[[SliceMetrics], Estimate], *, title: str
) -> go.Figure:
    """Draw one figure of every source with its 95% interval, the notebook baseline's beside it.

    Args:
        slices: source and figures of the released model, top to bottom.
        baseline: source and figures of the notebook baseline; may be empty.
        pick: takes the figure out of a slice.
        title: name of the figure.
    """
    figure = go.Figure()
    order = [name_source(source) for source, _ in slices]
    known = {source: metrics for source, metrics in baseline if name_source(source) in order}
    if known:
        rows = [(name_source(source), pick(metrics)) for source, metrics in known.items()]
        figure.add_trace(_whiskers(rows, name=_BASELINE_NAME, color=MUTED, symbol="x-thin", offset=True))
    rows = [(name_source(source), pick(metrics)) for source, metrics in slices]
    figure.add_trace(_whiskers(rows, name="RetinaDesk", color=ACCENT, symbol="circle", offset=False))
    figure.update_layout(
        height=90 + 40 * len(order),
        margin=_MARGIN | {"t": 44},
        title={"text": title, "font": {"size": 15}, "x": 0},
        showlegend=False,
        scattermode="group",
    )
    figure.update_yaxes(categoryorder="array", categoryarray=order[::-1], title=None, ticks="")
    figure.update_xaxes(range=[_lower_end(slices, tuple(known.items()), pick), 1.005], title=None, tickformat=".1f")
    return figure


def _whiskers(rows: Sequence[tuple[str, Estimate]], *, name: str, color: str, symbol: str, offset: bool) -> go.Scatter:
    known = [(label, estimate, estimate.value) for label, estimate in rows if estimate.value is not None]
    values = [value for _, _, value in known]
    return go.Scatter(
        x=values,
        y=[label for label, _, _ in known],
        mode="markers",
        name=name,
        orientation="h",
        offsetgroup="baseline" if offset else "model",
        marker={"color": color, "size": 9, "symbol": symbol, "line": {"color": color, "width": 2}},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [0.0 if e.high is None else max(0.0, e.high - value) for _, e, value in known],
            "arrayminus": [0.0 if e.low is None else max(0.0, value - e.low) for _, e, value in known],
            "color": color,
            "thickness": 2,
            "width": 5,
        },
        hovertemplate="%{y}: %{x:.3f}<extra>" + name + "</extra>",
    )


def _lower_end(
    slices: Slices, baseline: Sequence[tuple[str, SliceMetrics]], pick: Callable[[SliceMetrics], Estimate]
) -> float:
    ends = [pick(metrics) for _, metrics in [*slices, *baseline]]
    lowest = min((e.value if e.low is None else e.low for e in ends if e.value is not None), default=0.0)
    return min(0.5, max(-0.2, lowest or 0.0) - 0.03)


def draw_roc(slices: Slices, *, boundary: int) -> go.Figure:
    """Draw the ROC curve of each source for one boundary, with the frozen operating point on it."""
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=_DIAGONAL, hoverinfo="skip", showlegend=False))
    for source, metrics in slices:
        at = metrics.at_boundary(boundary)
        if at.roc is None or at.auc.value is None:
            continue
        color = color_source(source)
        figure.add_scatter(
            x=at.roc.false_positive_rate,
            y=at.roc.true_positive_rate,
            mode="lines",
            name=f"{name_source(source)} {at.auc.value:.3f}",
            legendgroup=source,
            line={"color": color, "width": 2.2},
            hovertemplate="Sensitivity %{y:.3f} at specificity %{customdata:.3f}<extra>"
            + name_source(source)
            + "</extra>",
            customdata=[1 - rate for rate in at.roc.false_positive_rate],
        )
        _mark_operating_point(figure, at, source=source)
    corner = {"x": 0.99, "y": 0.02, "xanchor": "right", "yanchor": "bottom", "bgcolor": "rgba(255,255,255,0.85)"}
    figure.update_layout(
        height=_SQUARE_HEIGHT_PX,
        margin=_MARGIN | {"t": 8},
        showlegend=True,
        legend=corner | {"orientation": "v", "title": {"text": "AUC"}},
    )
    figure.update_xaxes(title="1 - specificity", range=[-0.01, 1.01])
    figure.update_yaxes(title="Sensitivity", range=[-0.01, 1.02])
    return figure


def _mark_operating_point(figure: go.Figure, at: BoundaryMetrics, *, source: str) -> None:
    point = at.operating_point
    if point is None or point.sensitivity.value is None or point.specificity.value is None:
        return
    figure.add_scatter(
        x=[1 - point.specificity.value],
        y=[point.sensitivity.value],
        mode="markers",
        legendgroup=source,
        showlegend=False,
        marker={
            "color": color_source(source),
            "size": 11,
            "symbol": symbol_source(source),
            "line": {"color": "white", "width": 1.5},
        },
        hovertemplate=f"Sensitivity %{{y:.3f}} at {point.threshold:.3f}<extra>{name_source(source)}, frozen</extra>",
    )


def draw_reliability(metrics: SliceMetrics) -> go.Figure:
    """Draw observed rate against stated probability for the three boundaries; marker area follows the count."""
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=_DIAGONAL, hoverinfo="skip", showlegend=False))
    for at in metrics.boundaries:
        most = max((item.count for item in at.reliability), default=1)
        color = GRADE_COLORS[_BOUNDARY_GRADES[at.boundary]]
        error = "" if at.calibration_error.value is None else f", ECE {at.calibration_error.value:.3f}"
        figure.add_scatter(
            x=[item.mean_probability for item in at.reliability],
            y=[item.observed_rate for item in at.reliability],
            mode="lines+markers",
            name=_BOUNDARY_NAMES[at.boundary] + error,
            line={"color": color, "width": 2, "dash": _BOUNDARY_DASHES[at.boundary]},
            marker={
                "color": color,
                "size": [6 + 14 * (item.count / most) ** 0.5 for item in at.reliability],
                "opacity": 0.8,
            },
            customdata=[item.count for item in at.reliability],
            hovertemplate="Said %{x:.2f}, seen %{y:.2f} (%{customdata} photographs)<extra>"
            + _BOUNDARY_NAMES[at.boundary]
            + "</extra>",
        )
    corner = {"x": 0.01, "y": 0.99, "xanchor": "left", "yanchor": "top", "bgcolor": "rgba(255,255,255,0.85)"}
    figure.update_layout(
        height=460, margin=_MARGIN | {"t": 8}, legend=corner | {"orientation": "v", "title": None}, showlegend=True
    )
    figure.update_xaxes(title="Stated probability", range=[-0.03, 1.03])
    figure.update_yaxes(title="Observed rate", range=[-0.03, 1.03])
    return figure


def draw_training(rows: Sequence[EpochRow]) -> go.Figure:
    """Draw loss and validation figures over the epochs, with a rule where a new stage begins."""
    figure = make_subplots(
        rows=1, cols=2, subplot_titles=("Loss", "Agreement on the validation split"), horizontal_spacing=0.09
    )
    epochs = [row.epoch for row in rows]
    curves = (
        (1, "Training, augmented", [row.loss for row in rows], MUTED, "dash"),
        (1, "Validation", [row.val_loss for row in rows], ACCENT, "solid"),
        (2, "Quadratic weighted kappa", [row.val_qwk for row in rows], GRADE_COLORS[Grade.SEVERE_NPDR], "solid"),
        (2, "AUC, referable DR", [row.val_auc_rdr for row in rows], "#d98a00", "dash"),
    )
    for column, name, values, color, dash in curves:
        figure.add_scatter(
            x=epochs, y=values, mode="lines+markers", name=name, row=1, col=column,
            line={"color": color, "width": 2.2, "dash": dash}, marker={"size": 6},
            hovertemplate="Epoch %{x}: %{y:.3f}<extra>" + name + "</extra>",
        )  # fmt: skip
    for before, after in pairwise(rows):
        if after.stage != before.stage:
            figure.add_vline(x=after.epoch - 0.5, line={"color": MUTED, "width": 1.5, "dash": "dot"}, row=1, col="all")
    figure.update_layout(height=400, margin=_MARGIN | {"t": 76}, legend=_LEGEND | {"y": 1.12})
    figure.update_xaxes(title="Epoch", dtick=max(1, len(rows) // 12))
    return figure
