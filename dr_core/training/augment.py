"""Make one camera look like another: geometry, light, colour, blur and compression, on normalised discs."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from dr_core.domain.photograph import Float32Array, UInt8Array
from dr_core.imaging.colour import CONTRAST
from dr_core.imaging.disc import RIM_SHARE
from dr_core.imaging.preprocess import InputSize, count_blank_rows, cut_tensor, to_tensor
from dr_core.training.dataset import NEUTRAL

ROTATION_DEG = 25.0
SCALE_RANGE = (0.93, 1.1)
ASPECT_RANGE = (0.96, 1.04)
SHIFT_SHARE = 0.03
CONTRAST_RANGE = (0.75, 1.3)
CHANNEL_GAIN_RANGE = (0.88, 1.14)
GAMMA_RANGE = (0.8, 1.25)
# Mild and rare: a microaneurysm that was blurred away leaves a wrong label behind.
COARSE_CHANCE, COARSE_SHARE = 0.12, (0.5, 0.9)
BLUR_CHANCE, BLUR_SIGMA_PX = 0.12, (0.4, 1.2)
JPEG_CHANCE, JPEG_QUALITY = 0.3, (40, 92)
# Means of red, green and blue, as levels above or below 128, that a photograph may have had when it was compressed.
TINT_RANGES = ((-20, 60), (-40, 0), (-90, -50))
UNEVEN_CHANCE, SLOPE_SHARE, BOWL_SHARE = 0.3, 0.25, 0.2
NOISE_CHANCE, NOISE_SIGMA = 0.1, (0.01, 0.03)


def cut_visible(disc: UInt8Array, size: InputSize) -> Float32Array:
    """Return the network's input of a cached disc, unchanged: (height_px, width_px, 3) float32 in [-1, 1]."""
    if disc.shape[1] != size.width_px:
        disc = np.asarray(
            cv2.resize(disc, (size.width_px, size.width_px), interpolation=cv2.INTER_AREA), dtype=np.uint8
        )
    return cut_tensor(disc, size)


@dataclass(frozen=True, eq=False)
class Movement:
    """How a disc is turned, scaled, stretched, mirrored and shifted.

    Attributes:
        matrix: (2, 3) float64, from the disc's (column, row) to those of the network's input.
        size: the network's input size.
        mirrored: left and right have changed places, so that a right eye looks like a left one.
    """

    matrix: NDArray[np.float64]
    size: InputSize
    mirrored: bool


def draw_movement(diameter_px: int, size: InputSize, random: np.random.Generator) -> Movement:
    """Draw a movement of cached discs of `diameter_px` at random; the same state of chance gives the same one."""
    scale = size.width_px / diameter_px * random.uniform(*SCALE_RANGE)
    aspect = random.uniform(*ASPECT_RANGE)
    angle = np.deg2rad(random.uniform(-ROTATION_DEG, ROTATION_DEG))
    flip_x, flip_y = random.choice([-1.0, 1.0], 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([scale * aspect * flip_x, scale / aspect * flip_y])
    shift = random.uniform(-SHIFT_SHARE, SHIFT_SHARE, 2) * size.width_px
    source_middle = np.full(2, diameter_px / 2 - 0.5)
    target_middle = np.array([size.width_px / 2 - 0.5, size.height_px / 2 - 0.5])
    offset = target_middle + shift - linear @ source_middle
    return Movement(np.column_stack([linear, offset]), size, bool(flip_x < 0))


def move_disc(disc: UInt8Array, movement: Movement) -> UInt8Array:
    """Return a cached disc after `movement`, at the network's size.

    Args:
        disc: (S, S, C) uint8, as cached, or what is drawn over it.
        movement: drawn for discs of S pixels.

    Returns:
        (height_px, width_px, C) uint8; beyond the disc's border the first three channels are `NEUTRAL`.
    """
    border = (NEUTRAL, NEUTRAL, NEUTRAL)
    target = (movement.size.width_px, movement.size.height_px)
    return np.asarray(
        cv2.warpAffine(disc, movement.matrix, target, flags=cv2.INTER_LINEAR, borderValue=border), dtype=np.uint8
    )


def augment_disc(disc: UInt8Array, movement: Movement, random: np.random.Generator) -> Float32Array:
    """Return a random variant of a cached disc as the network's input.

    Args:
        disc: (S, S, 3) uint8, as cached.
        movement: drawn for discs of S pixels.
        random: source of chance; the same state gives the same variant.

    Returns:
        (height_px, width_px, 3) float32 in [-1, 1]; the visible field keeps its shape whatever the movement is.
    """
    size = movement.size
    pixels = _soften(move_disc(disc, movement), random)
    if random.random() < JPEG_CHANCE:
        pixels = _compress(pixels, random)
    tensor: Float32Array = np.asarray(cv2.LUT(pixels, _draw_curves(random)), dtype=np.float32)
    if random.random() < UNEVEN_CHANCE:
        tensor = (tensor + CONTRAST) * _draw_light(size, random) - np.float32(CONTRAST)
    if random.random() < NOISE_CHANCE:
        tensor += random.standard_normal(tensor.shape, dtype=np.float32) * np.float32(random.uniform(*NOISE_SIGMA))
    shown = _visible_field(size)
    tensor *= shown
    tensor -= tensor.sum(axis=(0, 1)) / shown[..., 0].sum() * shown
    return np.asarray(np.clip(tensor, -1.0, 1.0, out=tensor), dtype=np.float32)


def _soften(pixels: UInt8Array, random: np.random.Generator) -> UInt8Array:
    if random.random() < COARSE_CHANCE:
        share = random.uniform(*COARSE_SHARE)
        height, width = pixels.shape[:2]
        coarse = cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        pixels = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    if random.random() < BLUR_CHANCE:
        sigma = random.uniform(*BLUR_SIGMA_PX)
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), dtype=np.uint8)
    return pixels


def _compress(pixels: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Return `pixels` as they come back from a JPEG file, into which they went with a retina's colour."""
    tint = np.array([random.integers(*span) for span in TINT_RANGES], dtype=np.int16)
    tinted = np.clip(pixels + tint, 0, 255).astype(np.uint8)
    quality = int(random.integers(*JPEG_QUALITY))
    _, packed = cv2.imencode(".jpg", tinted[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    opened = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))[..., ::-1]
    return np.clip(opened - tint, 0, 255).astype(np.uint8)


def _draw_curves(random: np.random.Generator) -> Float32Array:
    """Return (1, 256, 3) float32, each channel's curve from normalised levels to the network's range.

    A table, because contrast, saturation and gamma act on each level alone: 256 of them, not every pixel.
    """
    gain = random.uniform(*CONTRAST_RANGE) * random.uniform(*CHANNEL_GAIN_RANGE, 3)
    gamma = random.uniform(*GAMMA_RANGE)
    # The ratio to the channel's mean, which no gamma moves.
    ratio = np.maximum(0.0, to_tensor(np.arange(256, dtype=np.uint8))[None, :, None] / CONTRAST + 1)
    return np.asarray((ratio**gamma - 1) * CONTRAST / gamma * gain, dtype=np.float32)


def _draw_light(size: InputSize, random: np.random.Generator) -> Float32Array:
    """Return (height_px, width_px, 1) float32, how a lamp that is not centred multiplies a photograph's levels."""
    y = np.linspace(-1, 1, size.height_px)[:, None]
    x = np.linspace(-1, 1, size.width_px)[None]
    angle, slope, bowl = random.uniform(0, 2 * np.pi), random.uniform(0, SLOPE_SHARE), random.uniform(-1, 1)
    light = 1 + slope * (np.cos(angle) * x + np.sin(angle) * y) + BOWL_SHARE * bowl * (x**2 + y**2 - 0.6)
    return np.asarray(light[..., None], dtype=np.float32)


@lru_cache(maxsize=8)
def _visible_field(size: InputSize) -> Float32Array:
    """Return (height_px, width_px, 3) float32: 1 where every camera shows retina, 0 elsewhere."""
    rows = (np.arange(size.height_px) - size.height_px / 2 + 0.5)[:, None]
    columns = (np.arange(size.width_px) - size.width_px / 2 + 0.5)[None, :]
    radius = RIM_SHARE * size.width_px / 2
    shown = rows**2 + columns**2 <= radius**2
    blank = count_blank_rows(size)
    shown[:blank] = shown[size.height_px - blank :] = False
    return np.asarray(np.repeat(shown[..., None], 3, axis=2), dtype=np.float32)
