"""The logistic fit finds what made the labels, and is pulled where it is told to."""

import numpy as np
import pytest

from dr_core.training.logistic import fit_logistic


def draw(count: int, slope: float, intercept: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    features = random.normal(size=(count, 1))
    odds = slope * features[:, 0] + intercept
    return features, random.random(count) < 1 / (1 + np.exp(-odds))


def test_fit_finds_slope_and_intercept() -> None:
    features, labels = draw(20_000, 1.7, -0.6)
    slope, intercept = fit_logistic(features, labels, ridge=1e-3)
    assert slope[0] == pytest.approx(1.7, abs=0.1)
    assert intercept == pytest.approx(-0.6, abs=0.1)


def test_a_strong_ridge_leaves_the_prior() -> None:
    features, labels = draw(200, 3.0, 2.0)
    slope, intercept = fit_logistic(features, labels, ridge=1e7, prior=np.array([1.0, 0.0]))
    assert slope[0] == pytest.approx(1.0, abs=0.01)
    assert intercept == pytest.approx(0.0, abs=0.01)


def test_without_prior_the_intercept_is_free() -> None:
    features, labels = draw(2000, 0.0, 1.1)
    slope, intercept = fit_logistic(features, labels, ridge=1e7)
    assert slope[0] == pytest.approx(0.0, abs=0.01)
    assert intercept == pytest.approx(np.log(labels.mean() / (1 - labels.mean())), abs=0.02)


def test_weights_count_like_copies() -> None:
    features, labels = draw(300, 1.0, 0.0)
    doubled = np.where(labels, 2.0, 1.0)
    copies = np.concatenate([features, features[labels]])
    one = fit_logistic(features, labels, ridge=5.0, weights=doubled)
    other = fit_logistic(copies, np.concatenate([labels, labels[labels]]), ridge=5.0)
    assert one[0][0] == pytest.approx(other[0][0], abs=1e-4)


def test_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="both classes"):
        fit_logistic(np.zeros((3, 1)), np.ones(3, dtype=bool), ridge=1.0)
