"""What is known of a picture beside a grade, and the pictures without a grade that stand beside the graded ones.

Spoilt photographs, which no reader could grade; pictures of anything but a retina; and retinas that are the first to be
taken for none.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dr_core.domain.photograph import Float32Array, UInt8Array

__all__ = ["SIDE_TASKS", "Companions", "SideLabels", "join_labels"]

# In the order of the release's side scores.
SIDE_TASKS = ("gradable", "right_eye", "oedema", "retina")
RIGHT_EYE = SIDE_TASKS.index("right_eye")
# A retina is one of many in every batch.
WEIGHT_RETINA = 0.15
# The companions' groups, how often each is drawn, and what is known of it: targets and weights of `SIDE_TASKS`.
SPOILT, OTHERS, RETINAS = 0, 1, 2
CHANCES = (1 / 3, 1 / 2, 1 / 6)
TARGETS = ((0, 0, 0, 1), (0, 0, 0, 0), (1, 0, 0, 1))
WEIGHTS = ((0.3, 0, 0, WEIGHT_RETINA), (0, 0, 0, 1.0), (0, 0, 0, 4 * WEIGHT_RETINA))


@dataclass(frozen=True, eq=False)
class SideLabels:
    """What is known beside the grade of N pictures, `SIDE_TASKS` in their order.

    Attributes:
        targets: (N, 4) float32, 1 or 0.
        weights: (N, 4) float32, of each in the loss; 0 where nothing is known.
    """

    targets: Float32Array
    weights: Float32Array

    def take(self, chosen: NDArray[np.int64], mirrored: NDArray[np.bool_]) -> "SideLabels":
        """Return those of the `chosen` pictures, some of which are `mirrored`: a right eye then looks like a left."""
        targets = self.targets[chosen]
        targets[:, RIGHT_EYE] = np.where(mirrored, 1 - targets[:, RIGHT_EYE], targets[:, RIGHT_EYE])
        return SideLabels(targets, self.weights[chosen])


def join_labels(*parts: SideLabels, unknown: int = 0) -> SideLabels:
    """Return the labels of several groups of pictures one after the other, and then of `unknown` more."""
    nothing = np.zeros((unknown, len(SIDE_TASKS)), dtype=np.float32)
    return SideLabels(
        np.concatenate([*(part.targets for part in parts), nothing]),
        np.concatenate([*(part.weights for part in parts), nothing]),
    )


@dataclass(frozen=True, eq=False)
class Companions:
    """Pictures to learn from besides.

    Attributes:
        discs: (N, S, S, 3) uint8, as `normalise_field` returns them.
        groups: (N,) int64, which of the three groups each belongs to.
    """

    discs: UInt8Array
    groups: NDArray[np.int64]

    @property
    def labels(self) -> SideLabels:
        """What is known of each."""
        return SideLabels(
            np.array(TARGETS, dtype=np.float32)[self.groups], np.array(WEIGHTS, dtype=np.float32)[self.groups]
        )

    def draw(self, count: int, random: np.random.Generator) -> NDArray[np.int64]:
        """Return the indices of `count` of them; the groups have their own chances, whatever their size."""
        sizes = np.bincount(self.groups, minlength=len(CHANCES))
        chances = np.array(CHANCES)[self.groups] / sizes[self.groups]
        return np.asarray(random.choice(len(self.groups), count, p=chances / chances.sum()), dtype=np.int64)
