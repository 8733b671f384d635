"""How far two gradings of the same photographs agree."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["kappa_of"]


def kappa_of(confusion: ArrayLike) -> NDArray[np.float64]:
    """Return the quadratic weighted kappa (Cohen, 1968) of confusion matrices.

    Args:
        confusion: (..., K, K) counts or weights; row = one grading, column = the other.

    Returns:
        (...) float64, -1 to 1; NaN where all photographs have one and the same grade in both, or there are none.
    """
    matrix = np.asarray(confusion, dtype=np.float64)
    step = np.arange(matrix.shape[-1], dtype=np.float64)
    penalty = (step[:, None] - step[None, :]) ** 2
    by_chance = matrix.sum(-1)[..., :, None] * matrix.sum(-2)[..., None, :]
    observed = (matrix * penalty).sum((-2, -1)) * matrix.sum((-2, -1))
    expected = np.asarray((by_chance * penalty).sum((-2, -1)))
    quotient = np.divide(observed, expected, out=np.full(expected.shape, np.nan), where=expected > 0)
    return np.asarray(1.0 - quotient, dtype=np.float64)
