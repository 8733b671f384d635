"""How well a heatmap points at outlined lesions, and how much of the network's answer hangs on where it is hot.

Pointing game: Zhang et al., 2018. Insertion and deletion: Petsiuk et al., 2018.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from benchmarks.heatmap_methods import Method
from benchmarks.outlined_examples import Example
from dr_core.domain.photograph import BoolArray, Float32Array
from dr_core.domain.results import LESIONS
from dr_core.model.cam import lesion_map
from dr_core.model.classifier import Classifier

STEPS = 16


@dataclass(frozen=True)
class MethodFigures:
    """What one method reaches; shares are 0 to 1.

    Attributes:
        method: its name.
        hit_any: pointing game, any lesion.
        hits: pointing game for each of `LESIONS`; None for one that no photograph shows.
        energy: share of heat inside the outlines of any lesion.
        insertion: area under the insertion curve; higher is better. None for a baseline.
        deletion: area under the deletion curve; lower is better. None for a baseline.
    """

    method: str
    hit_any: float
    hits: Mapping[str, float | None]
    energy: float
    insertion: float | None = None
    deletion: float | None = None


def measure_method(name: str, method: Method, examples: Sequence[Example], curves: Any = None) -> MethodFigures:
    """Play the pointing game with one map for all lesions; `curves` gives (insertion, deletion) of an example."""
    maps = [method(example) for example in examples]
    placed = [place(example, heat) for example, heat in zip(examples, maps, strict=True)]
    areas = [curves(example, heat) for example, heat in zip(examples, maps, strict=True)] if curves else []
    insertion, deletion = np.mean(areas, axis=0).tolist() if areas else (None, None)
    return _summarise(name, [placed] * len(LESIONS), examples, insertion=insertion, deletion=deletion)


def measure_own_maps(examples: Sequence[Example]) -> MethodFigures:
    """Play the pointing game with each kind's own lesion map; for any lesion, with the map that is surest."""
    placed = [[place(e, lesion_map(e.prediction, lesion)) for e in examples] for lesion in LESIONS]
    return _summarise("own map of each kind", placed, examples)


def _summarise(
    name: str, placed: Sequence[Sequence[Float32Array]], examples: Sequence[Example], **areas: float | None
) -> MethodFigures:
    found: dict[str, float | None] = {}
    for kind, lesion in enumerate(LESIONS):
        shown = [(heat, e) for heat, e in zip(placed[kind], examples, strict=True) if e.lesions[..., kind].any()]
        found[lesion] = float(np.mean([hits(heat, e.lesions[..., kind]) for heat, e in shown])) if shown else None
    together = [np.max(maps, axis=0) for maps in zip(*placed, strict=True)]
    anything = [e.lesions.any(axis=-1) for e in examples]
    pairs = [(heat, lesions) for heat, lesions in zip(together, anything, strict=True) if lesions.any()]
    hit_any = float(np.mean([hits(*pair) for pair in pairs]))
    return MethodFigures(name, hit_any, found, float(np.mean([measure_energy(*pair) for pair in pairs])), **areas)


def measure_chance(examples: Sequence[Example]) -> MethodFigures:
    """Return what a point drawn evenly from the field hits on average; its energy is that of a uniform map."""
    inside = [e.lesions[e.field.mask] for e in examples]
    shares = [[float(marked[:, kind].mean()) for marked in inside] for kind in range(len(LESIONS))]
    shown = {lesion: [share for share in each if share > 0] for lesion, each in zip(LESIONS, shares, strict=True)}
    found = {lesion: float(np.mean(each)) if each else None for lesion, each in shown.items()}
    anything = float(np.mean([marked.any(axis=-1).mean() for marked in inside if marked.any()]))
    return MethodFigures("uniform in the field", anything, found, anything)


def measure_curves(example: Example, heat: Float32Array, classifier: Classifier) -> tuple[float, float]:
    """Return the areas under the insertion and the deletion curve of P(referable)."""
    tensor = example.model_input.tensor
    smooth = cv2.resize(heat, (tensor.shape[1], tensor.shape[0]), interpolation=cv2.INTER_LINEAR)
    size = example.model_input.crop.input_size
    rows = np.arange(size.height_px)[:, None] - size.height_px / 2 + 0.5
    columns = np.arange(size.width_px)[None, :] - size.width_px / 2 + 0.5
    visible = rows**2 + columns**2 <= (size.width_px / 2) ** 2
    order = np.argsort(-np.where(visible, smooth, -1.0), axis=None, kind="stable")[: int(visible.sum())]
    inserted: list[float] = []
    deleted: list[float] = []
    for step in range(STEPS + 1):
        chosen = np.zeros(tensor.shape[:2], dtype=bool)
        chosen.flat[order[: len(order) * step // STEPS]] = True
        for keep, curve in ((chosen, inserted), (~chosen, deleted)):
            shown = np.asarray(tensor * keep[..., None], dtype=np.float32)
            curve.append(classifier.predict([replace(example.model_input, tensor=shown)])[0].p_referable)
    return float(np.trapezoid(inserted) / STEPS), float(np.trapezoid(deleted) / STEPS)


def place(example: Example, heat: Float32Array) -> Float32Array:
    """Return `heat` over the photograph, 0 outside the field."""
    return np.where(example.field.mask, example.model_input.crop.to_photograph(heat), np.float32(0))


def hits(placed: Float32Array, lesions: BoolArray) -> bool:
    """Whether the maximum of (H, W) `placed` lies on (H, W) `lesions`; a flat map points nowhere."""
    peak = np.unravel_index(int(placed.argmax()), placed.shape)
    return bool(placed[peak] > 0 and lesions[peak])


def measure_energy(placed: Float32Array, lesions: BoolArray) -> float:
    """Return the share of the heat that lies on `lesions`."""
    return float(placed[lesions].sum() / max(float(placed.sum()), 1e-9))
