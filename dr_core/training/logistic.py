"""Logistic regression with a ridge: what the heads beside the grade and the calibration are fitted with."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

__all__ = ["fit_logistic"]

FloatArray = NDArray[np.float64]
MAX_ITERATIONS = 400


def fit_logistic(
    features: FloatArray,
    labels: NDArray[np.bool_],
    *,
    ridge: float,
    weights: FloatArray | None = None,
    prior: FloatArray | None = None,
) -> tuple[FloatArray, float]:
    """Fit P(label) = sigmoid(features @ slope + intercept) by L-BFGS.

    Args:
        features: (N, D), on scales that one ridge suits.
        labels: (N,) bool.
        ridge: strength of the pull towards `prior`, in photographs.
        weights: (N,) of the photographs; all 1 by default.
        prior: (D + 1,) where slope and intercept are pulled to; zeros by default, and then the intercept is free.

    Returns:
        (D,) slope and the intercept.

    Raises:
        ValueError: all labels are the same.
    """
    if labels.all() or not labels.any():
        raise ValueError(f"labels must hold both classes. Received: {labels.size} of one class")
    signs = np.where(labels, 1.0, -1.0)
    counted = np.ones(len(labels)) if weights is None else weights
    start = np.zeros(features.shape[1] + 1) if prior is None else prior.astype(np.float64)
    pulled = np.ones_like(start)
    if prior is None:
        pulled[-1] = 0.0

    def loss(point: FloatArray) -> tuple[float, FloatArray]:
        margin = signs * (features @ point[:-1] + point[-1])
        away = (point - start) * pulled
        value = float(counted @ np.logaddexp(0.0, -margin) + 0.5 * ridge * away @ away)
        slope = -counted * signs / (1.0 + np.exp(np.clip(margin, -500, 500)))
        return value, np.append(features.T @ slope, slope.sum()) + ridge * away

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITERATIONS})
    return np.asarray(found.x[:-1], dtype=np.float64), float(found.x[-1])
