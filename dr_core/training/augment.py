"""Make one camera look like another: geometry, colour, blur and compression, on normalised discs."""

import cv2
import numpy as np

from dr_core.domain.photograph import Float32Array, UInt8Array
from dr_core.imaging.preprocess import RIM_SHARE, InputSize, to_tensor
from dr_core.training.dataset import NEUTRAL

ROTATION_DEG = 20.0
SCALE_RANGE = (0.92, 1.12)
ASPECT_RANGE = (0.94, 1.06)
SHIFT_SHARE = 0.03
CONTRAST_RANGE = (0.7, 1.35)
CHANNEL_GAIN_RANGE = (0.75, 1.3)
CHANNEL_SHIFT = 0.08
GAMMA_RANGE = (0.8, 1.25)
BLUR_CHANCE, BLUR_SIGMA_PX = 0.35, (0.4, 1.5)
COARSE_CHANCE, COARSE_SHARE = 0.25, (0.45, 0.9)
JPEG_CHANCE, JPEG_QUALITY = 0.25, (35, 92)
NOISE_CHANCE, NOISE_SIGMA = 0.2, (0.01, 0.05)


def cut_visible(disc: UInt8Array, size: InputSize) -> Float32Array:
    """Return the network's input of a cached disc, unchanged: (height_px, width_px, 3) float32 in [-1, 1]."""
    if disc.shape[1] != size.width_px:
        disc = np.asarray(
            cv2.resize(disc, (size.width_px, size.width_px), interpolation=cv2.INTER_AREA), dtype=np.uint8
        )
    top = (size.width_px - size.height_px) // 2
    return to_tensor(disc[top : top + size.height_px])


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
    tensor = _recolour(to_tensor(_soften(moved, random)), random)
    visible = _visible_field(size)
    return np.asarray(np.clip(tensor, -1.0, 1.0) * visible[..., None], dtype=np.float32)


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


def _recolour(tensor: Float32Array, random: np.random.Generator) -> Float32Array:
    gain = random.uniform(*CONTRAST_RANGE) * random.uniform(*CHANNEL_GAIN_RANGE, 3)
    shift = random.uniform(-CHANNEL_SHIFT, CHANNEL_SHIFT, 3)
    tensor = tensor * gain.astype(np.float32) + shift.astype(np.float32)
    gamma = random.uniform(*GAMMA_RANGE)
    tensor = np.sign(tensor) * np.abs(tensor) ** np.float32(gamma)
    if random.random() < NOISE_CHANCE:
        sigma = random.uniform(*NOISE_SIGMA)
        tensor = tensor + random.normal(0.0, sigma, tensor.shape).astype(np.float32)
    return np.asarray(tensor, dtype=np.float32)


def _visible_field(size: InputSize) -> Float32Array:
    """Return (height_px, width_px) float32: 1 inside the field's rim, 0 outside."""
    rows = (np.arange(size.height_px) - size.height_px / 2 + 0.5)[:, None]
    columns = (np.arange(size.width_px) - size.width_px / 2 + 0.5)[None, :]
    radius = RIM_SHARE * size.width_px / 2
    return np.asarray(rows**2 + columns**2 <= radius**2, dtype=np.float32)
