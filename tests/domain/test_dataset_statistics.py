"""Counts add up, whichever way they are merged."""

import pytest

from dr_core.domain.dataset_statistics import (
    DatasetStatistics,
    DuplicateCounts,
    Histogram,
    SourceStatistics,
    SplitBalance,
)
from dr_core.domain.evaluation import BoundaryMetrics, Estimate, SliceMetrics


def make_source(*splits: SplitBalance) -> SourceStatistics:
    count = sum(sum(split.grade_counts) + split.n_ungraded for split in splits)
    flat = Histogram(0.0, 1.0, (count,))
    none = DuplicateCounts(0, 0, 0, 0, 0)
    return SourceStatistics("made", count, None, splits, (), flat, flat, 0, none, None, (), ())


TRAIN = SplitBalance("train", (10, 4, 3, 2, 1), 5)
VAL = SplitBalance("val", (2, 1, 0, 0, 1), 0)


def test_histogram_knows_the_middle_of_its_bins():
    histogram = Histogram(10.0, 20.0, (1, 2, 3, 4))
    assert histogram.bin_width == 2.5
    assert histogram.centers == (11.25, 13.75, 16.25, 18.75)


def test_splits_merge_to_the_whole_and_a_missing_split_is_zero():
    source = make_source(TRAIN, VAL)
    assert source.merge_splits() == SplitBalance("all", (12, 5, 3, 2, 2), 5)
    assert source.merge_splits("val") == VAL
    assert source.merge_splits("test") == SplitBalance("test", (0, 0, 0, 0, 0), 0)


def test_totals_count_graded_and_referable_photographs():
    statistics = DatasetStatistics("2026-01-01T00:00:00+00:00", "0.1.0", (make_source(TRAIN), make_source(VAL)))
    assert statistics.n_photographs == 29
    assert statistics.n_graded == 24
    assert statistics.n_referable == 7


def test_metrics_are_found_by_their_boundary():
    undefined = Estimate(None, reason="one class is missing")
    boundaries = tuple(BoundaryMetrics(boundary, 1, 1, undefined, None, undefined, (), None) for boundary in (1, 2, 3))
    metrics = SliceMetrics(2, 2, ((0,) * 5,) * 5, undefined, undefined, boundaries)
    assert metrics.at_boundary(2) is boundaries[1]
    with pytest.raises(ValueError, match="Received: 4"):
        metrics.at_boundary(4)
