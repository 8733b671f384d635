"""What the network is shown: augmented batches with ordinal targets, rare grades weighted up."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.grades import GRADE_COUNT
from dr_core.domain.photograph import Float32Array, UInt8Array
from dr_core.training.augment import augment_disc, draw_movement
from dr_core.training.companions import SideLabels, join_labels
from dr_core.training.dataset import DiscCache
from dr_core.training.lesion_task import draw_outlined, mark_cells, weigh_cells
from dr_core.training.plan import Plan
from dr_core.training.side_task import label_photographs
from dr_core.training.transplant import Transplants

ORDINAL_SHARPNESS = 2.0
CLASS_WEIGHT_POWER = -0.4
SOURCE_WEIGHT_POWER = -0.4
# Of an earlier grader's answer in the target; the rest is the reader's. It saw the same photographs, so not more.
TAUGHT_SHARE = 0.3
# How often a photograph is shown as it is; one of its copies otherwise.
OWN_DISC_CHANCE = 0.7
WORKERS, BATCHES_AHEAD = 2, 6


@dataclass(frozen=True)
class Tasks:
    """What a network learns in one run beside grades.

    Attributes:
        lesions: where they are, `dr_core.training.lesion_task`.
        sides: what else the release says of a photograph, `dr_core.training.side_task`.
    """

    lesions: bool = False
    sides: bool = False


@dataclass(frozen=True, eq=False)
class Batch:
    """What one step learns from.

    Attributes:
        tensors: (B + C + L, height_px, width_px, 3) float32 in [-1, 1]; B have a grade, then C none and L outlines.
        targets: (B, 5) float32, rows sum to 1.
        weights: (B,) float32, of each photograph in the loss.
        cells: (B + C + L, height_px / 8, width_px / 8, 4) float32, where lesions are; None where nothing is outlined.
        cell_weights: (B + C + L,) float32, of each photograph in the loss of `cells`; None likewise.
        sides: what is known of the B + C + L beside the grade; None where there is no side task.
    """

    tensors: Float32Array
    targets: Float32Array
    weights: Float32Array
    cells: Float32Array | None = None
    cell_weights: Float32Array | None = None
    sides: SideLabels | None = None

    @property
    def tasks(self) -> Tasks:
        """What can be learned from it beside grades."""
        return Tasks(self.cells is not None, self.sides is not None)


def soften_grades(grades: NDArray[np.int64]) -> Float32Array:
    """Turn (N,) grades into (N, 5) ordinal targets, softmax(-2 |grade - k|) (Diaz and Marathe, 2019)."""
    distance = np.abs(grades[:, None] - np.arange(GRADE_COUNT)[None, :])
    raised = np.exp(-ORDINAL_SHARPNESS * distance)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float32)


def make_targets(cache: DiscCache) -> Float32Array:
    """Return (N, 5) targets: the readers' grades, softened, and an earlier grader's answers where the cache has some.

    A network that learns from its predecessor's answers as well (Furlanello et al., 2018) takes single doubtful grades
    less to heart.
    """
    targets = soften_grades(cache.grades)
    if cache.taught is None:
        return targets
    return np.asarray((1 - TAUGHT_SHARE) * targets + TAUGHT_SHARE * cache.taught, dtype=np.float32)


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


def _choose_variant(variants: list[UInt8Array], random: np.random.Generator) -> UInt8Array:
    if len(variants) == 1 or random.random() < OWN_DISC_CHANCE:
        return variants[0]
    return variants[1 + random.integers(len(variants) - 1)]


def _prepare_transplants(cache: DiscCache) -> Transplants | None:
    """Return the outlined lesions for copying into the photographs of grade 0; None where there are none of those."""
    healthy = [cache.discs[index] for index in np.flatnonzero(cache.grades == 0)]
    return Transplants(cache.outlined, healthy) if healthy else None


class AugmentedBatches:
    """Shuffled, augmented batches; seed, epoch and step alone decide each, so a resumed run sees what it would have.

    Attributes:
        outlined: photographs with outlined lesions in each batch, the last of it.
        companions: pictures without a grade in each batch, behind the graded ones.

    Raises:
        ConfigurationError: the photographs do not fill a single batch.
    """

    def __init__(self, cache: DiscCache, plan: Plan) -> None:
        self._variants, self._plan = _join_variants(cache), plan
        self._targets, self._weights = make_targets(cache), weigh_photographs(cache)
        self._outlined, self._healthy = cache.outlined, cache.grades == 0
        self.outlined = min(plan.outlined, len(cache.outlined))
        self._transplants = _prepare_transplants(cache) if self.outlined else None
        self._pictures = cache.companions
        self.companions = plan.companions if cache.companions is not None else 0
        self._sides = label_photographs(cache.photographs)
        if len(self) == 0:
            raise ConfigurationError(
                f"{len(self._targets)} photographs to train on do not fill one batch of {plan.batch_size}. "
                "Add labelled photographs with the split train to the manifest."
            )

    @property
    def tasks(self) -> Tasks:
        """What can be learned from every batch beside grades."""
        return Tasks(self.outlined > 0, self._pictures is not None)

    def __len__(self) -> int:
        return len(self._targets) // self._plan.batch_size

    def draw_epoch(self, epoch: int) -> Iterator[Batch]:
        """Draw the batches of one epoch, counted from 0, some steps ahead on other threads."""
        order = np.random.default_rng([self._plan.seed, epoch]).permutation(len(self._targets))
        pending: deque[Future[Batch]] = deque()
        with ThreadPoolExecutor(WORKERS) as pool:
            for step in range(len(self)):
                pending.append(pool.submit(self._draw, order, epoch, step))
                if len(pending) > BATCHES_AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()

    def _draw(self, order: NDArray[np.int64], epoch: int, step: int) -> Batch:
        plan = self._plan
        size = plan.stages[plan.find_stage(epoch)].size
        chosen = order[step * plan.batch_size : (step + 1) * plan.batch_size]
        random = np.random.default_rng([plan.seed, epoch, step])
        discs = [_choose_variant(self._variants[index], random) for index in chosen]
        beside = np.empty(0, dtype=np.int64)
        if self._pictures is not None:
            beside = self._pictures.draw(self.companions, random)
            discs += [self._pictures.discs[index] for index in beside]
        movements = [draw_movement(disc.shape[0], size, random) for disc in discs]
        tensors = [augment_disc(disc, moved, random) for disc, moved in zip(discs, movements, strict=True)]
        batch = Batch(np.stack(tensors), self._targets[chosen], self._weights[chosen])
        if self._pictures is not None:
            mirrored = np.array([moved.mirrored for moved in movements])
            graded = self._sides.take(chosen, mirrored[: len(chosen)])
            others = self._pictures.labels.take(beside, mirrored[len(chosen) :])
            batch = replace(batch, sides=join_labels(graded, others, unknown=self.outlined))
        if not self.outlined:
            return batch
        key = (plan.seed, epoch, step)
        more, cells = draw_outlined(self._outlined, size, self.outlined, key, self._transplants)
        healthy = np.append(self._healthy[chosen], np.zeros(len(beside), dtype=np.bool_))
        return replace(
            batch,
            tensors=np.concatenate([batch.tensors, more]),
            cells=mark_cells(len(discs), cells),
            cell_weights=weigh_cells(healthy, self.outlined),
        )
