"""Teach the released network to see which parts of the retina a photograph does not show.

Nobody has outlined lids, lashes and reflections in photographs of many cameras. So good photographs are covered in
known places (`dr_core.training.cover`), and one linear output on the grader's own features, cell by cell, learns to
tell the covered cells from those of retina, with or without disease.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from dr_core.domain.photograph import BoolArray, Float32Array
from dr_core.imaging.colour import normalise_colour
from dr_core.imaging.decode import ANALYSIS_SIDE_PX, decode_photograph
from dr_core.imaging.disc import cut_disc
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import InputSize, cut_tensor
from dr_core.model.architecture import LinearHead, stack_cells
from dr_core.training.cover import COVERS, cover_disc
from dr_core.training.dataset import LabelledPhotograph
from dr_core.training.side_heads import fit_head

__all__ = ["choose_examples", "cover_photographs", "fit_hidden_head"]

COVERS_EACH = 2
# Where the retina is hidden, where it is not; between them nothing is learned, nor on the field's border.
HIDDEN_FROM, SHOWN_BELOW, INSIDE_FROM = 0.75, 0.03, 0.9
CELLS_EACH = 20
BATCH = 16
# In cells, on standardised features.
RIDGE = 100.0
# Lesions of advanced disease are what a cover is taken for first, and rare.
ADVANCED_WEIGHT = 3.0
ADVANCED_FROM = 3


def choose_examples(
    photographs: Sequence[LabelledPhotograph], count: int, random: np.random.Generator
) -> list[LabelledPhotograph]:
    """Draw at most `count` of the gradable ones among graded `photographs`, of advanced disease more than its share."""
    gradable = [photograph for photograph in photographs if photograph.gradable is not False]
    weights = np.array([ADVANCED_WEIGHT if (row.grade or 0) >= ADVANCED_FROM else 1.0 for row in gradable])
    chosen = random.choice(len(gradable), min(count, len(gradable)), replace=False, p=weights / weights.sum())
    return [gradable[index] for index in chosen]


def cover_photographs(
    photographs: Sequence[LabelledPhotograph], size: InputSize, random: np.random.Generator, *, each: int = COVERS_EACH
) -> Iterator[tuple[Float32Array, Float32Array, BoolArray, str]]:
    """Yield every photograph as it is and covered in `each` ways.

    Args:
        photographs: in which a field is found.
        size: the network's input size.
        random: decides how they are covered.
        each: how many kinds of `COVERS` each photograph is covered by.

    Yields:
        (height_px, width_px, 3) float32 input, and of the same height and width how much of the retina is hidden, 0 to
        1, and where there is any; last, the kind of cover, empty for none.
    """
    top = (size.width_px - size.height_px) // 2
    rows = slice(top, top + size.height_px)
    for photograph in photographs:
        pixels = decode_photograph(photograph.path.read_bytes(), "", longest_side_px=ANALYSIS_SIDE_PX).pixels
        disc, inside = cut_disc(pixels, find_field_of_view(pixels), size.width_px)
        plain = np.zeros(inside.shape, dtype=np.float32)
        yield cut_tensor(normalise_colour(disc, inside), size), plain[rows], inside[rows], ""
        for kind in random.choice(sorted(COVERS), each, replace=False):
            covered, hidden = cover_disc(disc, inside, str(kind), random)
            yield cut_tensor(normalise_colour(covered, inside), size), hidden[rows], inside[rows], str(kind)


def fit_hidden_head(grader: Any, photographs: Sequence[LabelledPhotograph], random: np.random.Generator) -> LinearHead:
    """Fit the log odds of a cell's being hidden.

    Args:
        grader: keras.Model, trained; only read.
        photographs: to cover, of the train split.
        random: decides how they are covered, and which cells are learned from.

    Raises:
        ValueError: no cell is hidden, or all are.
    """
    size = InputSize(*grader.input_shape[1:3])
    reader = keras.Model(grader.input, stack_cells(grader))
    shape = reader.output_shape[1:3]
    features: list[Float32Array] = []
    labels: list[NDArray[np.bool_]] = []
    batch: list[tuple[Float32Array, Float32Array, BoolArray, str]] = []

    def flush() -> None:
        found = reader.predict_on_batch(np.stack([tensor for tensor, *_ in batch]))
        for cells, (_, hidden, inside, _) in zip(np.asarray(found), batch, strict=True):
            whole = reduce_to_cells(inside.astype(np.float32), shape) >= INSIDE_FROM
            covered = reduce_to_cells(hidden, shape)
            for label, wanted in ((True, whole & (covered > HIDDEN_FROM)), (False, whole & (covered < SHOWN_BELOW))):
                places = random.permutation(np.flatnonzero(wanted))[:CELLS_EACH]
                features.append(cells.reshape(-1, cells.shape[-1])[places])
                labels.append(np.full(len(places), label))
        batch.clear()

    for example in cover_photographs(photographs, size, random):
        batch.append(example)
        if len(batch) == BATCH:
            flush()
    if batch:
        flush()
    return fit_head(np.concatenate(features), np.concatenate(labels), ridge=RIDGE)


def reduce_to_cells(values: Float32Array, shape: tuple[int, int]) -> Float32Array:
    """Return the mean of (H, W) `values` over each cell of an (h, w) grid."""
    return np.asarray(cv2.resize(values, shape[::-1], interpolation=cv2.INTER_AREA), dtype=np.float32)
