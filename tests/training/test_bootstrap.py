"""The bootstrap draws whole clusters within each source, is seeded, and says why a figure is missing."""

import time

import numpy as np
import pytest

from dr_core.domain.evaluation import Estimate
from dr_core.training.bootstrap import GradedSet, draw_resamples, measure_slice, summarise
from dr_core.training.metrics import accuracy_of, weigh_confusion


def build_set(truth, grades=None, *, clusters=None, sources=None, seed=0) -> GradedSet:
    truth = np.asarray(truth)
    noise = np.random.default_rng(seed).normal(0, 0.15, (truth.size, 3))
    exceedance = np.clip(0.25 + 0.5 * (truth[:, None] >= [1, 2, 3]) + noise, 0, 1)
    exceedance = -np.sort(-exceedance, axis=1)
    count = truth.size
    return GradedSet(
        truth=truth,
        grades=truth if grades is None else np.asarray(grades),
        exceedance=exceedance,
        clusters=np.asarray(clusters if clusters is not None else [f"p{i}" for i in range(count)]),
        sources=np.asarray(sources if sources is not None else ["a"] * count),
    )


def test_eyes_of_one_patient_are_drawn_together():
    graded = build_set([0, 1, 2, 3], clusters=["x", "x", "y", "y"])
    weights = draw_resamples(graded, count=50)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 2] == weights[:, 3]).all()
    assert (weights[:, 0] + weights[:, 2] == 2).all()


def test_each_source_keeps_its_number_of_clusters():
    graded = build_set([0] * 10, sources=["a"] * 7 + ["b"] * 3)
    weights = draw_resamples(graded, count=50)
    assert (weights[:, :7].sum(1) == 7).all()
    assert (weights[:, 7:].sum(1) == 3).all()


def test_equal_cluster_names_of_two_sources_are_two_clusters():
    graded = build_set([0, 1], clusters=["x", "x"], sources=["a", "b"])
    assert measure_slice(graded, thresholds={}, resamples=10).n_clusters == 2


def test_resampling_is_seeded():
    graded = build_set(np.arange(40) % 5)
    assert (draw_resamples(graded, count=5, seed=1) == draw_resamples(graded, count=5, seed=1)).all()
    assert (draw_resamples(graded, count=5, seed=1) != draw_resamples(graded, count=5, seed=2)).any()


def measure_accuracy(graded: GradedSet, *, resamples: int, seed: int) -> Estimate:
    """The accuracy of `measure_slice` alone, which takes a twentieth of the time."""
    rows = np.vstack([np.ones(graded.truth.size), draw_resamples(graded, count=resamples, seed=seed)])
    return summarise(accuracy_of(weigh_confusion(graded.truth, graded.grades, rows)), "")


def test_interval_covers_a_known_accuracy_about_95_times_in_100():
    generator = np.random.default_rng(9)
    covered = 0
    for seed in range(100):
        right = generator.random(200) < 0.8
        graded = build_set(np.zeros(200, int), (~right).astype(int))
        accuracy = measure_accuracy(graded, resamples=300, seed=seed)
        covered += accuracy.low <= 0.8 <= accuracy.high
    assert 88 <= covered < 100
    assert accuracy == measure_slice(graded, thresholds={}, resamples=300, seed=seed).accuracy


def test_dependent_eyes_widen_the_interval():
    truth = np.repeat(np.arange(5), 40)
    grades = np.where(np.repeat(np.arange(100) % 3, 2) == 0, (truth + 1) % 5, truth)
    pairs = [f"p{i // 2}" for i in range(200)]
    alone = measure_slice(build_set(truth, grades), thresholds={}).accuracy
    paired = measure_slice(build_set(truth, grades, clusters=pairs), thresholds={}).accuracy
    assert paired.value == alone.value
    assert paired.high - paired.low > 1.2 * (alone.high - alone.low)


def test_figures_of_a_full_slice_stand_inside_their_intervals():
    truth = np.arange(300) % 5
    metrics = measure_slice(build_set(truth, np.minimum(truth + (truth % 2), 4)), thresholds={2: 0.5, 3: 0.5})
    referable = metrics.at_boundary(2)
    for estimate in (metrics.accuracy, metrics.kappa, referable.auc, referable.operating_point.sensitivity):
        assert estimate.low <= estimate.value <= estimate.high
    assert metrics.at_boundary(1).operating_point is None
    assert referable.positives + referable.negatives == metrics.n == 300


def test_a_single_class_slice_says_why_the_auc_is_missing():
    metrics = measure_slice(build_set([0, 0, 0, 0]), thresholds={2: 0.5}, resamples=50)
    referable = metrics.at_boundary(2)
    assert referable.auc.value is None
    assert "one class" in referable.auc.reason
    assert referable.roc is None
    assert referable.operating_point.sensitivity.value is None
    assert referable.operating_point.specificity.value == 1.0
    assert metrics.kappa.value is None


def test_a_rare_class_has_a_figure_without_interval():
    metrics = measure_slice(build_set([3] + [0] * 40), thresholds={}, resamples=200)
    auc = metrics.at_boundary(3).auc
    assert auc.value is not None
    assert auc.low is None
    assert "resamples" in auc.reason


def test_an_empty_slice_has_no_figures():
    metrics = measure_slice(build_set(np.zeros(0, int)), thresholds={2: 0.5}, resamples=20)
    assert metrics.n == 0
    assert metrics.accuracy.value is None
    assert metrics.at_boundary(2).auc.value is None


def test_a_perfect_rate_is_not_called_certain():
    # 10 of 10: the exact 95% interval reaches down to 0.025 ** (1 / 10).
    point = measure_slice(build_set([0] * 10 + [4] * 10), thresholds={2: 0.01, 3: 0.999}, resamples=50)
    assert point.at_boundary(2).operating_point.sensitivity.low == pytest.approx(0.6915, abs=1e-4)
    assert point.at_boundary(2).operating_point.sensitivity.high == 1.0
    none_called = point.at_boundary(3).operating_point.sensitivity
    assert (none_called.value, none_called.low, none_called.high) == (0.0, 0.0, pytest.approx(0.3085, abs=1e-4))


def test_a_perfect_rate_counts_patients_rather_than_eyes():
    eyes = build_set([0] * 10 + [4] * 10, clusters=[f"p{index // 2}" for index in range(20)])
    sensitivity = measure_slice(eyes, thresholds={2: 0.01}, resamples=50).at_boundary(2).operating_point.sensitivity
    assert sensitivity.low == pytest.approx(0.025 ** (1 / 5), abs=1e-4)


def test_an_unmeasured_boundary_is_a_programmers_mistake():
    with pytest.raises(ValueError, match="Received: 4"):
        measure_slice(build_set([0, 1]), thresholds={}, resamples=5).at_boundary(4)


def test_the_pooled_test_split_is_measured_within_seconds():
    truth = np.random.default_rng(1).integers(0, 5, 1652)
    started = time.process_time()
    measure_slice(build_set(truth), thresholds={2: 0.5, 3: 0.5}, resamples=2000)
    assert time.process_time() - started < 20
