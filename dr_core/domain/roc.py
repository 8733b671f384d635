"""How many photographs are called, rightly and wrongly, as a threshold falls: what every ROC curve is drawn from."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_calls"]


def count_calls(
    scores: NDArray[np.float64], positive: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count what is called as the threshold falls below one score after the other, equal scores at once.

    Args:
        scores: (N,) higher for photographs that are more likely positive, N at least 1.
        positive: (N,) what they are.

    Returns:
        Hits and false alarms, (K + 1,) each for K different scores: from 0 to all of a kind.
    """
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.flatnonzero(np.r_[np.diff(scores[order]) < 0, True])
    hits = np.r_[0, np.cumsum(positive[order])[last_of_tie]]
    return hits, np.r_[0, last_of_tie + 1] - hits
