"""Two plots of a local calibration: the ROC curve with both operating points, and stated against observed shares."""

import plotly.graph_objects as go

from dr_core.domain.operating_point import Proportion
from dr_core.reports.palette import ACCENT, MUTED
from dr_core.screening.clinic_figures import CalibrationStage, measure_proportion
from dr_core.screening.local_calibration import LocalCalibration

__all__ = ["draw_local_reliability", "draw_local_roc"]

HEIGHT_PX = 420
MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
BEFORE, AFTER = "Before, released threshold", "After, this clinic's own"
BEFORE_COLOR = "#d98a00"
DIAGONAL = {"color": MUTED, "width": 1, "dash": "dot"}
LEGEND_BACKGROUND = "rgba(255,255,255,0.85)"


def draw_local_roc(calibration: LocalCalibration) -> go.Figure:
    """Draw the ROC curve of the clinic's photographs, and both operating points with their intervals."""
    roc = calibration.roc
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=DIAGONAL, hoverinfo="skip", showlegend=False))
    figure.add_scatter(
        x=roc.false_positive_rate,
        y=roc.true_positive_rate,
        customdata=[1 - rate for rate in roc.false_positive_rate],
        mode="lines",
        name=f"This clinic's photographs, AUC {calibration.auc:.3f}",
        line={"color": MUTED, "width": 2.2},
        hovertemplate="Sensitivity %{y:.2f} at specificity %{customdata:.2f}<extra></extra>",
    )
    for stage, name, color, symbol in (
        (calibration.before, BEFORE, BEFORE_COLOR, "diamond"),
        (calibration.after, AFTER, ACCENT, "circle"),
    ):
        _mark(figure, stage, name=name, color=color, symbol=symbol)
    figure.add_hline(y=calibration.wanted_sensitivity, line={"color": ACCENT, "width": 1, "dash": "dash"})
    figure.update_layout(height=HEIGHT_PX, margin=MARGIN, showlegend=True, legend=_corner(0.99, 0.02))
    figure.update_xaxes(title="1 - specificity", range=[-0.02, 1.02])
    figure.update_yaxes(title="Sensitivity", range=[-0.02, 1.04])
    return figure


def draw_local_reliability(calibration: LocalCalibration) -> go.Figure:
    """Draw the observed share of referable photographs against the stated probability, before and after."""
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=DIAGONAL, hoverinfo="skip", showlegend=False))
    for stage, name, color, symbol, dash in (
        (calibration.before, "Before, as released", BEFORE_COLOR, "diamond", "dash"),
        (calibration.after, "After, as calibrated here", ACCENT, "circle", "solid"),
    ):
        shares = [measure_proportion(round(part.observed_rate * part.count), part.count) for part in stage.reliability]
        figure.add_scatter(
            x=[part.mean_probability for part in stage.reliability],
            y=[share.value for share in shares],
            customdata=[part.count for part in stage.reliability],
            error_y=_bars(shares, color),
            mode="lines+markers",
            name=name,
            line={"color": color, "width": 2, "dash": dash},
            marker={"color": color, "size": 9, "symbol": symbol},
            hovertemplate="Said %{x:.2f}, seen %{y:.2f} (%{customdata} photographs)<extra>" + name + "</extra>",
        )
    figure.update_layout(height=HEIGHT_PX, margin=MARGIN, showlegend=True, legend=_corner(0.01, 0.99))
    figure.update_xaxes(title="Stated probability of referable DR", range=[-0.03, 1.03])
    figure.update_yaxes(title="Share that readers called referable", range=[-0.03, 1.03])
    return figure


def _mark(figure: go.Figure, stage: CalibrationStage, *, name: str, color: str, symbol: str) -> None:
    figure.add_scatter(
        x=[1 - stage.specificity.value],
        y=[stage.sensitivity.value],
        error_x=_bars([_mirror(stage.specificity)], color),
        error_y=_bars([stage.sensitivity], color),
        mode="markers",
        name=name,
        marker={"color": color, "size": 12, "symbol": symbol, "line": {"color": "white", "width": 1.5}},
        hovertemplate=f"Sensitivity %{{y:.2f}} at threshold {stage.threshold:.3f}<extra>{name}</extra>",
    )


def _mirror(share: Proportion) -> Proportion:
    return Proportion(1 - share.value, 1 - share.high, 1 - share.low, share.count)


def _bars(shares: list[Proportion], color: str) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [share.high - share.value for share in shares],
        "arrayminus": [share.value - share.low for share in shares],
        "color": color,
        "thickness": 1.4,
        "width": 4,
    }


def _corner(x: float, y: float) -> dict[str, object]:
    return {
        "x": x,
        "y": y,
        "xanchor": "right" if x > 0.5 else "left",
        "yanchor": "top" if y > 0.5 else "bottom",
        "orientation": "v",
        "bgcolor": LEGEND_BACKGROUND,
        "title": None,
    }
