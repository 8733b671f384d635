"""Teach the released network to see which parts of the retina a photograph does not show.

Nobody has outlined lids, lashes and reflections in photographs of many cameras. So good photographs are covered in
known places (`dr_core.training.cover`), and a small head on the grader's own features, cell by cell, learns to tell the
covered cells from those of retina, with or without disease.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import cv2
import keras
import numpy as np

from dr_core.domain.photograph import BoolArray, Float32Array, UInt8Array
from dr_core.imaging.colour import normalise_colour
from dr_core.imaging.decode import ANALYSIS_SIDE_PX, decode_photograph
from dr_core.imaging.disc import cut_disc
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import InputSize, cut_tensor
from dr_core.model.architecture import HIDDEN_MAP
from dr_core.training.cover import COVERS, cover_disc
from dr_core.training.dataset import LabelledPhotograph

__all__ = ["CoveredPhotograph", "choose_examples", "cover_photographs", "fit_hidden_head", "reduce_to_cells"]

# Whole structures, and beside them texture of two sizes; all are brought to the first one's cells.
FEATURES = ("block_13_expand_relu", "block_6_expand_relu", "block_3_expand_relu")  # strides 16, 8 and 4
CHANNELS = 64
COVERS_EACH = 3
# Where the retina is hidden, where it is not; between them nothing is learned, nor on the field's border.
HIDDEN_FROM, SHOWN_BELOW, INSIDE_FROM = 0.75, 0.03, 0.9
CELLS_EACH = 20
# The disc's side over the input's, while it is covered: a cover's grain is of any size then.
FINEST = 2.2
# Noise and compression come with and without a cover, and must not tell one from retina.
NOISE_CHANCE, NOISE_LEVELS = 0.4, 8.0
JPEG_CHANCE, JPEG_QUALITY = 0.6, (50, 97)
BATCH, CELLS_AT_ONCE, EPOCHS, LEARNING_RATE, DROPOUT = 16, 512, 12, 2e-3, 0.1
SPREAD_FLOOR = 0.05  # channels that hardly vary are not blown up
# Lesions of advanced disease are what a cover is taken for first, and rare.
ADVANCED_WEIGHT, ADVANCED_FROM = 3.0, 3


@dataclass(frozen=True, eq=False)
class CoveredPhotograph:
    """A photograph of which a part is hidden.

    Attributes:
        tensor: (height_px, width_px, 3) float32, the network's input.
        hidden: (height_px, width_px) float32, 0 to 1, how much of the retina is hidden at each pixel.
        inside: (height_px, width_px) bool, where there is any.
        kind: one of `COVERS`; empty for none.
    """

    tensor: Float32Array
    hidden: Float32Array
    inside: BoolArray
    kind: str


def choose_examples(photographs: Sequence[LabelledPhotograph], count: int, seed: int) -> list[LabelledPhotograph]:
    """Draw at most `count` of the gradable ones among graded `photographs`, of advanced disease more than its share."""
    gradable = [photograph for photograph in photographs if photograph.gradable is not False]
    weights = np.array([ADVANCED_WEIGHT if (row.grade or 0) >= ADVANCED_FROM else 1.0 for row in gradable])
    random = np.random.default_rng(seed)
    chosen = random.choice(len(gradable), min(count, len(gradable)), replace=False, p=weights / weights.sum())
    return [gradable[index] for index in chosen]


def cover_photographs(
    photographs: Sequence[LabelledPhotograph], size: InputSize, *, seed: int, each: int = COVERS_EACH
) -> Iterator[CoveredPhotograph]:
    """Yield every photograph as it is, and then covered in `each` ways.

    Args:
        photographs: in which a field is found.
        size: the network's input size.
        seed: decides how they are covered, each by itself.
        each: how many kinds of `COVERS` each photograph is covered by.
    """

    def cover(index: int) -> list[CoveredPhotograph]:
        random = np.random.default_rng([seed, index])
        data = photographs[index].path.read_bytes()
        pixels = decode_photograph(data, "", longest_side_px=ANALYSIS_SIDE_PX).pixels
        field, made = find_field_of_view(pixels), []
        for kind in ("", *random.choice(sorted(COVERS), each, replace=False)):
            disc, inside = cut_disc(pixels, field, round(size.width_px * random.uniform(1, FINEST)))
            made.append(_cover(disc, inside, str(kind), size, random))
        return made

    with ThreadPoolExecutor(2) as pool:
        for made in pool.map(cover, range(len(photographs))):
            yield from made


def _cover(
    disc: UInt8Array, inside: BoolArray, kind: str, size: InputSize, random: np.random.Generator
) -> CoveredPhotograph:
    hidden = np.zeros(inside.shape, dtype=np.float32)
    if kind:
        disc, hidden = cover_disc(disc, inside, kind, random)
    if random.random() < NOISE_CHANCE:
        noisy = disc + random.uniform(0, NOISE_LEVELS) * random.normal(0, 1, disc.shape)
        disc = np.clip(noisy, 0, 255).astype(np.uint8)
    if random.random() < JPEG_CHANCE:
        _, encoded = cv2.imencode(".jpg", disc, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(*JPEG_QUALITY))])
        disc = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), dtype=np.uint8)
    target = (size.width_px, size.width_px)
    narrow = np.asarray(cv2.resize(disc, target, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    hidden, whole = (
        np.asarray(cv2.resize(part, target, interpolation=cv2.INTER_AREA), dtype=np.float32)
        for part in (hidden, inside.astype(np.float32))
    )
    top = (size.width_px - size.height_px) // 2
    rows = slice(top, top + size.height_px)
    tensor = cut_tensor(normalise_colour(narrow, whole > 0.5), size)
    return CoveredPhotograph(tensor, hidden[rows], whole[rows] > 0.5, kind)


def fit_hidden_head(grader: Any, photographs: Sequence[LabelledPhotograph], *, seed: int) -> Any:
    """Train the head that sees what is hidden, on a grader that does not move any more.

    Args:
        grader: keras.Model, trained; only read.
        photographs: to cover, of the train split.
        seed: of weights and order, and of how they are covered.

    Returns:
        keras.Model from `grader`'s input to (N, h, w, 1) float32 log odds, h and w a sixteenth of the input's; it
        shares the grader's layers.

    Raises:
        ValueError: no cell is hidden, or all are.
    """
    features, labels = _read_cells(grader, photographs, seed)
    if labels.all() or not labels.any():
        raise ValueError(f"cells must be hidden and shown. Received: {labels.size} of one kind")
    middle, spread = features.mean(axis=0), np.maximum(features.std(axis=0), SPREAD_FLOOR)
    keras.utils.set_random_seed(seed)
    fitted = keras.Model(grader.input, _build_head(_stack_cells(grader)), name=HIDDEN_MAP)
    cell = keras.Input((1, 1, features.shape[1]))
    head = keras.Model(cell, _build_head(cell))
    steps = EPOCHS * (len(labels) // CELLS_AT_ONCE + 1)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    head.compile(optimizer=keras.optimizers.AdamW(rate, weight_decay=1e-2), loss=loss)
    standard = ((features - middle) / spread)[:, None, None]
    head.fit(standard, labels[:, None, None, None], batch_size=CELLS_AT_ONCE, epochs=EPOCHS, verbose=0)
    kernel, bias = head.get_layer("hidden_mixed").get_weights()
    # The network sees features as they are, so their standardisation goes into the first convolution.
    scaled = kernel / spread[:, None]
    fitted.get_layer("hidden_mixed").set_weights([scaled, bias - (middle @ scaled[0, 0])])
    fitted.get_layer(HIDDEN_MAP).set_weights(head.get_layer(HIDDEN_MAP).get_weights())
    return fitted


def _stack_cells(grader: Any) -> Any:
    """Return the symbolic (N, h, w, C) features of each cell."""
    cells, *finer = (grader.get_layer(name).output for name in FEATURES)
    pools = [keras.layers.AveragePooling2D(level.shape[1] // cells.shape[1])(level) for level in finer]
    return keras.layers.Concatenate(name="stacked_cells")([cells, *pools])


def _build_head(cells: Any) -> Any:
    mixed = keras.layers.Conv2D(CHANNELS, 1, activation="relu", name="hidden_mixed")(cells)
    return keras.layers.Conv2D(1, 1, name=HIDDEN_MAP)(keras.layers.Dropout(DROPOUT)(mixed))


def _read_cells(grader: Any, photographs: Sequence[LabelledPhotograph], seed: int) -> tuple[Float32Array, Float32Array]:
    """Return (M, C) features of some cells of every photograph, and (M,) 1 where they are hidden and 0 elsewhere."""
    size = InputSize(*grader.input_shape[1:3])
    reader = keras.Model(grader.input, _stack_cells(grader))
    shape = reader.output_shape[1:3]
    random = np.random.default_rng(seed)
    features: list[Float32Array] = []
    labels: list[Float32Array] = []
    examples = cover_photographs(photographs, size, seed=seed)
    while batch := list(islice(examples, BATCH)):
        found = reader.predict_on_batch(np.stack([example.tensor for example in batch]))
        for cells, example in zip(np.asarray(found), batch, strict=True):
            whole = reduce_to_cells(example.inside.astype(np.float32), shape) >= INSIDE_FROM
            covered = reduce_to_cells(example.hidden, shape)
            for label, wanted in ((1, whole & (covered > HIDDEN_FROM)), (0, whole & (covered < SHOWN_BELOW))):
                places = random.permutation(np.flatnonzero(wanted))[:CELLS_EACH]
                features.append(cells.reshape(-1, cells.shape[-1])[places])
                labels.append(np.full(len(places), label, dtype=np.float32))
    return np.concatenate(features), np.concatenate(labels)


def reduce_to_cells(values: Float32Array, shape: tuple[int, int]) -> Float32Array:
    """Return the mean of (H, W) `values` over each cell of an (h, w) grid."""
    return np.asarray(cv2.resize(values, shape[::-1], interpolation=cv2.INTER_AREA), dtype=np.float32)
