"""A small head that marks lesions, on the frozen grader's own features, so that one pass gives grade and lesions.

Features of three resolutions are brought to a few channels each, laid over one another and mixed by a small
convolution (in the manner of a feature pyramid: Lin et al., 2017). It learns from the pixel masks of IDRiD's
segmentation part (Porwal et al., 2018), of photographs in the grading train split alone, and in every second variant
from the same lesions in healthy eyes of other cameras (`dr_core.training.transplant`).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
import keras
import numpy as np

from dr_core.domain.photograph import BoolArray, Float32Array
from dr_core.domain.results import LESIONS
from dr_core.imaging.preprocess import InputSize
from dr_core.model.architecture import LESION_MAPS
from dr_core.training.augment import augment_disc, cut_visible, draw_movement, move_disc
from dr_core.training.dataset import NEUTRAL
from dr_core.training.outlined import LesionPhotograph, read_lesion_photographs
from dr_core.training.transplant import Transplants

__all__ = ["attach_lesion_head", "fit_lesion_head", "pool_maximum", "read_lesion_photographs", "vary_photograph"]

FEATURES = ("block_3_expand_relu", "block_6_expand_relu", "block_13_expand_relu")  # strides 4, 8 and 16
CHANNELS = 24
VARIANTS = 8
STEPS, BATCH_SIZE = 320, 8
LEARNING_RATE, WARMUP_STEPS = 6e-3, 15
FEATURE_BATCH = 8
SPREAD_FLOOR = 0.1  # channels that hardly vary are not blown up
# Of a lesion after interpolation; above what `move_disc` writes beyond the disc's border.
MOVED_LEVEL = NEUTRAL + 12
PRIOR_LOGIT = -4.0  # one cell in fifty shows a lesion
Say = Callable[[str], None]


def attach_lesion_head(grader: Any) -> Any:
    """Put an untrained lesion head on `grader`, whose own layers stay as they are.

    Args:
        grader: keras.Model as `build_grader` makes it.

    Returns:
        Output tensor named ``lesion_maps``: (N, h, w, 4) float32 in [0, 1], h and w a quarter of the input's.

    Raises:
        ValueError: the input's sides are no multiples of 16.
    """
    return _build_head([grader.get_layer(name).output for name in FEATURES])


def _build_head(features: Sequence[Any]) -> Any:
    height, width = features[0].shape[1:3]
    levels = []
    for name, level in zip(FEATURES, features, strict=True):
        reduced = keras.layers.Conv2D(CHANNELS, 1, name=_name_reduction(name))(level)
        factor = height // level.shape[1]
        if (height, width) != (factor * level.shape[1], factor * level.shape[2]):
            raise ValueError(
                f"the grader's input must be a multiple of 16 wide and high. Received: level {level.shape}"
            )
        if factor > 1:
            reduced = keras.layers.UpSampling2D(factor, interpolation="bilinear")(reduced)
        levels.append(reduced)
    merged = keras.layers.ReLU(name="lesion_merged")(keras.layers.Add()(levels))
    around = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="lesion_around")(merged)
    mixed = keras.layers.Conv2D(CHANNELS, 1, activation="relu", name="lesion_mixed")(around)
    prior = keras.initializers.Constant(PRIOR_LOGIT)
    return keras.layers.Conv2D(len(LESIONS), 1, activation="sigmoid", bias_initializer=prior, name=LESION_MAPS)(mixed)


def fit_lesion_head(
    grader: Any,
    photographs: Sequence[LesionPhotograph],
    *,
    seed: int,
    transplants: Transplants | None = None,
    say: Say = print,
) -> Any:
    """Train a lesion head on a grader that does not move any more.

    Args:
        grader: keras.Model, trained; only read.
        photographs: what to learn from, discs as wide as the grader's input.
        seed: of weights, order and augmentation.
        transplants: of the same photographs; without them all lesions stay where they were outlined.
        say: receives lines of progress.

    Returns:
        keras.Model from `grader`'s input to ``lesion_maps``; it shares the grader's layers, so that
        ``keras.Model(grader.input, [grader.output, fitted.output])`` is one network of one pass.

    Raises:
        ValueError: there is no photograph.
    """
    if not photographs:
        raise ValueError("photographs must not be empty. Received: 0")
    keras.utils.set_random_seed(seed)
    fitted = keras.Model(grader.input, attach_lesion_head(grader), name=LESION_MAPS)
    size = InputSize(*grader.input_shape[1:3])
    levels, targets = _extract_features(grader, photographs, size, seed, transplants)
    scaling = [_standardise(level) for level in levels]
    say(f"lesion head: {len(photographs)} photographs, {len(targets)} variants")
    inputs = [keras.Input(level.shape[1:]) for level in levels]
    head = keras.Model(inputs, _build_head(inputs))
    head.compile(optimizer=keras.optimizers.Adam(LEARNING_RATE), loss="binary_crossentropy")
    losses = []
    for step, chosen in enumerate(_draw_batches(len(targets), seed)):
        head.optimizer.learning_rate.assign(_schedule_rate(step))
        batch = [level[chosen].astype(np.float32) for level in levels]
        losses.append(float(head.train_on_batch(batch, targets[chosen].astype(np.float32))))
        if (step + 1) % 40 == 0:
            say(f"  lesion head, step {step + 1}/{STEPS}: loss {np.mean(losses[-40:]):.5f}")
    for layer in head.layers:
        if layer.weights:
            fitted.get_layer(layer.name).set_weights(layer.get_weights())
    for name, (middle, spread) in zip(FEATURES, scaling, strict=True):
        # The network sees features as they are, so their standardisation goes into the first convolutions.
        layer = fitted.get_layer(_name_reduction(name))
        kernel, bias = layer.get_weights()
        scaled = kernel / spread[:, None]
        layer.set_weights([scaled, bias - (middle @ scaled[0, 0])])
    return fitted


def _name_reduction(feature: str) -> str:
    return f"lesion_{feature.removesuffix('_expand_relu')}"


def _standardise(level: Any) -> tuple[Float32Array, Float32Array]:
    """Bring (M, h, w, c) float16 features to mean 0 and spread 1 in place; returns (c,) mean and spread."""
    plain = level[::VARIANTS].astype(np.float32)
    middle = plain.mean(axis=(0, 1, 2))
    spread = plain.std(axis=(0, 1, 2)) + np.float32(SPREAD_FLOOR)
    for part in level:
        part[...] = (part - middle) / spread
    return middle, spread


def _draw_batches(count: int, seed: int) -> Iterator[Any]:
    random = np.random.default_rng(seed)
    size = min(BATCH_SIZE, count)
    queue = np.empty(0, dtype=np.int64)
    for _ in range(STEPS):
        if len(queue) < size:
            queue = random.permutation(count)
        yield queue[:size]
        queue = queue[size:]


def _schedule_rate(step: int) -> float:
    return LEARNING_RATE * min(1.0, (step + 1) / WARMUP_STEPS) * 0.5 * (1.0 + float(np.cos(np.pi * step / STEPS)))


def _extract_features(
    grader: Any,
    photographs: Sequence[LesionPhotograph],
    size: InputSize,
    seed: int,
    transplants: Transplants | None,
) -> tuple[list[Any], BoolArray]:
    """Return each level's (M, h, w, c) float16 features and (M, H, W, 4) bool targets of all variants."""
    backbone = keras.Model(grader.input, [grader.get_layer(name).output for name in FEATURES])
    stride = size.width_px // backbone.output_shape[0][2]
    tensors, targets = [], []
    for index, photograph in enumerate(photographs):
        for variant in range(VARIANTS):
            key = (seed, index, variant)
            shown = photograph
            if transplants is not None and variant % 2:
                shown = transplants.draw(index, np.random.default_rng(key))
            tensor, lesions = vary_photograph(shown, size, key)
            tensors.append(tensor)
            targets.append(pool_maximum(lesions, stride))
    count = len(tensors)
    levels: list[Any] = [np.empty((count, *shape[1:]), dtype=np.float16) for shape in backbone.output_shape]
    for start in range(0, count, FEATURE_BATCH):
        found = backbone.predict_on_batch(np.stack(tensors[start : start + FEATURE_BATCH]))
        for level, part in zip(levels, found, strict=True):
            level[start : start + FEATURE_BATCH] = keras.ops.convert_to_numpy(part)
    return levels, np.stack(targets)


def vary_photograph(
    photograph: LesionPhotograph, size: InputSize, key: tuple[int, ...]
) -> tuple[Float32Array, BoolArray]:
    """Return a variant of a photograph and of its lesions, moved alike.

    Args:
        photograph: read with discs of any width; as wide as `size` for variant 0.
        size: the network's input size.
        key: of chance; its last number is the variant, of which 0 is the photograph as it is.

    Returns:
        (height_px, width_px, 3) float32 in [-1, 1] and (height_px, width_px, 4) bool, lesions a pixel wider all round.
    """
    # Interpolation would wear away a lesion that is one pixel wide.
    drawn = cv2.dilate(photograph.lesions.astype(np.uint8) * 255, np.ones((3, 3), dtype=np.uint8))
    if key[-1] == 0:
        top = (size.width_px - size.height_px) // 2
        return cut_visible(photograph.disc, size), np.asarray(drawn[top : top + size.height_px] > 0)
    random = np.random.default_rng(key)
    movement = draw_movement(photograph.disc.shape[0], size, random)
    moved = move_disc(np.asarray(drawn, dtype=np.uint8), movement)
    tensor = augment_disc(photograph.disc, movement, random)
    return tensor, np.asarray(moved > MOVED_LEVEL, dtype=np.bool_)


def pool_maximum(lesions: BoolArray, stride: int) -> BoolArray:
    """Return (h / stride, w / stride, 4) bool: whether a cell holds any pixel of a lesion."""
    height, width, kinds = lesions.shape
    cells = lesions.reshape(height // stride, stride, width // stride, stride, kinds)
    return np.asarray(cells.max(axis=(1, 3)), dtype=np.bool_)
