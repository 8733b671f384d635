"""What the model learned from: grades, samples, sizes, quality, duplicates and people, per public set."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from dr_core.domain.dataset_statistics import DatasetStatistics, Histogram, SourceStatistics
from dr_core.domain.grades import Grade
from dr_core.reports.dataset import STATISTICS_PATH, read_statistics
from pages.components.dataset_plots import draw_ages, draw_balance, draw_histograms, draw_shares, draw_sizes
from pages.components.figure import show_figure
from pages.components.navigation import enter_through_app
from pages.components.sample_grid import show_samples
from pages.components.session import forget_all, page_border
from pages.components.source_style import color_source, name_source

ALL_SPLITS = "All splits"
SPLIT_NAMES = {"train": "Train", "val": "Validation", "test": "Test (locked)", "excluded": "Excluded"}


@st.cache_data(show_spinner=False)
def load_statistics(path: Path, changed_ns: int) -> DatasetStatistics:
    """Read the shipped statistics; `changed_ns` makes a new file a new entry."""
    del changed_ns
    return read_statistics(path)


def show_figures(statistics: DatasetStatistics) -> None:
    """Show the size of the whole collection in four numbers."""
    graded, referable = statistics.n_graded, statistics.n_referable
    columns = st.columns(4)
    columns[0].metric("Photographs", f"{statistics.n_photographs:,}")
    columns[1].metric("Public sets", len(statistics.sources))
    columns[2].metric("With a DR grade", f"{graded:,}")
    columns[3].metric("Referable (grade 2 to 4)", f"{referable / graded:.0%}" if graded else "n/a")


def show_balance(sources: tuple[SourceStatistics, ...]) -> None:
    """Show the grades of each source in a split, and of each split in a source."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    splits = [split for split in SPLIT_NAMES if any(b.split == split for s in sources for b in s.splits)]
    chosen = left.segmented_control(
        "Split",
        [ALL_SPLITS, *splits],
        default=ALL_SPLITS,
        required=True,
        format_func=lambda split: SPLIT_NAMES.get(split, split),
        key="dataset_split",
    )
    as_share = right.toggle("Percent instead of photographs", value=True, key="dataset_share")
    split = chosen or ALL_SPLITS
    bars = [
        (name_source(source.source), source.merge_splits(None if split == ALL_SPLITS else split)) for source in sources
    ]
    show_figure(draw_balance(bars, as_share=as_share), key="balance", alt="Grades of each source as stacked bars.")
    st.caption(
        "Splits keep a patient, or a photograph and its copies, together. Training saw the train split, every setting "
        "was chosen on validation, but for one limit that the model card names. ODIR-5K photographs without a DR "
        "grade show another disease only; they took no part in training the grade."
    )
    with st.expander("Counts as a table"):
        st.dataframe(tabulate_balance(sources), hide_index=True)


def tabulate_balance(sources: tuple[SourceStatistics, ...]) -> list[dict[str, str | int]]:
    """One row a source and split."""
    return [
        {"Source": name_source(source.source), "Split": SPLIT_NAMES.get(balance.split, balance.split)}
        | {f"{grade.value} {grade.label}": balance.grade_counts[grade] for grade in Grade}
        | {"No DR grade": balance.n_ungraded}
        for source in sources
        for balance in source.splits
    ]


def show_appearance(sources: tuple[SourceStatistics, ...]) -> None:
    """Show original sizes, brightness and sharpness."""
    st.header("Size as the camera saved it")
    show_figure(draw_sizes(sources), key="sizes", alt="Width and height of the original photographs.")
    unknown = [name_source(source.source) for source in sources if not source.original_sizes]
    silent = f" Not recorded for each photograph of {', '.join(unknown)}." if unknown else ""
    st.caption(f"The area of a circle follows the number of photographs of that size.{silent}")
    left, right = st.columns(2)
    with left:
        st.header("Brightness")
        brightness = draw_histograms(
            sources, lambda source: source.brightness, title="Mean grey level in the field (%)"
        )
        show_figure(
            brightness, key="brightness", alt=_describe_peaks("Brightness", sources, lambda source: source.brightness)
        )
    with right:
        st.header("Sharpness")
        sharpness = draw_histograms(
            sources, lambda source: source.sharpness, title="Fine detail over brightness (log10)"
        )
        show_figure(
            sharpness, key="sharpness", alt=_describe_peaks("Sharpness", sources, lambda source: source.sharpness)
        )
    without = sum(source.n_without_field for source in sources)
    st.caption(
        "Measured inside the field of view; sharpness at the same field width for all sources, as the spread of the "
        f"Laplacian of green over mean green. No field of view was found in {without:,} photographs."
    )


def _describe_peaks(
    what: str, sources: tuple[SourceStatistics, ...], pick: Callable[[SourceStatistics], Histogram]
) -> str:
    """Say in words where the histograms of the sources are highest."""
    peaks = [
        f"{name_source(source.source)} {_find_peak(pick(source)):.3g}" for source in sources if any(pick(source).counts)
    ]
    return f"{what}, where most photographs lie: {', '.join(peaks)}."


def _find_peak(histogram: Histogram) -> float:
    return max(zip(histogram.counts, histogram.centers, strict=True))[1]


def show_duplicates(sources: tuple[SourceStatistics, ...]) -> None:
    """Show how often the same photograph occurs, and where its copies were graded differently."""
    rows = [
        {
            "Source": name_source(source.source),
            "Photographs": f"{source.n_photographs:,}",
            "Groups of copies": source.duplicates.n_groups,
            "Files in them": source.duplicates.n_photographs,
            "Groups with conflicting grades": source.duplicates.n_conflicting_groups,
            "Files in these": source.duplicates.n_conflicting_photographs,
            "Groups across splits": source.duplicates.n_groups_across_splits,
        }
        for source in sources
    ]
    st.table(rows, hide_index=True, border="horizontal")
    st.caption(
        "Copies of one photograph stand in the same split, so that none can leak from training into the test. Copies "
        "that carry different grades are left out of training."
    )


def show_people(sources: tuple[SourceStatistics, ...]) -> None:
    """Show age, sex and gradability where a source tells them."""
    for source in sources:
        if source.ages is not None:
            show_ages(source, source.ages)
    for source in sources:
        if source.gradable:
            st.header(f"Gradability, {name_source(source.source)}")
            counts = [(item.name, item.count) for item in source.gradable]
            bar = draw_shares(counts, colors=[color_source(source.source), "#8fa3a1"][: len(counts)])
            show_figure(bar, key=f"gradable_{source.source}", alt=_describe_shares(counts))
    silent = [name_source(source.source) for source in sources if source.ages is None]
    if silent:
        st.caption(
            f"Age and sex are not published for {', '.join(silent)}; how well the model serves ages and sexes there is "
            "therefore unknown."
        )


def _describe_shares(counts: list[tuple[str, int]]) -> str:
    return f"{', '.join(f'{name} {count:,}' for name, count in counts)} photographs."


def show_ages(source: SourceStatistics, ages: Histogram) -> None:
    """Show age and sex of one source."""
    st.header(f"Age and sex, {name_source(source.source)}")
    alt = f"Number of photographs by age; most are about {_find_peak(ages):.0f} years."
    show_figure(draw_ages(source, ages), key=f"ages_{source.source}", alt=alt)
    if source.sexes:
        counts = [(item.name, item.count) for item in source.sexes]
        bar = draw_shares(counts, colors=["#7a5195", "#2a5c97", "#8fa3a1"][: len(counts)])
        show_figure(bar, key=f"sexes_{source.source}", alt=_describe_shares(counts))
    patients = "" if source.n_patients is None else f" of {source.n_patients:,} patients"
    st.caption(f"Counted by photograph: {source.n_photographs:,} photographs{patients}, one or two eyes each.")


enter_through_app()
forget_all()
st.title("Dataset")
st.markdown("What the released model learned from and was measured on: public, labelled fundus photographs.")
if STATISTICS_PATH.is_file():
    shipped = load_statistics(STATISTICS_PATH, STATISTICS_PATH.stat().st_mtime_ns)
    show_figures(shipped)
    grades, samples, appearance, duplicates, people = st.tabs(
        ["Grades", "Sample photographs", "Size and quality", "Duplicates", "People"]
    )
    with grades:
        show_balance(shipped.sources)
    with samples, page_border():
        show_samples()
    with appearance:
        show_appearance(shipped.sources)
    with duplicates:
        show_duplicates(shipped.sources)
    with people:
        show_people(shipped.sources)
    st.caption(f"Statistics of {shipped.created_utc[:10]}, without any photograph or any row about a person.")
else:
    st.warning(
        "The dataset's statistics are missing. Write them with "
        "`python -m dr_core statistics --data DIR --out assets/dataset_statistics.json`.",
        icon=":material/bar_chart_off:",
    )
    show_samples()
