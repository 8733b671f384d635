"""What is called as a threshold falls, counted by hand."""

import numpy as np
import pytest

from dr_core.domain.roc import count_calls


@pytest.mark.parametrize(
    ("scores", "positive", "hits", "false_alarms"),
    [
        ([0.1, 0.9, 0.4], [False, True, True], [0, 1, 2, 2], [0, 0, 0, 1]),
        ([0.5, 0.9, 0.5, 0.1], [True, True, False, False], [0, 1, 2, 2], [0, 0, 1, 2]),
        ([0.5, 0.5, 0.5], [True, False, True], [0, 2], [0, 1]),
        ([0.3], [False], [0, 0], [0, 1]),
    ],
    ids=["all differ", "two tie", "all tie", "one alone"],
)
def test_equal_scores_are_called_at_once(scores, positive, hits, false_alarms):
    called = count_calls(np.array(scores), np.array(positive))
    assert [counted.tolist() for counted in called] == [hits, false_alarms]
