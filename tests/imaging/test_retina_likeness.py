"""Round things on a dark ground that are no retina are refused; every retina, healthy or not, passes."""

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from dr_core.domain.errors import NotAFundusPhotograph
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.field_of_view import find_field_of_view

WIDTH, HEIGHT = 640, 480
MIDDLE = (WIDTH // 2, HEIGHT // 2)


def put_behind_a_stop(picture: np.ndarray) -> np.ndarray:
    """Any picture as a disc on black, as a fundus camera would frame it."""
    rows, columns = np.ogrid[:HEIGHT, :WIDTH]
    inside = np.hypot(rows - HEIGHT / 2, columns - WIDTH / 2) <= 0.48 * HEIGHT
    return np.where(inside[..., None], picture, 0).astype(np.uint8)


def shade(picture: np.ndarray) -> np.ndarray:
    """Brighter in the middle and a little noisy, as a lens and a sensor make anything."""
    rows, columns = np.ogrid[: picture.shape[0], : picture.shape[1]]
    away = np.hypot(rows - picture.shape[0] / 2, columns - picture.shape[1] / 2) / picture.shape[0]
    noise = np.random.default_rng(3).normal(0, 2, picture.shape)
    return np.clip(picture * (1.1 - 0.5 * away[..., None] ** 2) + noise, 0, 255).astype(np.uint8)


def draw_landscape() -> np.ndarray:
    """Sky above hills, with trees: large smooth areas, sharp edges, every colour."""
    random = np.random.default_rng(1)
    picture = np.zeros((HEIGHT, WIDTH, 3), dtype=np.float64)
    picture[:200] = (120, 170, 230)
    picture[200:] = (90, 140, 60)
    picture += cv2.GaussianBlur(random.normal(0, 1, picture.shape), (0, 0), 6) * 200
    for _ in range(60):
        spot = (int(random.integers(WIDTH)), int(random.integers(200, HEIGHT)))
        cv2.circle(picture, spot, int(random.integers(4, 30)), tuple(random.uniform(20, 200, 3)), -1)
    return np.clip(picture, 0, 255).astype(np.uint8)


def draw_noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def paint(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), colour, dtype=np.uint8)


def draw_clock() -> np.ndarray:
    face = paint((240, 235, 220))
    for hour in range(12):
        away = np.array([math.sin(hour * math.pi / 6), -math.cos(hour * math.pi / 6)])
        start, end = ((MIDDLE[0], MIDDLE[1]) + reach * away for reach in (170, 210))
        cv2.line(face, tuple(int(v) for v in start), tuple(int(v) for v in end), (20, 20, 20), 8)
    cv2.line(face, MIDDLE, (400, 130), (20, 20, 20), 10)
    cv2.line(face, MIDDLE, (320, 60), (20, 20, 20), 6)
    return face


def draw_plate() -> np.ndarray:
    """Warm colours in sharp patches, as of a meal."""
    random = np.random.default_rng(2)
    meal = paint((225, 180, 110))
    colours = [(220, 60, 40), (240, 200, 60), (70, 140, 40), (250, 235, 200), (110, 55, 25)]
    for _ in range(260):
        spot = (int(random.integers(WIDTH)), int(random.integers(HEIGHT)))
        cv2.circle(meal, spot, int(random.integers(5, 26)), colours[random.integers(5)], -1)
    return meal


def draw_orange() -> np.ndarray:
    """One peel in one light: bumps and shade, and the same hue everywhere."""
    random = np.random.default_rng(4)
    bumps = cv2.GaussianBlur(random.normal(0, 1, (HEIGHT, WIDTH)), (0, 0), 4)
    rows, columns = np.ogrid[:HEIGHT, :WIDTH]
    lit = 1.0 - 0.5 * np.hypot(rows - HEIGHT / 3, columns - WIDTH / 3) / HEIGHT + 0.1 * bumps / bumps.std()
    return np.clip(lit[..., None] * np.array([220, 120, 30]), 0, 255).astype(np.uint8)


def draw_warm_text() -> np.ndarray:
    label = paint((200, 110, 60))
    for line in range(16):
        cv2.putText(
            label, "Best before 2031 - keep dry", (20, 30 + 30 * line), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (30, 15, 10), 3
        )
    return label


ROUND_THINGS: dict[str, Callable[[], np.ndarray]] = {
    "flat disc in a retina's colour": lambda: paint((190, 90, 45)),
    "grey disc": lambda: paint((128, 128, 128)),
    "coin": lambda: shade(paint((150, 150, 150))),
    "X-ray": lambda: shade(cv2.cvtColor(cv2.cvtColor(draw_landscape(), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)),
    "blue ball": lambda: shade(paint((40, 70, 200))),
    "green ball": lambda: shade(paint((50, 160, 60))),
    "clock": draw_clock,
    "plate": draw_plate,
    "label": draw_warm_text,
    "orange": draw_orange,
    "noise": lambda: np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8),
    "landscape": draw_landscape,
}


@pytest.mark.parametrize("name", ROUND_THINGS)
def test_round_things_that_are_no_retina_are_refused(name):
    with pytest.raises(NotAFundusPhotograph, match="No retina was found in this picture"):
        find_field_of_view(put_behind_a_stop(ROUND_THINGS[name]()))


@pytest.mark.parametrize("tint", [(1.0, 1.0, 1.0), (0.0, 1.0, 0.0), (0.85, 1.0, 0.8), (0.6, 0.8, 1.0)])
@pytest.mark.parametrize("angiogram", [False, True])
def test_a_grey_or_red_free_picture_or_an_angiogram_is_told_that_colour_is_needed(fundus_pixels, tint, angiogram):
    grey = fundus_pixels[..., 1:2].astype(float)
    if angiogram:
        # Vessels shine, and the ground between them is dark.
        grey = np.where(grey > 20, 240 - grey, grey)
    with pytest.raises(NotAFundusPhotograph, match="not a grey or red-free one"):
        find_field_of_view((grey * np.array(tint)).astype(np.uint8))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"blur": 0.08},
        {"light": 0.12},
        {"light": 1.8},
        {"microaneurysms": 60, "haemorrhages": 80, "hard_exudates": 120, "cotton_wool": 10},
    ],
)
def test_retinas_pass_however_poor_or_diseased(options):
    assert find_field_of_view(draw_fundus(FundusDrawing(WIDTH, HEIGHT, **options))).mask.any()


@pytest.mark.parametrize("gains", [(0.7, 1.0, 1.0), (1.0, 0.6, 0.5), (1.0, 1.0, 1.6), (0.9, 1.1, 0.3)])
def test_retinas_pass_through_cameras_of_other_colour(fundus_pixels, gains):
    tinted = np.clip(fundus_pixels * np.array(gains), 0, 255).astype(np.uint8)
    assert find_field_of_view(tinted).mask.any()


@pytest.mark.parametrize("share", [0.5, 0.7, 0.8, 0.85])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_retinas_pass_under_a_veil_of_their_own_colour(share, seed):
    # Its hue is as even as that of an orange; that its contrast is as low shows that haze did it.
    pixels = draw_fundus(FundusDrawing(WIDTH, HEIGHT, seed=seed))
    field = find_field_of_view(pixels).mask
    veil = pixels[field].mean(axis=0)
    hazed = np.where(field[..., None], (1 - share) * pixels + share * veil, pixels).astype(np.uint8)
    assert find_field_of_view(hazed).mask.any()
