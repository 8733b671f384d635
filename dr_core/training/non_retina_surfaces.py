"""Surfaces that are no retina, as heights from 0 to 1: balls, noise, tissue, cloth, dishes, rings, letters, shards.

For training alone; see `dr_core.training.non_retina`.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "COLUMNS",
    "ROWS",
    "SIDE_PX",
    "SURFACES",
    "FloatArray",
    "Random",
    "make_canvas",
    "make_texture",
    "pick_point",
    "soften",
    "warp",
]

SIDE_PX = 360

FloatArray = NDArray[np.float64]
Random = np.random.Generator

ROWS, COLUMNS = (np.mgrid[:SIDE_PX, :SIDE_PX] + 0.5) / SIDE_PX * 2 - 1


def make_texture(random: Random, exponent: float) -> FloatArray:
    """Return (S, S) noise of unit deviation whose amplitude falls with frequency to the power of `exponent`."""
    frequency = np.hypot(np.fft.fftfreq(SIDE_PX)[:, None], np.fft.rfftfreq(SIDE_PX)[None, :])
    frequency[0, 0] = np.inf
    shape = frequency.shape
    spectrum = (random.normal(size=shape) + 1j * random.normal(size=shape)) / frequency**exponent
    texture = np.fft.irfft2(spectrum, s=(SIDE_PX, SIDE_PX))
    return np.asarray(texture / texture.std())


def warp(random: Random, amount: float) -> tuple[FloatArray, FloatArray]:
    """Return coordinates, -1 to 1, that lean to one side and waver by `amount`."""
    angle = random.uniform(0, 2 * np.pi)
    rows = ROWS * np.cos(angle) + COLUMNS * np.sin(angle) + amount * make_texture(random, 2.2)
    columns = COLUMNS * np.cos(angle) - ROWS * np.sin(angle) + amount * make_texture(random, 2.2)
    return rows, columns


def make_canvas(level: float = 0.0) -> NDArray[np.float32]:
    """Return (S, S) float32, `level` everywhere."""
    return np.full((SIDE_PX, SIDE_PX), level, np.float32)


def pick_point(random: Random, margin: int = 0) -> tuple[int, int]:
    """Return a (column, row) on the canvas, or up to `margin` pixels beyond it."""
    column, row = random.integers(-margin, SIDE_PX + margin, 2)
    return int(column), int(row)


def soften(canvas: NDArray[np.float32], random: Random, most: float = 3.0) -> FloatArray:
    """Blur (S, S) by up to `most` pixels."""
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), random.uniform(0.4, most)), dtype=np.float64)


def _draw_moon(random: Random) -> FloatArray:
    """A lit ball, smooth or with craters and maria."""
    height = 0.02 * random.uniform(0, 3) * make_texture(random, random.uniform(1.2, 2.5))
    for _ in range(int(random.choice([0, 0, 10, 60]))):
        row, column = random.uniform(-1, 1, 2)
        away = np.hypot(ROWS - row, COLUMNS - column) / random.uniform(0.03, 0.2)
        height += random.uniform(0.02, 0.1) * np.exp(-((away - 1) ** 2) * 8)
    slope_row, slope_column = np.gradient(height, 2 / SIDE_PX)
    bulge = random.uniform(0.2, 1.0)
    lamp = random.normal(0, 0.5, 2)
    steep = np.sqrt(np.clip(1 - bulge * (ROWS**2 + COLUMNS**2) * 0.9, 0.02, 1))
    lit = steep + lamp[0] * (bulge * ROWS - 0.3 * slope_row) + lamp[1] * (bulge * COLUMNS - 0.3 * slope_column)
    return np.asarray(0.1 + 0.8 * lit)


def _draw_texture(random: Random) -> FloatArray:
    texture = make_texture(random, random.uniform(0.0, 3.5))
    if random.random() < 0.3:
        texture = np.abs(texture) * 1.5 - 1
    return np.asarray(0.5 + random.uniform(0.05, 0.3) * texture)


def _draw_cells(random: Random) -> FloatArray:
    """Tissue under a microscope: cells with walls and nuclei."""
    canvas = make_canvas(0.6)
    scale = random.uniform(8, 40)
    seeds = np.array([pick_point(random) for _ in range(int((SIDE_PX / scale) ** 2))], np.float32)
    subdivision = cv2.Subdiv2D((-1, -1, SIDE_PX + 2, SIDE_PX + 2))
    subdivision.insert([(float(x), float(y)) for x, y in seeds])
    facets, middles = subdivision.getVoronoiFacetList([])
    for facet, middle in zip(facets, middles, strict=True):
        cv2.fillConvexPoly(canvas, np.rint(facet).astype(np.int32), random.uniform(0.5, 0.9))
        cv2.polylines(canvas, [np.rint(facet).astype(np.int32)], True, 0.3, 1 + int(scale > 20), cv2.LINE_AA)
        size = (max(1, int(scale * random.uniform(0.1, 0.3))), max(1, int(scale * random.uniform(0.1, 0.3))))
        where = (int(middle[0]), int(middle[1]))
        cv2.ellipse(canvas, where, size, random.uniform(0, 180), 0, 360, random.uniform(0, 0.3), -1, cv2.LINE_AA)
    return soften(canvas, random) + 0.04 * make_texture(random, 1.0)


def _draw_weave(random: Random) -> FloatArray:
    """Cloth, corduroy, sand: one to three wavering gratings."""
    total = np.zeros((SIDE_PX, SIDE_PX))
    for _ in range(int(random.integers(1, 4))):
        rows, _ = warp(random, random.uniform(0, 0.08))
        total += np.sin(rows * random.uniform(3, 90)) ** int(random.choice([1, 3]))
    return 0.5 + 0.25 * total


def _draw_plate(random: Random) -> FloatArray:
    """A dish with a rim, and what lies on it."""
    canvas = make_canvas(0.75)
    for radius in sorted(random.uniform(0.5, 1.0, 3), reverse=True):
        cv2.circle(canvas, (SIDE_PX // 2, SIDE_PX // 2), int(SIDE_PX / 2 * radius), random.uniform(0.4, 1), -1)
    for _ in range(int(random.integers(4, 90))):
        size = int(random.integers(3, 32))
        axes = (size, max(2, int(size * random.uniform(0.4, 1))))
        at, turned, level = pick_point(random), random.uniform(0, 180), random.random()
        cv2.ellipse(canvas, at, axes, turned, 0, 360, level, -1, cv2.LINE_AA)
        cv2.ellipse(canvas, at, axes, turned, 0, 360, level * 0.7, 1, cv2.LINE_AA)
    return soften(canvas, random) + random.uniform(0, 0.08) * make_texture(random, 1.2)


def _draw_rings(random: Random) -> FloatArray:
    """Cut wood, agate, onion, an egg: rings round a point that waver."""
    rows, columns = warp(random, random.uniform(0.01, 0.12))
    away = np.hypot(rows - random.uniform(-0.6, 0.6), columns - random.uniform(-0.6, 0.6))
    rings = np.sin(away * random.uniform(3, 90) + random.uniform(0, 6))
    return np.asarray(0.5 + 0.4 * rings + 0.05 * make_texture(random, 1.0))


def _draw_letters(random: Random) -> FloatArray:
    """Words and figures of every size and slant: a label, a coin, a watch."""
    canvas = np.full((SIDE_PX, SIDE_PX), 204, np.uint8)
    for _ in range(int(random.integers(3, 40))):
        word = "".join(chr(int(code)) for code in random.integers(48, 91, int(random.integers(1, 9))))
        size, stroke = random.uniform(0.4, 3.5), int(random.integers(1, 6))
        font = int(random.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX]))
        cv2.putText(canvas, word, pick_point(random, 40), font, size, random.uniform(0, 128), stroke, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((SIDE_PX / 2, SIDE_PX / 2), random.uniform(0, 360), 1.0)
    turned = cv2.warpAffine(canvas, turn, (SIDE_PX, SIDE_PX), borderMode=cv2.BORDER_REFLECT)
    return soften(np.asarray(turned, np.float32) / np.float32(255), random, 2.0)


def _draw_polygons(random: Random) -> FloatArray:
    """Corners and straight edges: gravel, broken glass, tiles, paper."""
    canvas = make_canvas(0.5)
    for _ in range(int(random.integers(3, 60))):
        around = random.normal(0, random.uniform(8, 90), (int(random.integers(3, 7)), 2))
        corners = np.array(pick_point(random)) + around
        cv2.fillPoly(canvas, [cv2.convexHull(np.rint(corners).astype(np.int32))], random.random(), cv2.LINE_AA)
    return soften(canvas, random)


SURFACES: dict[str, Callable[[Random], FloatArray]] = {
    "moon": _draw_moon,
    "texture": _draw_texture,
    "cells": _draw_cells,
    "weave": _draw_weave,
    "plate": _draw_plate,
    "rings": _draw_rings,
    "letters": _draw_letters,
    "polygons": _draw_polygons,
}
