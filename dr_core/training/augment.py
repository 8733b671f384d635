"""Make one camera look like another: geometry, colour, blur and compression, on normalised discs."""

from functools import lru_cache

import cv2
import numpy as np

from dr_core.domain.photograph import Float32Array, UInt8Array
from dr_core.imaging.colour_ratio import COMMON_SHARE
from dr_core.imaging.preprocess import RIM_SHARE, InputSize, cut_tensor, to_tensor
from dr_core.training.dataset import NEUTRAL

ROTATION_DEG = 20.0
SCALE_RANGE = (0.92, 1.12)
ASPECT_RANGE = (0.94, 1.06)
SHIFT_SHARE = 0.03
CONTRAST_RANGE = (0.8, 1.25)
CHANNEL_GAIN_RANGE = (0.85, 1.18)
CHANNEL_SHIFT = 0.04
GAMMA_RANGE = (0.85, 1.18)
BLUR_CHANCE, BLUR_SIGMA_PX = 0.2, (0.4, 1.5)
COARSE_CHANCE, COARSE_SHARE = 0.15, (0.45, 0.9)
JPEG_CHANCE, JPEG_QUALITY = 0.1, (35, 92)
NOISE_CHANCE, NOISE_SIGMA = 0.1, (0.01, 0.05)


def cut_visible(disc: UInt8Array, size: InputSize) -> Float32Array:
    """Return the network's input of a cached disc, unchanged: (height_px, width_px, 3) float32 in [-1, 1]."""
    if disc.shape[1] != size.width_px:
        disc = np.asarray(
            cv2.resize(disc, (size.width_px, size.width_px), interpolation=cv2.INTER_AREA), dtype=np.uint8
        )
    return cut_tensor(disc, size)


def augment_disc(disc: UInt8Array, size: InputSize, random: np.random.Generator) -> Float32Array:
    """Return a random variant of a cached disc as the network's input.

    Args:
        disc: (S, S, 3) uint8, as cached.
        size: the network's input size.
        random: source of chance; the same state gives the same variant.

    Returns:
        (height_px, width_px, 3) float32 in [-1, 1]; the visible field keeps its shape whatever the geometry does.
    """
    moved = move_disc(disc, size, random)
    if random.random() < JPEG_CHANCE:
        quality = int(random.integers(*JPEG_QUALITY))
        _, packed = cv2.imencode(".jpg", moved, [cv2.IMWRITE_JPEG_QUALITY, quality])
        moved = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), dtype=np.uint8)
    tensor: Float32Array = np.asarray(cv2.LUT(_soften(moved, random), _draw_curves(random)), dtype=np.float32)
    if random.random() < NOISE_CHANCE:
        tensor += random.standard_normal(tensor.shape, dtype=np.float32) * np.float32(random.uniform(*NOISE_SIGMA))
        np.clip(tensor, -1.0, 1.0, out=tensor)
    tensor *= _visible_field(size)
    return tensor


def move_disc(disc: UInt8Array, size: InputSize, random: np.random.Generator) -> UInt8Array:
    """Return a cached disc turned, scaled, stretched, mirrored and shifted at random, at the network's size.

    Args:
        disc: (S, S, C) uint8, as cached, or what is drawn over it.
        size: the network's input size.
        random: source of chance; the same state gives the same movement.

    Returns:
        (height_px, width_px, C) uint8; beyond the disc's border the first three channels are `NEUTRAL`.
    """
    scale = size.width_px / disc.shape[1] * random.uniform(*SCALE_RANGE)
    aspect = random.uniform(*ASPECT_RANGE)
    angle = np.deg2rad(random.uniform(-ROTATION_DEG, ROTATION_DEG))
    flip_x, flip_y = random.choice([-1.0, 1.0], 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([scale * aspect * flip_x, scale / aspect * flip_y])
    shift = random.uniform(-SHIFT_SHARE, SHIFT_SHARE, 2) * size.width_px
    source_middle = np.full(2, disc.shape[0] / 2 - 0.5)
    target_middle = np.array([size.width_px / 2 - 0.5, size.height_px / 2 - 0.5])
    offset = target_middle + shift - linear @ source_middle
    matrix = np.column_stack([linear, offset])
    border = (NEUTRAL, NEUTRAL, NEUTRAL)
    target = (size.width_px, size.height_px)
    return np.asarray(cv2.warpAffine(disc, matrix, target, flags=cv2.INTER_LINEAR, borderValue=border), dtype=np.uint8)


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


def _draw_curves(random: np.random.Generator) -> Float32Array:
    """Return (1, 256, 3) float32, each channel's curve from normalised levels to the network's range.

    A table, because contrast, white balance and gamma act on each level alone: 256 of them, not every pixel.
    """
    gain = random.uniform(*CONTRAST_RANGE) * random.uniform(*CHANNEL_GAIN_RANGE, 3)
    shift = random.uniform(-CHANNEL_SHIFT, CHANNEL_SHIFT, 3)
    levels = to_tensor(np.arange(256, dtype=np.uint8))[None, :, None] * gain + shift
    curves = np.sign(levels) * np.abs(levels) ** random.uniform(*GAMMA_RANGE)
    return np.asarray(np.clip(curves, -1.0, 1.0), dtype=np.float32)


@lru_cache(maxsize=8)
def _visible_field(size: InputSize) -> Float32Array:
    """Return (height_px, width_px, 3) float32: 1 where every camera shows retina, 0 elsewhere."""
    rows = (np.arange(size.height_px) - size.height_px / 2 + 0.5)[:, None]
    columns = (np.arange(size.width_px) - size.width_px / 2 + 0.5)[None, :]
    radius = RIM_SHARE * size.width_px / 2
    common = np.abs(rows) <= COMMON_SHARE * size.width_px / 2
    shown = common & (rows**2 + columns**2 <= radius**2)
    return np.asarray(np.repeat(shown[..., None], 3, axis=2), dtype=np.float32)
