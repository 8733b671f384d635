"""Pictures that show no retina: drawn ones of many kinds, look-alikes, and sample pictures of installed packages.

For judging alone: nothing here is fitted or chosen on them. What the network learns from is drawn by other code, in
``dr_core/training/non_retina.py``, which says which of these kinds have a relative there.

Everything drawn is seeded, so that a refusal or an acceptance can be looked at again. Discs come framed as a fundus
camera would frame them, since a picture without a round field is refused already for that.
"""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.look_alikes import LOOK_ALIKES, SIDE_PX
from dr_core.domain.photograph import UInt8Array
from dr_core.training.non_retina import NonRetina

STOP_SHARE = 0.94  # diameter of the round stop over the side
MIN_FILE_BYTES = 15_000  # smaller ones are icons
# Packages whose wheels hold sample photographs, and where. Their own retina and their logos are left out.
SAMPLE_FOLDERS = (("sklearn", "datasets/images"), ("skimage", "data"), ("matplotlib", "mpl-data/sample_data"))
LEFT_OUT = ("retina", "logo")
CUTS_PER_SAMPLE = 12

FloatArray = NDArray[np.float64]
Random = np.random.Generator

_ROWS, _COLUMNS = (np.mgrid[:SIDE_PX, :SIDE_PX] + 0.5) / SIDE_PX * 2 - 1
_RADIAL = np.hypot(_ROWS, _COLUMNS)


def draw_non_fundus(per_kind: int, seed: int = 11) -> Iterator[NonRetina]:
    """Yield `per_kind` drawn pictures of each kind, seen through a round stop and as they are."""
    for index, (kind, draw) in enumerate(DRAWINGS.items()):
        random = np.random.default_rng([seed, index])
        for number in range(per_kind):
            picture = _expose(draw(random), random)
            # One in four is not framed at all: a page, a screenshot, a wall.
            framed = number % 4 != 3
            yield NonRetina(kind, put_behind_a_stop(picture) if framed else picture)


def cut_samples(seed: int = 12) -> Iterator[NonRetina]:
    """Yield the sample pictures of installed packages: whole, and round cuts of them in their own and warm colours."""
    random = np.random.default_rng(seed)
    for path in find_samples():
        stored = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if stored is None:
            continue
        picture = np.ascontiguousarray(stored[..., ::-1])
        yield NonRetina("sample picture", picture)
        for _ in range(CUTS_PER_SAMPLE):
            cut = _cut_square(picture, random)
            yield NonRetina("sample picture, round", put_behind_a_stop(cut))
            grey = cut.mean(axis=2, keepdims=True) / max(float(cut.mean()), 20.0)
            yield NonRetina(
                "sample picture, round and orange", put_behind_a_stop(_to_pixels(grey * _pick_warm(random)))
            )


def find_samples() -> list[Path]:
    """Return the sample pictures that installed packages hold."""
    found: list[Path] = []
    for package, folder in SAMPLE_FOLDERS:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            continue
        for path in sorted((Path(spec.origin).parent / folder).glob("*")):
            named = path.suffix in (".jpg", ".png") and not any(word in path.name for word in LEFT_OUT)
            if named and path.stat().st_size >= MIN_FILE_BYTES:
                found.append(path)
    return found


def put_behind_a_stop(picture: UInt8Array) -> UInt8Array:
    """Return (SIDE_PX, SIDE_PX, 3) `picture` as a disc on black."""
    return np.where((_RADIAL <= STOP_SHARE)[..., None], picture, 0).astype(np.uint8)


def _pick_warm(random: Random) -> FloatArray:
    red = random.uniform(90, 250)
    green = red * random.uniform(0.25, 0.8)
    return np.array([red, green, green * random.uniform(0.1, 0.9)])


def _make_noise(random: Random, sigma_px: float, channels: int = 1) -> FloatArray:
    noise = random.normal(size=(SIDE_PX, SIDE_PX, channels))
    if sigma_px > 0:
        noise = cv2.GaussianBlur(noise, (0, 0), sigma_px).reshape(noise.shape)
    return np.asarray(noise / noise.std(), dtype=np.float64)


def _shade(random: Random, depth: float = 0.6) -> FloatArray:
    return np.asarray(1 - random.uniform(0, depth) * _RADIAL[..., None] ** random.uniform(1, 4))


def _to_pixels(values: FloatArray) -> UInt8Array:
    return np.clip(values, 0, 255).astype(np.uint8)


def _expose(values: FloatArray, random: Random) -> UInt8Array:
    """Add a sensor's noise."""
    return _to_pixels(values + random.normal(0, random.uniform(0, 4), values.shape))


def _cut_square(picture: UInt8Array, random: Random) -> UInt8Array:
    side = int(min(picture.shape[:2]) * random.uniform(0.25, 1.0))
    top = int(random.integers(0, picture.shape[0] - side + 1))
    left = int(random.integers(0, picture.shape[1] - side + 1))
    cut = picture[top : top + side, left : left + side]
    interpolation = cv2.INTER_AREA if side > SIDE_PX else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(cut, (SIDE_PX, SIDE_PX), interpolation=interpolation), dtype=np.uint8)


def _draw_sphere(random: Random) -> FloatArray:
    towards = random.normal(size=3)
    towards[2] = abs(towards[2]) + 0.6
    towards /= np.linalg.norm(towards)
    depth = np.sqrt(np.clip(1 - _RADIAL**2, 0, 1))
    light = np.clip(_COLUMNS * towards[0] + _ROWS * towards[1] + depth * towards[2], 0, 1)[..., None]
    ambient = random.uniform(0, 0.6)
    ball = (ambient + (1 - ambient) * light) * _pick_warm(random)
    if random.random() < 0.5:
        ball = ball + random.uniform(30, 200) * light ** random.uniform(8, 80)
    return np.asarray(ball)


def _draw_fruit(random: Random) -> FloatArray:
    dimples = np.clip(_make_noise(random, random.uniform(2, 6)), -3, 0.5)
    return _draw_sphere(random) * (1 + dimples * random.uniform(0.03, 0.15))


def _draw_warm_noise(random: Random) -> FloatArray:
    sigma_px = float(random.choice([0, 2, 4, 9, 18, 36, 60]))
    noise = _make_noise(random, sigma_px, 3 if random.random() < 0.4 else 1)
    return _pick_warm(random) * _shade(random) * (1 + noise * random.uniform(0.03, 0.4))


def _draw_clouds(random: Random) -> FloatArray:
    """Noise of every scale at once, as marble, embers and planets have it."""
    frequency = np.fft.fftfreq(SIDE_PX)
    distance = np.hypot(frequency[:, None], frequency[None, :])
    distance[0, 0] = 1
    spectrum = np.fft.fft2(random.normal(size=(SIDE_PX, SIDE_PX))) / distance ** random.uniform(0.6, 2)
    clouds = np.real(np.fft.ifft2(spectrum))
    return _pick_warm(random) * _shade(random) * (1 + clouds[..., None] / clouds.std() * random.uniform(0.03, 0.35))


def _draw_gradient(random: Random) -> FloatArray:
    angle = random.uniform(0, 2 * np.pi)
    share = ((_COLUMNS * np.cos(angle) + _ROWS * np.sin(angle) + 1.5) / 3)[..., None]
    return _pick_warm(random) * share + _pick_warm(random) * (1 - share)


def _draw_stripes(random: Random) -> FloatArray:
    angle, count = random.uniform(0, np.pi), random.uniform(2, 25)
    along = _COLUMNS * np.cos(angle) + _ROWS * np.sin(angle) + 0.15 * random.random() * _make_noise(random, 30)[..., 0]
    return _pick_warm(random) * (1 + np.sin(along * count * np.pi)[..., None] * random.uniform(0.03, 0.5))


def _draw_shapes(random: Random) -> FloatArray:
    picture = np.ones((SIDE_PX, SIDE_PX, 1)) * _pick_warm(random)
    for _ in range(int(random.integers(5, 60))):
        spot = np.zeros((SIDE_PX, SIDE_PX), dtype=np.float32)
        middle = (int(random.integers(SIDE_PX)), int(random.integers(SIDE_PX)))
        size = int(random.integers(6, 60))
        if random.random() < 0.5:
            cv2.circle(spot, middle, size, 1.0, -1)
        else:
            cv2.rectangle(spot, middle, (middle[0] + size, middle[1] + size // 2 + 1), 1.0, -1)
        soft = cv2.GaussianBlur(spot, (0, 0), random.uniform(0.5, 6))[..., None]
        picture = picture * (1 - soft) + soft * _pick_warm(random)
    return picture * _shade(random)


def _write_lines(random: Random, paper: FloatArray, ink: FloatArray) -> FloatArray:
    page = _to_pixels(np.ones((SIDE_PX, SIDE_PX, 1)) * paper)
    size = random.uniform(0.4, 1.2)
    for row in range(20, SIDE_PX, int(20 + 30 * size)):
        words = "".join(chr(int(code)) for code in random.integers(65, 122, 40))
        cv2.putText(page, words, (-6, row), cv2.FONT_HERSHEY_SIMPLEX, size, ink.tolist(), 1 + int(size), cv2.LINE_AA)
    return page.astype(np.float64)


def _draw_page(random: Random) -> FloatArray:
    return _write_lines(random, np.full(3, random.uniform(225, 255)), np.full(3, random.uniform(0, 70)))


def _draw_orange_page(random: Random) -> FloatArray:
    return _write_lines(random, _pick_warm(random), _pick_warm(random) * 0.3)


def _draw_grey_scan(random: Random) -> FloatArray:
    """Grey blobs of every size: what an X-ray or an ultrasound picture looks like from afar."""
    grey = 110 + 60 * _make_noise(random, 30) + 20 * _make_noise(random, 3)
    return np.repeat(grey, 3, axis=2) * _shade(random)


DRAWINGS: dict[str, Callable[[Random], FloatArray]] = {
    "warm smooth sphere": _draw_sphere,
    "orange fruit": _draw_fruit,
    "warm noise": _draw_warm_noise,
    "warm clouds": _draw_clouds,
    "warm gradient": _draw_gradient,
    "warm stripes": _draw_stripes,
    "drawn shapes": _draw_shapes,
    "page of text": _draw_page,
    "text on orange": _draw_orange_page,
    "grey scan": _draw_grey_scan,
    "white noise": lambda random: random.uniform(0, 255, (SIDE_PX, SIDE_PX, 3)),
} | LOOK_ALIKES
