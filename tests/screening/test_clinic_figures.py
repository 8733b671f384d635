"""Shares with Wilson's intervals, the ROC curve and stated against observed, on cases that are known."""

import numpy as np
import pytest

from dr_core.screening.clinic_figures import bin_reliability, measure_proportion, trace_roc


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 1998, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_is_newcombes(hits, count, low, high):
    share = measure_proportion(hits, count)
    assert share.value == hits / count
    assert share.count == count
    assert (share.low, share.high) == pytest.approx((low, high), abs=6e-5)


def test_interval_ends_at_none_and_at_all():
    assert measure_proportion(0, 7).low == 0
    assert measure_proportion(7, 7).high == 1


@pytest.mark.parametrize(("hits", "count"), [(0, 0), (3, 2), (-1, 4)])
def test_share_of_nothing_is_a_mistake(hits, count):
    with pytest.raises(ValueError, match="Received"):
        measure_proportion(hits, count)


def test_roc_counts_ties_by_half():
    scores = np.array([0.1, 0.5, 0.5, 0.9])
    roc, area = trace_roc(scores, np.array([False, False, True, True]))
    assert area == pytest.approx(0.875)
    assert roc.false_positive_rate == (0, 0, 0.5, 1)
    assert roc.true_positive_rate == (0, 0.5, 1, 1)


def test_reliability_has_bins_of_equal_count():
    scores = np.linspace(0, 1, 120)
    bins = bin_reliability(scores, scores > 0.5)
    assert [part.count for part in bins] == [15] * 8
    assert [part.observed_rate for part in bins] == [0] * 4 + [1] * 4
    assert bin_reliability(scores[:5], scores[:5] > 0.5)[0].count == 5
