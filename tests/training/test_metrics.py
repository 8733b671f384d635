"""Metrics agree with scikit-learn where it knows them, and with counting by hand where it does not."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score, confusion_matrix, roc_auc_score, roc_curve

from dr_core.domain.agreement import kappa_of
from dr_core.training.metrics import (
    CALIBRATION_BINS,
    accuracy_of,
    area_under_roc,
    calibration_error,
    count_confusion,
    quadratic_weighted_kappa,
    rates_at,
    trace_reliability,
    trace_roc,
    weigh_confusion,
)


@pytest.fixture
def gradings() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    truth = generator.integers(0, 5, 400)
    return truth, np.clip(truth + generator.integers(-1, 3, 400), 0, 4)


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(4)
    positive = generator.random(500) < 0.3
    return positive, np.clip(0.3 * positive + generator.normal(0.4, 0.2, 500), 0, 1).round(2)


def test_kappa_agrees_with_scikit_learn(gradings):
    truth, grades = gradings
    expected = cohen_kappa_score(truth, grades, weights="quadratic", labels=range(5))
    assert quadratic_weighted_kappa(truth, grades) == pytest.approx(expected)


def test_kappa_of_grades_outside_the_ends_is_taken_on_the_full_scale():
    assert quadratic_weighted_kappa([0, 2, 2, 0], [0, 2, 0, 2]) == pytest.approx(0.0)


def test_kappa_is_nan_when_everything_has_one_grade():
    assert np.isnan(quadratic_weighted_kappa([2, 2], [2, 2]))


def test_kappa_of_perfect_agreement_is_one():
    assert quadratic_weighted_kappa([0, 1, 4], [0, 1, 4]) == 1.0


def test_confusion_and_accuracy_agree_with_scikit_learn(gradings):
    truth, grades = gradings
    counted = count_confusion(truth, grades)
    assert (counted == confusion_matrix(truth, grades, labels=range(5))).all()
    assert accuracy_of(counted) == pytest.approx(accuracy_score(truth, grades))


def test_confusion_has_five_rows_even_when_grades_are_absent():
    assert count_confusion([0, 1], [1, 1]).shape == (5, 5)


@pytest.mark.parametrize(("truth", "grades"), [([0, 5], [0, 1]), ([0], [-1]), ([0, 1], [0])])
def test_confusion_refuses_bad_grades(truth, grades):
    with pytest.raises(ValueError, match="Received:"):
        count_confusion(truth, grades)


def test_weights_count_a_photograph_that_often(gradings):
    truth, grades = gradings
    times = np.random.default_rng(5).integers(0, 4, (3, truth.size))
    confusions = weigh_confusion(truth, grades, times.astype(float))
    for row, confusion in zip(times, confusions, strict=True):
        repeated = count_confusion(np.repeat(truth, row), np.repeat(grades, row))
        assert (confusion == repeated).all()
        assert kappa_of(confusion) == pytest.approx(kappa_of(repeated))


def test_auc_agrees_with_scikit_learn_ties_included(scored):
    positive, score = scored
    assert area_under_roc(positive, score) == pytest.approx(roc_auc_score(positive, score))


def test_weighted_auc_agrees_with_repeating_photographs(scored):
    positive, score = scored
    times = np.random.default_rng(6).integers(0, 3, (4, positive.size))
    areas = area_under_roc(positive, score, times.astype(float))
    expected = [roc_auc_score(np.repeat(positive, row), np.repeat(score, row)) for row in times]
    assert areas == pytest.approx(expected)


@pytest.mark.parametrize("positive", [[True, True], [False, False], []])
def test_auc_is_nan_and_curve_is_none_without_both_classes(positive):
    score = np.linspace(0, 1, len(positive))
    assert np.isnan(float(area_under_roc(positive, score)))
    assert trace_roc(positive, score) is None


def test_roc_runs_through_the_points_of_scikit_learn(scored):
    positive, score = scored
    curve = trace_roc(positive, score, max_points=10_000)
    false_rate, true_rate, _ = roc_curve(positive, score, drop_intermediate=True)
    assert curve.false_positive_rate == pytest.approx(false_rate, abs=1e-5)
    assert curve.true_positive_rate == pytest.approx(true_rate, abs=1e-5)


def test_roc_is_thinned_and_keeps_its_ends():
    generator = np.random.default_rng(7)
    curve = trace_roc(generator.random(3000) < 0.5, generator.random(3000))
    assert len(curve.false_positive_rate) <= 200
    assert (curve.false_positive_rate[0], curve.true_positive_rate[0]) == (0.0, 0.0)
    assert (curve.false_positive_rate[-1], curve.true_positive_rate[-1]) == (1.0, 1.0)


def test_rates_include_the_threshold_itself():
    sensitivity, specificity = rates_at([True, True, False, False], [0.5, 0.2, 0.5, 0.1], 0.5, np.ones((1, 4)))
    assert (sensitivity[0], specificity[0]) == (0.5, 0.5)


def test_rates_are_nan_where_the_class_is_missing():
    sensitivity, specificity = rates_at([False], [0.1], 0.5, np.ones((1, 1)))
    assert np.isnan(sensitivity[0])
    assert specificity[0] == 1.0


def test_calibration_error_by_hand():
    # Half of the photographs: 0.9 said, 0.5 seen. The other half: 0.1 said, none seen.
    assert calibration_error([1, 0, 0, 0], [0.9, 0.9, 0.1, 0.1]) == pytest.approx(0.5 * 0.4 + 0.5 * 0.1)


def test_calibration_error_of_an_honest_model_is_small():
    generator = np.random.default_rng(8)
    probability = generator.random(50_000)
    assert calibration_error(generator.random(50_000) < probability, probability) < 0.02


def test_reliability_bins_hold_every_photograph_once():
    probability = np.array([0.0, 0.01, 0.5, 0.99, 1.0])
    bins = trace_reliability([False, False, True, True, True], probability)
    assert sum(item.count for item in bins) == 5
    assert len(bins) == 3 <= CALIBRATION_BINS
    assert bins[-1].observed_rate == 1.0


@pytest.mark.parametrize("probability", [[1.2], [-0.1], [np.nan]])
def test_calibration_refuses_what_is_no_probability(probability):
    with pytest.raises(ValueError, match="Received:"):
        calibration_error([True], probability)
