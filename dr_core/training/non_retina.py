"""Pictures of round things that are no retina, to fit the head that tells a retina from them.

Drawn ones come from a seed, in warm colours for the most part, behind a round stop on a dark ground: what differs from
a retina is then what the thing looks like, not its frame or its light. Broken ones are photographs of the training
split whose structure is destroyed: the colours, the light and the camera of a retina, and no retina.

All of these are for training alone. Those of ``benchmarks`` (``non_fundus.py``, ``look_alikes.py``) are for judging
alone: other code draws them, and nothing is fitted or chosen on them. A kind that has a relative here (balls, noise,
stripes, letters, shapes, blood cells, moles, bronchi) judges only how well one drawing stands for another; fruit,
gradients, bladders, eardrums, pizzas, flowers, fire and sample pictures have none.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from dr_core.domain.photograph import FieldOfView, UInt8Array
from dr_core.training.non_retina_body import BODY
from dr_core.training.non_retina_figures import FIGURES
from dr_core.training.non_retina_surfaces import COLUMNS, ROWS, SURFACES, FloatArray, Random, make_texture
from dr_core.training.recapture import recapture

__all__ = ["BREAKS", "DRAWN_KINDS", "NonRetina", "break_retina", "draw_non_retinas", "frame_picture"]

STOP_RANGE = (0.82, 0.99)  # radius of the round stop over half of the side
SECOND_LAMP = 0.3
CLEAR_CHANCE = 0.75
OCTAGON_CHANCE = 0.12  # the stop of many endoscopes
CUT_CHANCE, CUT_RANGE = 0.35, (0.74, 0.95)  # many cameras cut the field above and below
GROUND_LEVELS = 8
OTHER_HUE_CHANCE, MANY_COLOURS_CHANCE = 0.12, 0.8
RECAPTURE_CHANCE = 0.6  # the marks of small and lossy files must not tell a retina either

DRAWN_KINDS = SURFACES | FIGURES | BODY


@dataclass(frozen=True, eq=False)
class NonRetina:
    """A picture that shows no retina.

    Attributes:
        kind: what it shows.
        pixels: (H, W, 3) uint8 RGB.
    """

    kind: str
    pixels: UInt8Array


def draw_non_retinas(per_kind: int, seed: int) -> Iterator[NonRetina]:
    """Yield `per_kind` pictures of each of `DRAWN_KINDS`, the same for the same seed."""
    for index, (kind, draw) in enumerate(DRAWN_KINDS.items()):
        for number in range(per_kind):
            random = np.random.default_rng([seed, index, number])
            yield NonRetina(kind, frame_picture(_paint(draw(random), random), random))


def frame_picture(picture: UInt8Array, random: Random) -> UInt8Array:
    """Put a square picture behind a round or octagonal stop on a dark ground, as some camera would have stored it.

    Args:
        picture: (S, S, 3) uint8 RGB.
        random: source of chance.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    side = picture.shape[0]
    stop = np.zeros((side, side), np.float32)
    corners = 8 if random.random() < OCTAGON_CHANCE else 120
    around = 2 * np.pi * (np.arange(corners) + 0.5) / corners
    rim = side / 2 + side / 2 * random.uniform(*STOP_RANGE) * np.column_stack([np.cos(around), np.sin(around)])
    cv2.fillConvexPoly(stop, np.rint(rim).astype(np.int32), 1.0)
    share = np.asarray(cv2.GaussianBlur(stop, (0, 0), random.uniform(0.5, 1.5)))[..., None]
    framed = np.asarray(picture * share + random.integers(0, GROUND_LEVELS) * (1 - share), dtype=np.uint8)
    if random.random() < CUT_CHANCE:
        cut = round(side * (1 - random.uniform(*CUT_RANGE)) / 2)
        framed = np.ascontiguousarray(framed[cut : side - cut])
    return recapture(framed, random) if random.random() < RECAPTURE_CHANCE else framed


def break_retina(pixels: UInt8Array, field: FieldOfView, kind: str, random: Random) -> UInt8Array:
    """Destroy the structure of a photograph inside its field, and keep its colours, its light and its frame.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        field: its field of view.
        kind: one of `BREAKS`.
        random: source of chance.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in BREAKS:
        raise ValueError(f"kind must be one of {tuple(BREAKS)}. Received: {kind}")
    values = pixels.astype(np.float32)
    inside = field.mask.astype(np.float32)[..., None]
    # Light and colour at large stay where they are; only what lies on top of them is broken.
    sigma = 0.35 * field.radius_px
    weight = cv2.GaussianBlur(inside, (0, 0), sigma)[..., None]
    ground = cv2.GaussianBlur(values * inside, (0, 0), sigma) / np.maximum(weight, 1e-3)
    broken = ground + BREAKS[kind]((values - ground) * inside, field, random)
    return np.clip(np.where(inside > 0, broken, values), 0, 255).astype(np.uint8)


def _pick_colour(random: Random) -> FloatArray:
    """Return (3,) RGB, 0 to 255: magenta-red to yellow, seldom another hue."""
    other = random.random() < OTHER_HUE_CHANCE
    hue = random.uniform(0, 360) if other else random.uniform(-15, 55) % 360
    hsv = np.array([[[hue, random.uniform(0.25, 1.0), random.uniform(0.4, 1.0)]]], np.float32)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0] * 255, dtype=np.float64)


def _paint(relief: FloatArray, random: Random) -> UInt8Array:
    """Give (S, S) heights from 0 to 1 colours, uneven light and a sensor's noise."""
    light = _pick_colour(random)
    clear, faint = random.uniform(0.1, 0.9), np.exp(random.uniform(np.log(0.03), np.log(0.3)))
    contrast = clear if random.random() < CLEAR_CHANCE else faint
    dark = light * (1 - contrast)
    # Between the two, each channel goes its own way; or through other colours altogether.
    stops = np.linspace(0, 1, 4)[:, None] ** random.uniform(0.6, 1.6, 3) * (light - dark) + dark
    if random.random() < MANY_COLOURS_CHANCE:
        others = np.array([_pick_colour(random) for _ in stops])
        stops = stops + (others - stops) * random.uniform(0.2, 1.0) * contrast
    if random.random() < 0.4:
        stops = stops[::-1]
    share = np.clip(relief, 0, 1)
    picture = np.dstack([np.interp(share, np.linspace(0, 1, len(stops)), channel) for channel in stops.T])
    row, column = random.uniform(-0.4, 0.4, 2)
    away = np.minimum(np.hypot(ROWS - row, COLUMNS - column)[..., None], 1.4) ** random.uniform(1, 4)
    picture = picture * (1 - random.uniform(0, 0.45) * away)
    # A second lamp of another colour from one side, without which most of these have a single hue and fall out.
    angle = random.uniform(0, 2 * np.pi)
    beside = (1 + ROWS * np.cos(angle) + COLUMNS * np.sin(angle))[..., None] / 2
    picture = picture * (1 + SECOND_LAMP * random.uniform(-1, 1, 3) * beside)
    picture = picture + random.normal(0, random.uniform(0.3, 4), picture.shape)
    return np.asarray(np.clip(picture, 0, 255), dtype=np.uint8)


def _scramble(detail: FloatArray, _: FieldOfView, random: Random) -> FloatArray:
    """Keep each frequency's strength, the same in every channel's relation, and draw its phase anew."""
    spectrum = np.fft.rfft2(detail, axes=(0, 1))
    phase = np.angle(np.fft.rfft2(random.normal(size=detail.shape[:2])))[..., None]
    share = random.uniform(0.75, 1.0)
    turned = spectrum * np.exp(1j * phase * share)
    mixed = np.fft.irfft2(turned, s=detail.shape[:2], axes=(0, 1))
    return np.asarray(mixed * (detail.std() / max(float(mixed.std()), 1e-6)))


def _shuffle(detail: FloatArray, field: FieldOfView, random: Random) -> FloatArray:
    """Cut the field's square into small ones, and lay them in another order, turned."""
    size = max(6, int(field.radius_px * random.uniform(0.08, 0.35)))
    rows, columns = detail.shape[0] // size, detail.shape[1] // size
    order = random.permutation(rows * columns)
    shuffled = detail.copy()
    for place, origin in enumerate(order):
        (row, column), (from_row, from_column) = divmod(place, columns), divmod(int(origin), columns)
        tile = detail[from_row * size : (from_row + 1) * size, from_column * size : (from_column + 1) * size]
        turned = np.rot90(tile, int(random.integers(4)))
        shuffled[row * size : (row + 1) * size, column * size : (column + 1) * size] = turned
    return shuffled


def _swirl(detail: FloatArray, field: FieldOfView, random: Random) -> FloatArray:
    away, angle = _find_polar(detail, field)
    turns = random.choice([-1, 1]) * random.uniform(3, 12)
    return _read_polar(detail, field, away, angle + turns * (1 - np.minimum(away, 1)) ** random.uniform(0.5, 1))


def _mirror(detail: FloatArray, field: FieldOfView, random: Random) -> FloatArray:
    """A kaleidoscope: one sector again and again."""
    away, angle = _find_polar(detail, field)
    sector = 2 * np.pi / int(random.integers(3, 13))
    folded = np.abs((angle + random.uniform(0, 6)) % sector - sector / 2)
    return _read_polar(detail, field, away, folded + random.uniform(0, 6))


def _unroll(detail: FloatArray, field: FieldOfView, random: Random) -> FloatArray:
    """Read radius and angle along the rows and the columns."""
    height, width = detail.shape[:2]
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    if random.random() < 0.5:
        across, down = down, across
    return _read_polar(detail, field, 0.05 + 0.9 * across, 2 * np.pi * down * random.choice([1.0, 2.0]))


def _ripple(detail: FloatArray, field: FieldOfView, random: Random) -> FloatArray:
    """Frosted or fluted glass: every pixel comes from somewhere near."""
    height, width = detail.shape[:2]
    reach = field.radius_px * random.uniform(0.08, 0.3)
    exponent = random.uniform(0.6, 2.0)
    moves = [cv2.resize(make_texture(random, exponent), (width, height)) * reach for _ in range(2)]
    rows, columns = np.mgrid[:height, :width]
    return _read(detail, rows + moves[0], columns + moves[1])


def _find_polar(detail: FloatArray, field: FieldOfView) -> tuple[FloatArray, FloatArray]:
    rows, columns = np.mgrid[: detail.shape[0], : detail.shape[1]]
    down, right = (rows - field.center_rc[0]) / field.radius_px, (columns - field.center_rc[1]) / field.radius_px
    return np.hypot(down, right), np.arctan2(down, right)


def _read_polar(detail: FloatArray, field: FieldOfView, away: FloatArray, angle: FloatArray) -> FloatArray:
    rows = field.center_rc[0] + field.radius_px * away * np.sin(angle)
    return _read(detail, rows, field.center_rc[1] + field.radius_px * away * np.cos(angle))


def _read(detail: FloatArray, rows: FloatArray, columns: FloatArray) -> FloatArray:
    at = columns.astype(np.float32), rows.astype(np.float32)
    moved = cv2.remap(detail.astype(np.float32), *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, dtype=np.float64)


BREAKS: dict[str, Callable[[FloatArray, FieldOfView, Random], FloatArray]] = {
    "scrambled": _scramble,
    "shuffled": _shuffle,
    "swirled": _swirl,
    "mirrored": _mirror,
    "unrolled": _unroll,
    "rippled": _ripple,
}
