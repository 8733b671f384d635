"""Things that are no retina, as heights from 0 to 1: eyes from outside, faces, wounds, coins, lamps, trees, bricks.

For training alone; see `dr_core.training.non_retina`.
"""

from collections.abc import Callable

import cv2
import numpy as np

from dr_core.training.non_retina_surfaces import (
    COLUMNS,
    ROWS,
    SIDE_PX,
    FloatArray,
    Random,
    make_canvas,
    make_texture,
    pick_point,
    soften,
    warp,
)

__all__ = ["FIGURES"]

MIDDLE = SIDE_PX // 2


def _draw_iris(random: Random) -> FloatArray:
    """The front of an eye: pupil, radial fibres, a ring, sclera, a lamp's reflection, perhaps lids."""
    row, column = random.uniform(-0.25, 0.25, 2)
    away, angle = np.hypot(ROWS - row, COLUMNS - column), np.arctan2(ROWS - row, COLUMNS - column)
    pupil, limbus = random.uniform(0.08, 0.35), random.uniform(0.45, 1.1)
    fibres = np.sin(angle * random.integers(20, 90) + 3 * make_texture(random, 1.8))
    eye = 0.5 + random.uniform(0.05, 0.25) * fibres + 0.1 * np.cos(away * random.uniform(5, 20))
    eye = np.where(away > limbus, random.uniform(0.75, 1.0) + 0.05 * make_texture(random, 1.5), eye)
    eye = eye - 0.3 * np.exp(-(((away - limbus) / 0.06) ** 2))
    if random.random() < 0.8:
        eye = np.where(away < pupil, random.uniform(0.0, 0.15), eye)
    canvas = eye.astype(np.float32)
    for _ in range(int(random.integers(0, 4))):
        cv2.circle(canvas, pick_point(random, -80), int(random.integers(3, 18)), 1.0, -1, cv2.LINE_AA)
    if random.random() < 0.5:
        lid = np.abs(ROWS - row) > random.uniform(0.4, 0.8) - 0.4 * COLUMNS**2
        canvas = np.where(lid, np.float32(random.uniform(0.4, 0.8)), canvas)
    return soften(canvas, random)


def _draw_trees(random: Random) -> FloatArray:
    """What branches and is no vessel: twigs, lightning, rivers, cracks; straight pieces that start at the rim."""
    canvas = make_canvas(0.75)

    def grow(x: float, y: float, angle: float, length: float, width: float) -> None:
        if width < 0.6 or length < 4:
            return
        end_x, end_y = x + length * np.cos(angle), y + length * np.sin(angle)
        ends = (int(x), int(y)), (int(end_x), int(end_y))
        cv2.line(canvas, *ends, random.uniform(0.05, 0.3), max(1, round(width)), cv2.LINE_AA)
        for _ in range(int(random.integers(1, 4))):
            turn = random.normal(0, 0.6)
            grow(end_x, end_y, angle + turn, length * random.uniform(0.6, 0.95), width * random.uniform(0.5, 0.85))

    for _ in range(int(random.integers(1, 5))):
        start = random.uniform(0, 2 * np.pi)
        x, y = MIDDLE + MIDDLE * np.cos(start), MIDDLE + MIDDLE * np.sin(start)
        width = random.uniform(4, 22)
        grow(x, y, start + np.pi + random.normal(0, 0.4), random.uniform(25, 80), width)
    return soften(canvas, random) + random.uniform(0, 0.1) * make_texture(random, 1.3)


def _draw_face(random: Random) -> FloatArray:
    """A face cut round: skin in soft light, eyes, brows, nose and mouth, perhaps hair."""
    tilt, x, y = random.uniform(-25, 25), MIDDLE + random.uniform(-40, 40), MIDDLE + random.uniform(-30, 30)
    scale = random.uniform(0.6, 1.6)
    canvas = make_canvas(random.uniform(0.1, 0.9))
    cv2.ellipse(canvas, (int(x), int(y)), (int(105 * scale), int(140 * scale)), tilt, 0, 360, 0.75, -1)
    if random.random() < 0.6:
        top = (int(x), int(y - 95 * scale))
        cv2.ellipse(canvas, top, (int(115 * scale), int(70 * scale)), tilt, 180, 360, 0.15, -1)

    def place(right: float, down: float) -> tuple[int, int]:
        turn = np.deg2rad(tilt)
        across = scale * (right * np.cos(turn) - down * np.sin(turn))
        return int(x + across), int(y + scale * (right * np.sin(turn) + down * np.cos(turn)))

    for side in (-1, 1):
        cv2.ellipse(canvas, place(45 * side, -30), (int(20 * scale), int(9 * scale)), tilt, 0, 360, 0.9, -1)
        cv2.circle(canvas, place(45 * side, -30), int(8 * scale), 0.1, -1)
        cv2.ellipse(canvas, place(45 * side, -55), (int(26 * scale), int(5 * scale)), tilt, 0, 360, 0.3, -1)
        cv2.circle(canvas, place(10 * side, 28), int(5 * scale), 0.4, -1)
    cv2.ellipse(canvas, place(0, 70), (int(40 * scale), int(11 * scale)), tilt, 0, 360, 0.35, -1)
    slant = 0.1 * random.uniform(-1, 1) * COLUMNS
    return np.asarray(soften(canvas, random, 8.0) + slant + 0.02 * make_texture(random, 1.0))


def _draw_wound(random: Random) -> FloatArray:
    """Skin with sores, moles or a rash: ragged patches on a mottled ground."""
    relief = 0.7 + random.uniform(0.01, 0.06) * make_texture(random, random.uniform(0.8, 2))
    for _ in range(int(random.choice([1, 2, 4, 12]))):
        rows, columns = warp(random, random.uniform(0.02, 0.1))
        away = np.hypot(rows - random.uniform(-0.7, 0.7), columns - random.uniform(-0.7, 0.7))
        inside = 1 / (1 + np.exp((away - random.uniform(0.05, 0.6)) * random.uniform(10, 80)))
        content = random.uniform(0.1, 1) + random.uniform(0, 0.15) * make_texture(random, 1.2)
        relief = relief * (1 - inside) + inside * content
    return np.asarray(relief)


def _draw_coin(random: Random) -> FloatArray:
    """Struck metal: heights of rings, letters and figures, lit from one side."""
    canvas = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    for radius in (random.uniform(0.8, 0.95), random.uniform(0.4, 0.8)):
        cv2.circle(canvas, (MIDDLE, MIDDLE), int(MIDDLE * radius), 255.0, int(random.integers(2, 10)))
    for _ in range(int(random.integers(2, 14))):
        letter, at = chr(int(random.integers(48, 91))), pick_point(random)
        cv2.putText(canvas, letter, at, cv2.FONT_HERSHEY_COMPLEX, random.uniform(0.6, 4), 255.0, 4, cv2.LINE_AA)
        size = (int(random.integers(5, 60)), int(random.integers(5, 60)))
        cv2.ellipse(canvas, pick_point(random, -60), size, random.uniform(0, 180), 0, 360, 255 * random.random(), -1)
    struck = cv2.GaussianBlur(canvas.astype(np.float32) / 255, (0, 0), random.uniform(1, 5))
    height = struck + 0.02 * make_texture(random, 0.5)
    slope_row, slope_column = np.gradient(height)
    angle = random.uniform(0, 2 * np.pi)
    lit = slope_row * np.sin(angle) + slope_column * np.cos(angle)
    return np.asarray(0.5 + random.uniform(0.1, 0.25) * lit / lit.std())


def _draw_lamp(random: Random) -> FloatArray:
    """Light and nothing else: lamps, flames, the sun through haze, an out-of-focus anything."""
    relief = np.full_like(ROWS, random.uniform(0, 0.4))
    for _ in range(int(random.integers(1, 9))):
        rows, columns = warp(random, random.choice([0.0, 0.05]))
        away = np.hypot(rows - random.uniform(-1, 1), (columns - random.uniform(-1, 1)) * random.uniform(0.5, 2))
        relief = relief + random.uniform(-0.5, 1) * np.exp(-((away / random.uniform(0.1, 1.2)) ** 2))
    if random.random() < 0.3:
        relief = relief + random.uniform(-1, 1) * COLUMNS + random.uniform(-1, 1) * ROWS
    span = relief.max() - relief.min()
    return np.asarray((relief - relief.min()) / max(float(span), 1e-6))


def _draw_beads(random: Random) -> FloatArray:
    """Many of the same: beans, berries, pills, pebbles, each with its own light and shadow."""
    canvas = make_canvas(random.uniform(0, 0.4))
    size = random.uniform(6, 50)
    ratio = random.uniform(0.4, 1)
    for _ in range(int(1.6 * (SIDE_PX / size) ** 2)):
        x, y = pick_point(random, 10)
        axes, turn, level = (int(size), max(2, int(size * ratio))), random.uniform(0, 180), random.uniform(0.4, 0.8)
        cv2.ellipse(canvas, (x + 2, y + 3), axes, turn, 0, 360, level * 0.4, -1, cv2.LINE_AA)
        cv2.ellipse(canvas, (x, y), axes, turn, 0, 360, level, -1, cv2.LINE_AA)
        spot = (int(x - size / 3), int(y - size / 3))
        cv2.circle(canvas, spot, max(1, int(size / 5)), min(1.0, level + 0.25), -1, cv2.LINE_AA)
    return soften(canvas, random)


def _draw_fibres(random: Random) -> FloatArray:
    """Hair, grass, noodles, scratches: many curves without a common origin."""
    canvas = make_canvas(random.uniform(0.2, 0.8))
    common, spread = random.uniform(0, np.pi), random.choice([0.1, 0.4, 3.0])
    for _ in range(int(random.integers(10, 250))):
        angle = common + random.normal(0, spread)
        bend = np.cumsum(random.normal(0, random.uniform(0, 0.15), 30)) + angle
        step = random.uniform(2, 9)
        path = np.cumsum(np.column_stack([np.cos(bend), np.sin(bend)]) * step, axis=0) + pick_point(random, 40)
        points = [np.rint(path).astype(np.int32)]
        cv2.polylines(canvas, points, False, random.random(), int(random.integers(1, 6)), cv2.LINE_AA)
    return soften(canvas, random, 2.0)


def _draw_landscape(random: Random) -> FloatArray:
    """An evening: sky, sun, ridges one behind the other."""
    relief = 0.9 - 0.3 * (ROWS + 1) / 2 + 0.05 * make_texture(random, 2.0)
    sun = np.hypot(ROWS - random.uniform(-0.7, 0.2), COLUMNS - random.uniform(-0.7, 0.7))
    relief = np.where(sun < random.uniform(0.05, 0.25), 1.0, relief)
    for ridge, level in enumerate(sorted(random.uniform(0.05, 0.7, int(random.integers(1, 5))), reverse=True)):
        skyline = make_texture(random, 2.0)[0] * random.uniform(0.03, 0.2) - 0.4 + 0.35 * ridge
        relief = np.where(skyline[None, :] < ROWS, level + 0.03 * make_texture(random, 1.0), relief)
    return np.asarray(relief)


def _draw_bricks(random: Random) -> FloatArray:
    """Walls, grids, nets, keyboards, mosaics."""
    rows, columns = warp(random, random.choice([0.0, 0.01, 0.04]))
    high, wide = random.uniform(3, 24, 2)
    row = np.floor(rows * high)
    column = np.floor(columns * wide + 0.5 * (row % 2) * random.integers(0, 2))
    levels = random.random((97, 97))
    tile = levels[row.astype(int) % 97, column.astype(int) % 97]
    joint = np.minimum(np.abs(rows * high - row - 0.5), np.abs(columns * wide % 1 - 0.5)) > 0.5 - random.uniform(0, 0.1)
    relief = 0.5 + random.uniform(0, 0.5) * (tile - 0.5) + 0.04 * make_texture(random, 0.8)
    return np.asarray(np.where(joint, random.random(), relief))


FIGURES: dict[str, Callable[[Random], FloatArray]] = {
    "iris": _draw_iris,
    "trees": _draw_trees,
    "face": _draw_face,
    "wound": _draw_wound,
    "coin": _draw_coin,
    "lamp": _draw_lamp,
    "beads": _draw_beads,
    "fibres": _draw_fibres,
    "landscape": _draw_landscape,
    "bricks": _draw_bricks,
}
