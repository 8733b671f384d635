"""Cover a part of the retina, as lids, lashes, reflections and shadows do, and say which part that was."""

import math
from collections.abc import Callable

import cv2
import numpy as np

from dr_core.domain.photograph import BoolArray, Float32Array, UInt8Array

__all__ = ["COVERS", "cover_disc"]

Random = np.random.Generator


def cover_disc(disc: UInt8Array, inside: BoolArray, kind: str, random: Random) -> tuple[UInt8Array, Float32Array]:
    """Cover a part of a disc that is not normalised yet.

    Args:
        disc: (S, S, 3) uint8 RGB, as `cut_disc` returns it.
        inside: (S, S) bool, where it shows retina.
        kind: one of `COVERS`.
        random: decides where, how much, and what it looks like.

    Returns:
        (S, S, 3) uint8, and (S, S) float32 from 0 to 1: how much of the retina is hidden at each pixel.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in COVERS:
        raise ValueError(f"kind must be one of {', '.join(COVERS)}. Received: {kind}")
    values = disc.astype(np.float32)
    covered, hidden = COVERS[kind](values, inside, random)
    covered = np.where(inside[..., None], covered, values)
    return np.clip(covered, 0, 255).astype(np.uint8), np.where(inside, np.clip(hidden, 0, 1), 0).astype(np.float32)


def _grid(side: int) -> tuple[Float32Array, Float32Array]:
    line = ((np.arange(side) + 0.5) / side * 2 - 1).astype(np.float32)
    return line[:, None], line[None, :]


def _soften(mask: BoolArray, share: float) -> Float32Array:
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(0.5, share * len(mask) / 2)))


def _draw_lid_region(side: int, random: Random) -> BoolArray:
    """A region that reaches in from the border, mostly from above, behind a bent edge."""
    angle = random.choice([0, 0, 0, 0, math.pi, math.pi, random.uniform(0, 2 * math.pi)]) + random.normal(0, 0.2)
    y, x = _grid(side)
    along = -(y * math.cos(angle) + x * math.sin(angle))
    across = x * math.cos(angle) - y * math.sin(angle)
    return np.asarray(along + random.uniform(-0.3, 0.3) * across**2 > random.uniform(-0.1, 0.6))


def _draw_blob(side: int, random: Random) -> BoolArray:
    y, x = _grid(side)
    distance, angle = math.sqrt(random.uniform(0, 0.7)), random.uniform(0, 2 * math.pi)
    turn = random.uniform(0, math.pi)
    u, v = y - distance * math.sin(angle), x - distance * math.cos(angle)
    a = u * math.cos(turn) + v * math.sin(turn)
    b = v * math.cos(turn) - u * math.sin(turn)
    wavy = 1 + 0.25 * _draw_clouds(side, random.uniform(0.2, 0.5), random)
    return np.asarray((a / random.uniform(0.2, 0.6)) ** 2 + (b / random.uniform(0.2, 0.6)) ** 2 < wavy)


def _draw_clouds(side: int, scale: float, random: Random) -> Float32Array:
    """Smooth noise of mean 0 and spread 1; `scale` is the size of its grains in radii."""
    cells = max(2, round(2 / scale))
    coarse = random.normal(0, 1, (cells, cells)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC))


def _draw_surface(values: Float32Array, inside: BoolArray, random: Random) -> Float32Array:
    """What covers the retina: of one colour, shaded, with or without a grain."""
    side = len(values)
    mean = values[inside].mean(axis=0)
    colour = {
        0: mean * random.uniform(0.5, 1.6),
        1: np.array([random.uniform(120, 255), random.uniform(70, 200), random.uniform(40, 160)]),
        2: np.full(3, random.uniform(0, 255)),
        3: random.uniform(0, 60) * np.array([1.0, 0.6, 0.4]),
    }[int(random.integers(4))]
    shade = 1 + random.uniform(0, 0.35) * _draw_clouds(side, random.uniform(0.3, 1.5), random)
    surface = colour * shade[..., None]
    for _ in range(int(random.integers(4))):
        scale, depth = np.exp(random.uniform(np.log((0.008, 1)), np.log((0.3, 25))))
        tint = 1 + random.uniform(0, 0.5) * random.normal(0, 1, 3)
        surface = surface + depth * tint * _draw_clouds(side, float(scale), random)[..., None]
    return np.asarray(surface + random.uniform(0, 8) * random.normal(0, 1, values.shape), dtype=np.float32)


def _lay_over(values: Float32Array, surface: Float32Array, alpha: Float32Array) -> Float32Array:
    return np.asarray(values * (1 - alpha[..., None]) + surface * alpha[..., None], dtype=np.float32)


def _cover_by_lid(values: Float32Array, inside: BoolArray, random: Random) -> tuple[Float32Array, Float32Array]:
    alpha = random.uniform(0.8, 1) * _soften(_draw_lid_region(len(values), random), random.uniform(0.01, 0.12))
    return _lay_over(values, _draw_surface(values, inside, random), alpha), alpha


def _cover_by_patch(values: Float32Array, inside: BoolArray, random: Random) -> tuple[Float32Array, Float32Array]:
    alpha = random.uniform(0.8, 1) * _soften(_draw_blob(len(values), random), random.uniform(0.005, 0.1))
    return _lay_over(values, _draw_surface(values, inside, random), alpha), alpha


def _cover_by_glare(values: Float32Array, _inside: BoolArray, random: Random) -> tuple[Float32Array, Float32Array]:
    region = _draw_blob(len(values), random) if random.random() < 0.6 else _draw_lid_region(len(values), random)
    light = _soften(region, random.uniform(0.05, 0.2))
    tint = np.array([1.0, random.uniform(0.7, 1.0), random.uniform(0.4, 1.0)])
    added = values + light[..., None] * random.uniform(180, 330) * tint
    return np.asarray(added, dtype=np.float32), np.clip((added.min(axis=2) - 200) / 55, 0, 1) * (light > 0.5)


def _cover_by_shadow(values: Float32Array, _inside: BoolArray, random: Random) -> tuple[Float32Array, Float32Array]:
    region = _draw_blob(len(values), random) if random.random() < 0.3 else _draw_lid_region(len(values), random)
    alpha = _soften(region, random.uniform(0.03, 0.15))
    left = random.uniform(0.01, 0.1)
    dark = values * (1 - (1 - left) * alpha[..., None])
    return np.asarray(dark + random.normal(0, 1.5, values.shape), dtype=np.float32), alpha


def _cover_by_haze(values: Float32Array, _inside: BoolArray, random: Random) -> tuple[Float32Array, Float32Array]:
    region = _draw_blob(len(values), random) if random.random() < 0.5 else _draw_lid_region(len(values), random)
    strength = random.uniform(0.85, 0.97)
    alpha = _soften(region, random.uniform(0.03, 0.15))
    blurred = cv2.GaussianBlur(values, (0, 0), 0.1 * len(values))
    colour = blurred * random.uniform(0.8, 1.5) + random.uniform(0, 50)
    return _lay_over(values, np.asarray(colour, dtype=np.float32), strength * alpha), alpha


def _cover_by_blur(values: Float32Array, _inside: BoolArray, random: Random) -> tuple[Float32Array, Float32Array]:
    region = _draw_blob(len(values), random) if random.random() < 0.6 else _draw_lid_region(len(values), random)
    alpha = _soften(region, random.uniform(0.01, 0.1))
    blurred = cv2.GaussianBlur(values, (0, 0), random.uniform(0.025, 0.06) * len(values) / 2)
    noise = random.uniform(0, 3) * random.normal(0, 1, values.shape)
    return _lay_over(values, np.asarray(blurred + noise, dtype=np.float32), alpha), alpha


def _cover_by_lashes(values: Float32Array, _inside: BoolArray, random: Random) -> tuple[Float32Array, Float32Array]:
    side, top = len(values), random.random() < 0.8
    drawn = np.zeros((side, side), dtype=np.uint8)
    reach = random.uniform(0.4, 1.3)
    for _ in range(int(random.integers(20, 90))):
        t = np.linspace(0, 1, 24)
        x = random.uniform(-1, 1) + random.normal(0, 0.25) * t**2
        y = -1 + reach * random.uniform(0.6, 1) * t
        points = np.stack([(x + 1) / 2 * side, ((y if top else -y) + 1) / 2 * side], axis=1)
        cv2.polylines(drawn, [points.astype(np.int32)], False, 255, max(1, round(random.uniform(0.006, 0.02) * side)))
    alpha = cv2.GaussianBlur(drawn.astype(np.float32) / 255, (0, 0), random.uniform(0.003, 0.02) * side)
    dense = cv2.GaussianBlur(drawn.astype(np.float32) / 255, (0, 0), 0.03 * side)
    dark = np.array([random.uniform(5, 60), random.uniform(3, 35), random.uniform(0, 25)], dtype=np.float32)
    covered = _lay_over(values, np.broadcast_to(dark, values.shape).astype(np.float32), np.asarray(alpha))
    return covered, np.clip(np.asarray(dense) * 2.5, 0, 1)


Cover = Callable[[Float32Array, BoolArray, Random], tuple[Float32Array, Float32Array]]
COVERS: dict[str, Cover] = {
    "lid": _cover_by_lid,
    "patch": _cover_by_patch,
    "glare": _cover_by_glare,
    "shadow": _cover_by_shadow,
    "haze": _cover_by_haze,
    "blur": _cover_by_blur,
    "lashes": _cover_by_lashes,
}
