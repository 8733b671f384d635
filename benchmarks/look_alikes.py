"""Pictures of what medicine, kitchens and nature hold that looks like a retina from afar, each in its own colours.

Harder than the shapes of ``non_fundus.py``, and for judging alone like them: `dr_core/training/non_retina_body.py` has
tissue too, but no branching vessels on mucosa, no eardrum, no blood cells, no food and no fire.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["LOOK_ALIKES", "SIDE_PX"]

SIDE_PX = 384
MIDDLE = SIDE_PX // 2

FloatArray = NDArray[np.float64]
Random = np.random.Generator

_Y, _X = (np.mgrid[:SIDE_PX, :SIDE_PX] + 0.5) / SIDE_PX * 2 - 1


def _mottle(random: Random, *sigmas_px: float) -> FloatArray:
    """Return (S, S, 1) sum of blurred noises, each of unit deviation."""
    total = np.zeros((SIDE_PX, SIDE_PX))
    for sigma_px in sigmas_px:
        # Wide blurs are drawn small and stretched: smooth is smooth at any resolution.
        small = max(8, int(SIDE_PX / max(1.0, sigma_px / 2)))
        noise = cv2.GaussianBlur(random.normal(size=(small, small)), (0, 0), 2.0 if small < SIDE_PX else sigma_px)
        total += cv2.resize(noise / noise.std(), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
    return total[..., None]


def _colour(random: Random, red: float, green: float, blue: float) -> FloatArray:
    return np.array([red, green, blue]) * random.uniform(0.85, 1.12, 3)


def _lamp(random: Random) -> FloatArray:
    away = np.hypot(_Y - random.uniform(-0.3, 0.3), _X - random.uniform(-0.3, 0.3))
    return np.asarray(1.1 - random.uniform(0.2, 0.6) * np.minimum(away, 1.3) ** 2)[..., None]


def _lay(picture: FloatArray, cover: FloatArray, colour: FloatArray) -> FloatArray:
    return np.asarray(picture * (1 - cover) + colour * cover)


def _draw_bladder(random: Random) -> FloatArray:
    """Vessels that wander and fork over pale pink mucosa; no disc, no macula, no common origin."""
    ink = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    stack = [(random.uniform(0, SIDE_PX, 2), random.uniform(0, 6.3), random.uniform(2, 5)) for _ in range(9)]
    while stack:
        at, angle, width = stack.pop()
        for _ in range(int(random.integers(15, 50))):
            angle += random.normal(0, 0.16)
            then = at + 5 * np.array([np.cos(angle), np.sin(angle)])
            ends = tuple(int(v) for v in at), tuple(int(v) for v in then)
            cv2.line(ink, *ends, random.uniform(0.5, 0.9), max(1, round(width)), cv2.LINE_AA)
            at = then
        if width > 1.2:
            stack += [(at, angle + turn, width * 0.7) for turn in random.normal(0, 0.6, 2)]
    vessels = cv2.GaussianBlur(ink, (0, 0), random.uniform(0.6, 1.5))[..., None]
    wall = _colour(random, 225, 150, 120) * (1 + 0.04 * _mottle(random, 40, 8))
    return _lay(wall, vessels * random.uniform(0.5, 0.9), _colour(random, 165, 50, 45)) * _lamp(random)


def _draw_bronchus(random: Random) -> FloatArray:
    """Two dark openings beside a ridge, and rings of cartilage."""
    picture = _colour(random, 215, 120, 100) * (1 + 0.05 * _mottle(random, 25, 5))
    ridge = random.uniform(-0.15, 0.15)
    for side in (-1, 1):
        down, right = (_Y - random.uniform(-0.2, 0.2)) / 1.3, _X - ridge - side * random.uniform(0.35, 0.5)
        away = np.hypot(down, right)[..., None]
        picture = picture * (1 + 0.12 * np.cos(away * random.uniform(25, 45)) * np.exp(-away))
        picture = picture * (1 - 0.92 * np.exp(-((away / random.uniform(0.2, 0.32)) ** 4)))
    wet = _mottle(random, 4) + _mottle(random, 30)
    return _lay(picture * _lamp(random), (wet > 3.4).astype(np.float64), np.full(3, 250.0))


def _draw_eardrum(random: Random) -> FloatArray:
    """A pearly membrane with the hammer's handle and the cone of light, in a reddish canal."""
    away = np.hypot(_Y, _X * random.uniform(0.9, 1.2))[..., None]
    inside = 1 / (1 + np.exp((away - random.uniform(0.55, 0.75)) * 25))
    canal = _colour(random, 190, 100, 75) * (1 + 0.07 * _mottle(random, 20, 4))
    drum = _colour(random, 215, 190, 160) * (1 + 0.04 * _mottle(random, 30))
    picture = _lay(canal, inside, drum)
    lines = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    foot = (int(random.integers(-60, 60)) + MIDDLE, MIDDLE - 100)
    cv2.line(lines, (MIDDLE, MIDDLE), foot, 0.7, int(random.integers(6, 12)), cv2.LINE_AA)
    picture = _lay(picture, cv2.GaussianBlur(lines, (0, 0), 2)[..., None], _colour(random, 235, 205, 170))
    cone = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    tip = np.array([[MIDDLE, MIDDLE + 6], [MIDDLE + 40, MIDDLE + 110], [MIDDLE + 85, MIDDLE + 90]], np.int32)
    cv2.fillConvexPoly(cone, tip, 0.9, cv2.LINE_AA)
    return _lay(picture, cv2.GaussianBlur(cone, (0, 0), 4)[..., None], np.full(3, 250.0)) * _lamp(random)


def _draw_blood(random: Random) -> FloatArray:
    """A smear: pale-centred red cells, some white ones with purple nuclei."""
    picture = np.ones((SIDE_PX, SIDE_PX, 1)) * _colour(random, 235, 215, 205)
    size, red, purple = int(random.integers(8, 20)), _colour(random, 210, 130, 120), _colour(random, 110, 60, 140)
    for _ in range(int(random.uniform(0.3, 0.9) * (SIDE_PX / size) ** 2 / 2)):
        x, y = (int(v) for v in random.integers(0, SIDE_PX, 2))
        cv2.circle(picture, (x, y), size, red.tolist(), -1, cv2.LINE_AA)
        cv2.circle(picture, (x, y), size // 3, (red * 1.12).tolist(), -1, cv2.LINE_AA)
    for _ in range(int(random.integers(0, 6))):
        x, y = (int(v) for v in random.integers(0, SIDE_PX, 2))
        cv2.ellipse(picture, (x, y), (size, int(size * 0.8)), 30, 0, 360, purple.tolist(), -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), random.uniform(0.6, 2))) * _lamp(random)


def _draw_pizza(random: Random) -> FloatArray:
    """Cheese, crust and slices of sausage."""
    away = np.hypot(_Y, _X)[..., None]
    cheese = _colour(random, 235, 175, 85) * (1 + 0.08 * _mottle(random, 12, 3))
    sauce = (_mottle(random, 14) > 0.6).astype(np.float64)
    picture = _lay(cheese, 0.7 * cv2.GaussianBlur(sauce, (0, 0), 3)[..., None], _colour(random, 185, 60, 30))
    for _ in range(int(random.integers(5, 14))):
        x, y = (int(v) for v in random.integers(40, SIDE_PX - 40, 2))
        cv2.circle(
            picture, (x, y), int(random.integers(16, 30)), _colour(random, 165, 45, 30).tolist(), -1, cv2.LINE_AA
        )
    crust = 1 / (1 + np.exp(-(away - 0.82) * 40))
    return _lay(picture, crust, _colour(random, 190, 125, 60)) * _lamp(random) * (1 + 0.04 * _mottle(random, 2))


def _draw_planet(random: Random) -> FloatArray:
    """Bands and storms, or rust-coloured plains with a polar cap."""
    swirl = _Y[..., None] + 0.03 * _mottle(random, 20) + 0.02 * _mottle(random, 6)
    if random.random() < 0.5:
        bands = np.sin(swirl * random.uniform(8, 25)) + 0.5 * np.sin(swirl * 41)
        picture = _colour(random, 205, 165, 120) * (1 + 0.14 * bands)
    else:
        picture = _colour(random, 195, 110, 60) * (1 + 0.12 * _mottle(random, 35, 10))
        picture = _lay(picture, 1 / (1 + np.exp((swirl + 0.85) * 40)), np.full(3, 240.0))
    height = np.sqrt(np.clip(1.02 - _Y**2 - _X**2, 0, 1))[..., None]
    return np.asarray(picture * np.clip(0.35 + height + random.uniform(-0.5, 0.5) * _X[..., None], 0.05, 1.2))


def _draw_fire(random: Random) -> FloatArray:
    """Flames or embers: black to red to yellow."""
    heat = 0.5 + 0.25 * _mottle(random, 30) + 0.2 * _mottle(random, 9) + 0.4 * _Y[..., None]
    return np.asarray(255 * np.clip(np.concatenate([heat * 1.6, heat * 1.5 - 0.5, heat * 1.5 - 1.1], axis=2), 0, 1))


def _draw_flower(random: Random) -> FloatArray:
    """Petals round a heart."""
    away, angle = np.hypot(_Y, _X)[..., None], np.arctan2(_Y, _X)[..., None]
    petals = np.abs(np.sin(angle * random.integers(4, 15) / 2 + 0.1 * _mottle(random, 25)))
    veins = 1 + 0.06 * np.sin(angle * random.integers(80, 160))
    picture = _colour(random, 230, 110, 70) * (0.45 + 0.6 * petals**0.5) * veins * (1.1 - 0.4 * away)
    heart = 1 / (1 + np.exp((away - random.uniform(0.15, 0.35)) * 40))
    return _lay(picture, heart, _colour(random, 225, 170, 50) * (1 + 0.25 * _mottle(random, 2)))


def _draw_mole(random: Random) -> FloatArray:
    """A pigmented mole through a dermatoscope: a brown net that thins out towards the skin."""
    turned = _X * np.cos(0.5) + _Y * np.sin(0.5) + 0.02 * _mottle(random, 12)[..., 0]
    across = _Y * np.cos(0.5) - _X * np.sin(0.5) + 0.02 * _mottle(random, 12)[..., 0]
    count = random.uniform(25, 60)
    net = np.maximum(np.cos(turned * count), np.cos(across * count))[..., None]
    away = np.hypot(_Y, _X)[..., None] + 0.06 * _mottle(random, 30)
    mole = 1 / (1 + np.exp((away - random.uniform(0.4, 0.7)) * 12))
    skin = _colour(random, 225, 165, 135) * (1 + 0.03 * _mottle(random, 10, 2))
    return _lay(skin, mole * (0.55 + 0.35 * net), _colour(random, 110, 65, 45)) * _lamp(random)


def _draw_heat(random: Random) -> FloatArray:
    """A thermal picture or a slice in a hot palette: smooth blobs from black over red to white."""
    heat = np.zeros((SIDE_PX, SIDE_PX))
    for _ in range(int(random.integers(3, 10))):
        row, column = random.uniform(-0.8, 0.8, 2)
        reach = random.uniform(0.1, 0.5)
        heat += random.uniform(0.3, 1) * np.exp(-((np.hypot(_Y - row, _X - column) / reach) ** 4))
    levels = np.clip(255 * heat / heat.max() * random.uniform(0.6, 1), 0, 255).astype(np.uint8)
    palette = int(random.choice([cv2.COLORMAP_HOT, cv2.COLORMAP_INFERNO, cv2.COLORMAP_AUTUMN]))
    return np.asarray(cv2.applyColorMap(levels, palette)[..., ::-1], dtype=np.float64)


LOOK_ALIKES: dict[str, Callable[[Random], FloatArray]] = {
    "bladder wall": _draw_bladder,
    "bronchus": _draw_bronchus,
    "eardrum": _draw_eardrum,
    "blood smear": _draw_blood,
    "pizza": _draw_pizza,
    "planet": _draw_planet,
    "fire": _draw_fire,
    "flower": _draw_flower,
    "mole": _draw_mole,
    "heat picture": _draw_heat,
}
