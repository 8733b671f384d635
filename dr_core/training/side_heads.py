"""Fit what the network says beside the grade: gradable, which eye, oedema risk, retina or not, how familiar it looks.

Each is linear in features that the grading pass has computed anyway, and is fitted after the grader's training, which
therefore need not be repeated for them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dr_core.domain.photograph import Float32Array, Laterality
from dr_core.model.architecture import LAST_FEATURES, LinearHead, SideHeads, pool_extremes, pool_grid, pool_layers
from dr_core.training.dataset import LabelledPhotograph
from dr_core.training.logistic import fit_logistic

FloatArray = NDArray[np.float64]
BATCH = 16
EMBEDDING_SIZE = 64
# Strength of each ridge in photographs, on standardised features; chosen on val.
GRADABLE_RIDGE = 300.0
EYE_RIDGE = 300.0
OEDEMA_RIDGE = 300.0
RETINA_RIDGE = 30.0
# Sources without a gradability label count as gradable, and for less; so do photographs that we spoilt ourselves.
WEIGHT_LABELLED, WEIGHT_OTHER, WEIGHT_SPOILT = 1.0, 0.1, 0.1
# Other diseases, and photographs stored anew, are few beside the graded ones and the first to be taken for no retina.
WEIGHT_RARE_RETINA = 4.0


@dataclass(frozen=True, eq=False)
class PooledFeatures:
    """What the linear heads read of N photographs.

    Attributes:
        layers: (N, D) float32, as `pool_layers` orders them.
        grid: (N, C) float32, as `pool_grid` orders them.
        extremes: (N, 2 * D) float32, as `pool_extremes` orders them.
        last_count: how many of the last of `layers` belong to the last feature map.
    """

    layers: Float32Array
    grid: Float32Array
    extremes: Float32Array
    last_count: int

    @property
    def last(self) -> Float32Array:
        """(N, last_count) float32 means of the last feature map."""
        return self.layers[:, -self.last_count :]


@dataclass(frozen=True, eq=False)
class RetinaSamples:
    """What tells a retina from anything else, beside the graded photographs and their spoilt copies.

    Attributes:
        retinas: of pictures that show one.
        others: of pictures that show none.
    """

    retinas: PooledFeatures
    others: PooledFeatures


def read_features(grader: Any, tensors: Iterable[Float32Array]) -> PooledFeatures:
    """Send (height, width, 3) tensors through a trained grader and keep what the heads read."""
    reader = _build_reader(grader)
    parts: tuple[list[Float32Array], ...] = ([], [], [])
    batch: list[Float32Array] = []

    def flush() -> None:
        for part, found in zip(parts, reader.predict_on_batch(np.stack(batch)), strict=True):
            part.append(np.asarray(found, dtype=np.float32))
        batch.clear()

    for tensor in tensors:
        batch.append(tensor)
        if len(batch) == BATCH:
            flush()
    if batch:
        flush()
    last_count = int(grader.get_layer(LAST_FEATURES).output.shape[-1])
    layers, grid, extremes = (np.concatenate(part) for part in parts)
    return PooledFeatures(layers, grid, extremes, last_count)


@lru_cache(maxsize=1)
def _build_reader(grader: Any) -> Any:
    """Return what gives a grader's pooled features; kept for the next call, since tracing it anew takes seconds."""
    pooled = pool_layers(grader)
    return keras.Model(grader.input, [pooled, pool_grid(grader), pool_extremes(grader, pooled)])


def fit_side_heads(
    features: PooledFeatures,
    photographs: Sequence[LabelledPhotograph],
    *,
    mirrored: PooledFeatures,
    spoilt: PooledFeatures,
    samples: RetinaSamples,
) -> SideHeads:
    """Fit every head on the training photographs.

    Args:
        features: of `photographs`.
        photographs: labelled, of the train split alone.
        mirrored: features of the mirror images of those of `photographs` whose eye is known, in the same order.
        spoilt: features of copies that no reader could grade.
        samples: further retinas, and pictures of anything else.

    Raises:
        ValueError: a label that a head needs has one value only.
    """
    return SideHeads(
        gradable=_fit_gradable(features, photographs, spoilt),
        right_eye=_fit_right_eye(features, photographs, mirrored),
        oedema=_fit_oedema(features, photographs),
        retina=fit_retina([features, spoilt], samples),
        embedding=fit_embedding(features.last),
    )


def _fit_gradable(
    features: PooledFeatures, photographs: Sequence[LabelledPhotograph], spoilt: PooledFeatures
) -> LinearHead:
    labels = [photograph.gradable is not False for photograph in photographs]
    weights = [WEIGHT_OTHER if photograph.gradable is None else WEIGHT_LABELLED for photograph in photographs]
    count = len(spoilt.layers)
    return fit_head(
        np.concatenate([features.layers, spoilt.layers]),
        np.array(labels + [False] * count),
        ridge=GRADABLE_RIDGE,
        weights=np.array(weights + [WEIGHT_SPOILT] * count),
    )


def _fit_right_eye(
    features: PooledFeatures, photographs: Sequence[LabelledPhotograph], mirrored: PooledFeatures
) -> LinearHead:
    known = np.array([photograph.laterality is not None for photograph in photographs])
    right = np.array([photograph.laterality is Laterality.OD for photograph in photographs])[known]
    # A right eye in a mirror is a left eye, and shows the head the same disc on the other side.
    return fit_head(
        np.concatenate([features.grid[known], mirrored.grid]), np.concatenate([right, ~right]), ridge=EYE_RIDGE
    )


def _fit_oedema(features: PooledFeatures, photographs: Sequence[LabelledPhotograph]) -> LinearHead:
    known = np.array([photograph.oedema_risk is not None for photograph in photographs])
    near = np.array([photograph.oedema_risk == 2 for photograph in photographs])
    return fit_head(features.layers[known], near[known], ridge=OEDEMA_RIDGE)


def fit_retina(common: Sequence[PooledFeatures], samples: RetinaSamples) -> LinearHead:
    """Fit the log odds of a retina; retinas and everything else weigh the same in all, however many they are.

    Args:
        common: of retinas that are not among `samples`.
        samples: further retinas, which weigh `WEIGHT_RARE_RETINA` each, and pictures of anything else.
    """
    parts = [part.extremes for part in (*common, samples.retinas, samples.others)]
    counted = np.repeat([1.0] * len(common) + [WEIGHT_RARE_RETINA, 1.0], [len(part) for part in parts])
    labels = np.arange(len(counted)) < len(counted) - len(samples.others.extremes)
    shares = np.where(labels, counted[labels].sum(), counted[~labels].sum())
    weights = 0.5 * len(counted) * counted / shares
    return fit_head(np.concatenate(parts), labels, ridge=RETINA_RIDGE, weights=weights)


def fit_head(
    features: Float32Array, labels: NDArray[np.bool_], *, ridge: float, weights: FloatArray | None = None
) -> LinearHead:
    """Fit one logistic output on standardised (N, D) features, and return it for the features as they are."""
    middle, spread = _standardise(features)
    slope, intercept = fit_logistic((features - middle) / spread, labels, ridge=ridge, weights=weights)
    kernel = slope / spread
    bias = intercept - float(kernel @ middle)
    return LinearHead(kernel[:, None].astype(np.float32), np.array([bias], dtype=np.float32))


def fit_embedding(last: Float32Array, size: int = EMBEDDING_SIZE) -> LinearHead:
    """Return the linear map whose output's length is the Mahalanobis distance from the training photographs.

    Over the `size` directions of largest variance of the standardised features (Lee et al., 2018, with one Gaussian).
    """
    middle, spread = _standardise(last)
    standard = (last - middle) / spread
    _, strengths, directions = np.linalg.svd(standard, full_matrices=False)
    count = min(size, len(strengths))
    deviation = np.maximum(strengths[:count] / np.sqrt(len(last)), 1e-6)
    kernel = (directions[:count] / deviation[:, None]).T / spread[:, None]
    return LinearHead(kernel.astype(np.float32), -(middle @ kernel).astype(np.float32))


def _standardise(features: Float32Array) -> tuple[FloatArray, FloatArray]:
    wide = features.astype(np.float64)
    return wide.mean(axis=0), np.maximum(wide.std(axis=0), 1e-3)
