"""What medicine pictures beside the retina, as heights from 0 to 1: gullets, mucosa, tissue sections, scans, screens.

For training alone; see `dr_core.training.non_retina`. The nearest of all to a retina, being red, moist, vascular and
seen through a round stop.
"""

from collections.abc import Callable

import cv2
import numpy as np

from dr_core.training.non_retina_surfaces import (
    ROWS,
    SIDE_PX,
    FloatArray,
    Random,
    make_texture,
    pick_point,
    soften,
    warp,
)

__all__ = ["BODY"]


def _draw_gullet(random: Random) -> FloatArray:
    """A tube of folds that runs into the dark, as an endoscope sees gullet, gut and windpipe."""
    waver = random.uniform(0.02, 0.15)
    rows, columns = warp(random, waver)
    down, right = rows - random.uniform(-0.5, 0.5), columns - random.uniform(-0.5, 0.5)
    away, angle = np.hypot(down, right), np.arctan2(down, right)
    depth = np.log(away + 0.08) * random.uniform(2, 14)
    lobes = random.integers(0, 5) * np.sin(angle * random.integers(2, 6) + random.uniform(0, 6))
    folds = np.abs(np.sin(depth + 0.4 * lobes)) ** random.uniform(0.3, 2)
    tube = 1 - np.exp(-((away / random.uniform(0.2, 0.8)) ** 2))
    relief = tube * (
        0.55 + random.uniform(0.05, 0.4) * (folds - 0.5) + random.uniform(0, 0.08) * make_texture(random, 1.5)
    )
    return _add_glints(relief, random)


def _draw_mucosa(random: Random) -> FloatArray:
    """A moist wall from near: pits or a net of capillaries on gentle hills, with glints of the lamp."""
    rows, columns = warp(random, random.uniform(0.02, 0.12))
    hills = 0.6 + random.uniform(0.03, 0.15) * make_texture(random, 2.2)
    count = random.uniform(4, 40)
    if random.random() < 0.5:
        pits = np.sin(rows * count * np.pi) * np.sin(columns * count * np.pi)
        return _add_glints(hills + random.uniform(0.02, 0.15) * pits, random)
    # The zero lines of smooth noise join to a net without stem or end.
    net = np.zeros_like(ROWS)
    for _ in range(int(random.integers(1, 4))):
        noise = cv2.GaussianBlur(random.normal(size=ROWS.shape), (0, 0), random.uniform(5, 30))
        net = np.maximum(net, np.exp(-((noise / noise.std() / random.uniform(0.03, 0.15)) ** 2)))
    return _add_glints(hills - random.uniform(0.05, 0.35) * net, random)


def _draw_section(random: Random) -> FloatArray:
    """A stained section: wavy fibres, gaps, glands, and nuclei strewn over them."""
    rows, _ = warp(random, random.uniform(0.1, 0.4))
    relief = 0.6 + 0.1 * np.sin(rows * random.uniform(10, 60) + make_texture(random, 1.8))
    gaps = make_texture(random, random.uniform(1.2, 2.0)) > random.uniform(0.8, 2.0)
    canvas = np.where(gaps, random.uniform(0.85, 1.0), relief).astype(np.float32)
    size = random.uniform(2, 7)
    for _ in range(int(random.uniform(0.5, 4) * 2000 / size)):
        axes = (max(1, round(size * random.uniform(0.6, 1.5))), max(1, round(size * random.uniform(0.5, 1.0))))
        level, turned = random.uniform(0.0, 0.35), random.uniform(0, 180)
        cv2.ellipse(canvas, pick_point(random), axes, turned, 0, 360, level, -1, cv2.LINE_AA)
    for _ in range(int(random.integers(0, 9))):
        middle, radius = pick_point(random), int(random.integers(15, 60))
        cv2.circle(canvas, middle, radius, random.uniform(0.8, 1.0), -1, cv2.LINE_AA)
        cv2.circle(canvas, middle, radius, random.uniform(0.1, 0.4), int(random.integers(2, 9)), cv2.LINE_AA)
    return soften(canvas, random, 1.5) + 0.03 * make_texture(random, 0.8)


def _draw_scan(random: Random) -> FloatArray:
    """Layers in false colours, speckled: optical coherence tomography, ultrasound, a slice of a body."""
    rows, columns = warp(random, random.uniform(0.02, 0.1))
    if random.random() < 0.4:
        rows = np.hypot(rows * random.uniform(1, 1.5), columns)
    level = np.zeros_like(ROWS)
    for _ in range(int(random.integers(2, 9))):
        edge = random.uniform(-0.8, 0.8) + random.uniform(-0.3, 0.3) * columns**2
        level = level + random.uniform(-0.6, 0.6) / (1 + np.exp(-(rows - edge) * random.uniform(15, 150)))
    level = (level - level.min()) / max(float(np.ptp(level)), 1e-6)
    return np.asarray(level * (1 + random.uniform(0.05, 0.4) * make_texture(random, random.uniform(0, 0.8))))


def _draw_screen(random: Random) -> FloatArray:
    """A screenshot or a form: panels, bars, buttons and rows of words, straight or turned a little."""
    canvas = np.full((SIDE_PX, SIDE_PX), random.choice([25, 230, 255]), np.uint8)
    for _ in range(int(random.integers(2, 14))):
        left, top = pick_point(random, 20)
        corner = (left + int(random.integers(10, 250)), top + int(random.integers(5, 160)))
        cv2.rectangle(canvas, (left, top), corner, random.uniform(0, 255), int(random.choice([-1, -1, 1, 2])))
        word = "".join(chr(int(code)) for code in random.integers(48, 122, 12))
        ink = random.uniform(0, 255)
        for line in range(top + 10, corner[1], int(random.integers(9, 24))):
            cv2.putText(canvas, word, (left + 3, line), cv2.FONT_HERSHEY_PLAIN, 0.8, ink, 1, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((SIDE_PX / 2, SIDE_PX / 2), random.choice([0.0, random.uniform(-20, 20)]), 1.0)
    turned = cv2.warpAffine(canvas, turn, (SIDE_PX, SIDE_PX), borderMode=cv2.BORDER_REFLECT)
    return soften(np.asarray(turned, np.float32) / np.float32(255), random, 1.5)


def _add_glints(relief: FloatArray, random: Random) -> FloatArray:
    """Add what wet tissue throws back of the lamp: small, ragged, saturated."""
    if random.random() < 0.25:
        return relief
    ragged = make_texture(random, random.uniform(1.2, 1.9)) + random.uniform(0.5, 2.0) * (relief - relief.mean())
    share = random.uniform(0.985, 0.999)
    glint = (ragged > np.quantile(ragged, share)).astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(glint, (0, 0), random.uniform(0.5, 2.0)), dtype=np.float64)
    return np.asarray(relief + (1 - relief) * np.clip(soft * 1.5, 0, 1))


BODY: dict[str, Callable[[Random], FloatArray]] = {
    "gullet": _draw_gullet,
    "mucosa": _draw_mucosa,
    "section": _draw_section,
    "scan": _draw_scan,
    "screen": _draw_screen,
}
