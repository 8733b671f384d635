"""What the network is shown: augmented batches with ordinal targets, rare grades weighted up."""

import keras
import numpy as np
from numpy.typing import NDArray

from dr_core.domain.grades import GRADE_COUNT
from dr_core.domain.photograph import Float32Array, UInt8Array
from dr_core.training.augment import augment_disc
from dr_core.training.dataset import DiscCache
from dr_core.training.plan import Stage

ORDINAL_SHARPNESS = 2.0
CLASS_WEIGHT_POWER = -0.4
SOURCE_WEIGHT_POWER = -0.4


def soften_grades(grades: NDArray[np.int64]) -> Float32Array:
    """Turn (N,) grades into (N, 5) ordinal targets, softmax(-2 |grade - k|) (Diaz and Marathe, 2019)."""
    distance = np.abs(grades[:, None] - np.arange(GRADE_COUNT)[None, :])
    raised = np.exp(-ORDINAL_SHARPNESS * distance)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float32)


def weigh_photographs(cache: DiscCache) -> Float32Array:
    """Return (N,) loss weights, mean 1: rare grades and small sources count more, by a mild power of their size."""
    grades = cache.grades
    sources = np.array([photograph.source for photograph in cache.photographs])
    weights = np.bincount(grades, minlength=GRADE_COUNT)[grades].astype(np.float64) ** CLASS_WEIGHT_POWER
    for source in np.unique(sources):
        of_source = sources == source
        weights[of_source] *= of_source.sum() ** SOURCE_WEIGHT_POWER
    return np.asarray(weights / weights.mean(), dtype=np.float32)


def _join_variants(cache: DiscCache) -> list[list[UInt8Array]]:
    """Return every photograph's discs, its own first; a variant in which no field was found is missing."""
    variants = {photograph.image_id: [disc] for photograph, disc in zip(cache.photographs, cache.discs, strict=True)}
    for copy in cache.copies:
        for photograph, disc in zip(copy.photographs, copy.discs, strict=True):
            if photograph.image_id in variants:
                variants[photograph.image_id].append(disc)
    return list(variants.values())


class AugmentedBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Shuffled, augmented batches; seed and epoch alone decide the order, so a resumed run sees what it would have."""

    def __init__(self, cache: DiscCache, stage: Stage, seed: int, first_epoch: int) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=8)
        self._variants = _join_variants(cache)
        self._stage, self._seed, self._epoch = stage, seed, first_epoch
        self._targets, self._weights = soften_grades(cache.grades), weigh_photographs(cache)
        self._order = self._shuffle()

    def _shuffle(self) -> NDArray[np.int64]:
        return np.random.default_rng([self._seed, self._epoch]).permutation(len(self._targets))

    def __len__(self) -> int:
        return len(self._targets) // self._stage.batch_size

    def on_epoch_end(self) -> None:
        """Shuffle anew for the next epoch."""
        self._epoch += 1
        self._order = self._shuffle()

    def __getitem__(self, step: int) -> tuple[Float32Array, Float32Array, Float32Array]:
        size = self._stage.batch_size
        chosen = self._order[step * size : (step + 1) * size]
        random = np.random.default_rng([self._seed, self._epoch, step])
        discs = [self._variants[index][random.integers(len(self._variants[index]))] for index in chosen]
        tensors = [augment_disc(disc, self._stage.size, random) for disc in discs]
        return np.stack(tensors), self._targets[chosen], self._weights[chosen]
