"""Figures of the Dataset page: grades, sizes, brightness, sharpness and ages, from counts alone."""

from collections.abc import Callable, Sequence

import plotly.graph_objects as go

from dr_core.domain.dataset_statistics import Histogram, SourceStatistics, SplitBalance
from dr_core.domain.grades import Grade
from dr_core.reports.palette import GRADE_COLORS
from pages.components.source_style import color_source, name_source

UNGRADED_COLOR = "#c9ced0"
_MARGIN = {"l": 8, "r": 8, "t": 56, "b": 8}
_LEGEND = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "xanchor": "left", "title": None}
_MIN_LABELLED_SHARE = 0.045
_LARGEST_MARKER_PX = 38
_SMALLEST_MARKER_PX = 7


def draw_balance(balances: Sequence[tuple[str, SplitBalance]], *, as_share: bool) -> go.Figure:
    """Stack the grades of each bar, in the order of severity.

    Args:
        balances: label and counts of each bar, top to bottom.
        as_share: percent of the bar instead of photographs.
    """
    figure = go.Figure()
    totals = [sum(balance.grade_counts) + balance.n_ungraded for _, balance in balances]
    labels = [f"{label} ({total:,})" for (label, _), total in zip(balances, totals, strict=True)]
    layers = [(f"{grade.value} {grade.label}", GRADE_COLORS[grade], grade.value) for grade in Grade]
    for name, color, index in [*layers, ("No DR grade", UNGRADED_COLOR, None)]:
        counts = [b.n_ungraded if index is None else b.grade_counts[index] for _, b in balances]
        if index is None and not any(counts):
            continue
        shares = [count / total if total else 0.0 for count, total in zip(counts, totals, strict=True)]
        figure.add_bar(
            y=labels,
            x=[100 * share for share in shares] if as_share else counts,
            name=name,
            orientation="h",
            marker={"color": color, "line": {"color": "white", "width": 1}},
            text=[
                f"{n:,}" if _fits(n, share, max(totals), as_share=as_share) else ""
                for n, share in zip(counts, shares, strict=True)
            ],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            customdata=[[n, 100 * share] for n, share in zip(counts, shares, strict=True)],
            hovertemplate="%{y}: %{customdata[0]:,} photographs, %{customdata[1]:.1f}%<extra>" + name + "</extra>",
        )
    figure.update_layout(
        barmode="stack",
        bargap=0.35,
        height=130 + 44 * len(labels),
        margin=_MARGIN,
        legend=_LEGEND | {"traceorder": "normal"},
    )
    figure.update_xaxes(
        title="Percent of photographs, whose number stands in brackets" if as_share else "Photographs",
        range=[0, 100.5] if as_share else None,
    )
    figure.update_yaxes(autorange="reversed", title=None, ticks="", showgrid=False)
    return figure


def _fits(count: int, share: float, longest: int, *, as_share: bool) -> bool:
    width = share if as_share else count / longest if longest else 0.0
    return width >= _MIN_LABELLED_SHARE


def draw_sizes(sources: Sequence[SourceStatistics]) -> go.Figure:
    """Draw each original size as a bubble, its area proportional to the number of photographs."""
    figure = go.Figure()
    largest = max((size.count for source in sources for size in source.original_sizes), default=1)
    for source in sources:
        sizes = source.original_sizes
        if not sizes:
            continue
        areas = [max(_SMALLEST_MARKER_PX, _LARGEST_MARKER_PX * (size.count / largest) ** 0.5) for size in sizes]
        figure.add_scatter(
            x=[size.width_px for size in sizes],
            y=[size.height_px for size in sizes],
            mode="markers",
            name=f"{name_source(source.source)} ({sum(size.count for size in sizes):,})",
            marker={
                "size": areas,
                "color": color_source(source.source),
                "opacity": 0.65,
                "line": {"color": "white", "width": 1},
            },
            customdata=[size.count for size in sizes],
            hovertemplate="%{x} x %{y} pixels: %{customdata:,} photographs<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(height=380, margin=_MARGIN, legend=_LEGEND | {"itemsizing": "constant"}, showlegend=True)
    figure.update_xaxes(title="Width (pixels)", rangemode="tozero")
    figure.update_yaxes(title="Height (pixels)", rangemode="tozero")
    return figure


def draw_histograms(
    sources: Sequence[SourceStatistics], pick: Callable[[SourceStatistics], Histogram], *, title: str
) -> go.Figure:
    """Draw one histogram a source as lines, in percent of that source's photographs."""
    figure = go.Figure()
    for source in sources:
        histogram = pick(source)
        total = sum(histogram.counts)
        if total == 0:
            continue
        figure.add_scatter(
            x=histogram.centers,
            y=[100 * count / total for count in histogram.counts],
            mode="lines",
            line={"shape": "spline", "smoothing": 0.5, "width": 2.5, "color": color_source(source.source)},
            name=name_source(source.source),
            hovertemplate="%{x:.2f}: %{y:.1f}%<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(height=320, margin=_MARGIN, legend=_LEGEND, showlegend=True)
    figure.update_xaxes(title=title)
    figure.update_yaxes(title="Percent of the source", rangemode="tozero")
    return figure


def draw_ages(source: SourceStatistics, ages: Histogram) -> go.Figure:
    """Draw the ages of one source's photographs as bars."""
    half = ages.bin_width / 2
    figure = go.Figure(
        go.Bar(
            x=ages.centers,
            y=ages.counts,
            width=ages.bin_width * 0.94,
            marker={"color": color_source(source.source)},
            customdata=[[center - half, center + half - 1] for center in ages.centers],
            hovertemplate="%{customdata[0]:.0f} to %{customdata[1]:.0f} years: %{y:,} photographs<extra></extra>",
        )
    )
    figure.update_layout(height=300, margin=_MARGIN | {"t": 16})
    figure.update_xaxes(title="Age (years)", dtick=10, range=[ages.low, ages.high])
    figure.update_yaxes(title="Photographs")
    return figure


def draw_shares(counts: Sequence[tuple[str, int]], *, colors: Sequence[str]) -> go.Figure:
    """Draw one bar that is divided among a few named categories."""
    figure = go.Figure()
    total = sum(count for _, count in counts)
    for (name, count), color in zip(counts, colors, strict=True):
        figure.add_bar(
            y=[""],
            x=[count],
            name=name,
            orientation="h",
            marker={"color": color, "line": {"color": "white", "width": 1}},
            text=f"{name} {100 * count / total:.0f}% ({count:,})" if total else "",
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            hovertemplate=f"{name}: {count:,} photographs<extra></extra>",
        )
    figure.update_layout(barmode="stack", height=96, margin={"l": 8, "r": 8, "t": 8, "b": 8}, showlegend=False)
    figure.update_xaxes(visible=False, range=[0, max(total, 1)])
    figure.update_yaxes(visible=False)
    return figure
