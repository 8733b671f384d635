"""A photograph on a page in uneven light, or of grainy paper, is found as on an even one."""

import cv2
import numpy as np
import pytest

from dr_core.domain.errors import NotAFundusPhotograph
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.uneven_page import find_uneven_page

HEIGHT, WIDTH = 480, 640


def draw_page(kind: str) -> np.ndarray:
    """(H, W, 3) float64 levels of a page."""
    down = np.linspace(0.0, 1.0, HEIGHT)[:, None, None] * np.ones((1, WIDTH, 3))
    grain = np.random.default_rng(1).normal(0.0, 1.0, (HEIGHT, WIDTH, 3))
    lit = 1.0 - 0.3 * (down - 0.4) ** 2 - 0.2 * np.linspace(-0.5, 1.0, WIDTH)[None, :, None] ** 2
    return {
        "a print in uneven light": 215 * lit + 4 * grain,
        "a grey slide with a gradient": 90 + 130 * down,
        "a dark slide with a gradient": 60 * down * [0.3, 0.6, 1.0],
        "coarse white paper": 238 + 9 * grain,
    }[kind]


def put_on(page: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    away = np.hypot(rows - HEIGHT / 2 + 0.5, columns - WIDTH / 2 + 0.5)
    cover = np.clip(0.48 * HEIGHT - away, 0, 1)[..., None]
    return np.clip(np.rint(pixels * cover + page * (1 - cover)), 0, 255).astype(np.uint8)


KINDS = [
    "a print in uneven light",
    "a grey slide with a gradient",
    "a dark slide with a gradient",
    "coarse white paper",
]


@pytest.mark.parametrize("kind", KINDS)
def test_field_is_found_on_a_page_that_has_no_single_colour(kind):
    pixels = draw_fundus(FundusDrawing(WIDTH, HEIGHT))
    bare, found = find_field_of_view(pixels), find_field_of_view(put_on(draw_page(kind), pixels))
    assert found.center_rc == pytest.approx(bare.center_rc, abs=0.02 * bare.radius_px)
    # The field's blurred edge belongs to it here, since any colour but the page's does.
    assert found.radius_px == pytest.approx(bare.radius_px, rel=0.03)
    assert found.mask.sum() == pytest.approx(bare.mask.sum(), rel=0.06)


@pytest.mark.parametrize("kind", KINDS)
def test_two_photographs_on_such_a_page_are_refused(kind):
    pixels = cv2.resize(put_on(draw_page(kind), draw_fundus(FundusDrawing(WIDTH, HEIGHT))), (320, 240))
    with pytest.raises(NotAFundusPhotograph):
        find_field_of_view(np.hstack([pixels, pixels]))


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_page_holds_no_photograph(kind):
    page = np.clip(np.rint(draw_page(kind)), 0, 255).astype(np.uint8)
    assert find_uneven_page(page) is None
    with pytest.raises(NotAFundusPhotograph):
        find_field_of_view(page)


def test_a_cameras_black_surround_is_no_page():
    assert find_uneven_page(draw_fundus(FundusDrawing(WIDTH, HEIGHT))) is None


def test_a_room_around_the_picture_is_no_page():
    noise = np.random.default_rng(3).normal(0, 1, (HEIGHT, WIDTH, 3))
    room = cv2.GaussianBlur(noise, (0, 0), WIDTH / 20)
    picture = put_on(90 + 45 * room / room.std(), draw_fundus(FundusDrawing(WIDTH, HEIGHT)))
    assert find_uneven_page(picture) is None
