"""A banner, a panel or a strip along a side of the picture is neither a second field nor retina."""

import cv2
import numpy as np
import pytest

from dr_core.domain.errors import NotAFundusPhotograph
from dr_core.imaging.bars import find_between_bars
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.field_of_view import find_field_of_view, locate_field

WHOLE, SMALL = FundusDrawing(640, 480), FundusDrawing(640, 480, field_scale=0.75)
CUT_OFF = FundusDrawing(640, 480, field_scale=1.2)
BANNER_PX, PANEL_PX = 60, 220


def draw_bar(height_px: int, width_px: int, colour: tuple[int, int, int], words: tuple[str, ...]) -> np.ndarray:
    bar = np.full((height_px, width_px, 3), colour, dtype=np.uint8)
    ink = (20,) * 3 if max(colour) > 150 else (235,) * 3
    for line, word in enumerate(words):
        cv2.putText(bar, word, (12, 38 + 40 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.8, ink, 2, cv2.LINE_AA)
    return bar


def add_banner(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    words = ("UNKNOWN, 1961-02-03, OD 45 deg, 10:22",)
    return np.vstack([draw_bar(BANNER_PX, pixels.shape[1], colour, words), pixels])


def add_panel(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.hstack([pixels, draw_bar(pixels.shape[0], PANEL_PX, colour, ("Series 1", "OD", "45 deg"))])


@pytest.mark.parametrize("colour", [(20, 70, 150), (205, 200, 200), (255, 255, 255), (45, 45, 48)])
@pytest.mark.parametrize("drawing", [WHOLE, SMALL, CUT_OFF])
def test_field_is_found_below_a_banner_and_beside_a_panel(drawing, colour):
    pixels = draw_fundus(drawing)
    bare = find_field_of_view(pixels)
    for picture, moved in ((add_banner(pixels, colour), BANNER_PX), (add_panel(pixels, colour), 0)):
        found = find_field_of_view(picture)
        assert found.center_rc == pytest.approx((bare.center_rc[0] + moved, bare.center_rc[1]), abs=4)
        assert found.radius_px == pytest.approx(bare.radius_px, rel=0.02)
        assert found.mask.sum() == pytest.approx(bare.mask.sum(), rel=0.03)
        assert not found.mask[: max(0, moved - 2)].any()


def test_field_is_found_in_a_viewer_with_bars_of_several_colours():
    pixels = draw_fundus(CUT_OFF)
    header = np.vstack([draw_bar(40, 640, (52, 58, 66), ()), draw_bar(60, 640, (70, 76, 84), ("File  View",))])
    picture = add_panel(np.vstack([header, pixels, draw_bar(24, 640, (0, 122, 204), ())]), (38, 40, 44))
    bare, found = find_field_of_view(pixels), find_field_of_view(picture)
    assert found.center_rc == pytest.approx((bare.center_rc[0] + 100, bare.center_rc[1]), abs=4)
    assert found.mask.sum() == pytest.approx(bare.mask.sum(), rel=0.03)


def test_a_bar_does_not_hide_that_there_are_two_eyes():
    pixels = draw_fundus(WHOLE)[:, 80:560]
    with pytest.raises(NotAFundusPhotograph, match="more than one"):
        find_field_of_view(add_banner(np.hstack([pixels, pixels[:, ::-1]]), (20, 70, 150)))


@pytest.mark.parametrize("drawing", [WHOLE, SMALL, CUT_OFF])
def test_a_photograph_alone_has_no_bars(drawing):
    pixels = draw_fundus(drawing)
    assert find_between_bars(pixels) is None
    assert locate_field(pixels).field.window is None


def test_a_retina_that_is_evenly_lit_up_to_the_edge_is_no_bar():
    shade = np.linspace(90, 180, 200)[None, :, None] * [1.0, 0.6, 0.3]
    assert find_between_bars(np.repeat(shade, 200, axis=0).astype(np.uint8)) is None


@pytest.mark.parametrize("level", [0, 14, 128, 255])
def test_a_picture_of_one_colour_has_nothing_between_bars(level):
    assert find_between_bars(np.full((120, 160, 3), level, dtype=np.uint8)) is None
