"""A photograph copied from a page or a window is graded as if it had come without."""

import cv2
import numpy as np
import pytest

from dr_core.domain.errors import NotAFundusPhotograph
from dr_core.imaging.disc import cut_disc
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.page import find_page
from dr_core.screening.display import enlarge_screening
from dr_core.screening.pipeline import screen_photograph

PAGES = [(255, 255, 255), (128, 128, 128), (222, 214, 200), (60, 63, 65), (30, 30, 30), (18, 18, 20)]
BORDER_PX = 70
# As many cameras have it: the field is cut off above and below.
CUT_OFF = FundusDrawing(640, 480, field_scale=1.2)


def put_on_page(pixels: np.ndarray, colour: tuple[int, int, int], border_px: int = BORDER_PX) -> np.ndarray:
    borders = [border_px] * 4
    return np.asarray(cv2.copyMakeBorder(pixels, *borders, cv2.BORDER_CONSTANT, value=colour), dtype=np.uint8)


def draw_viewer(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """A window with a bar above and words at its side, in which the photograph stands."""
    window = np.full((900, 1600, 3), colour, dtype=np.uint8)
    window[:70] = (220, 220, 220)
    for line in range(6):
        place = (30, 150 + 60 * line)
        cv2.putText(window, f"Item {line}", place, cv2.FONT_HERSHEY_SIMPLEX, 0.7, (200, 200, 200), 1)
    window[120 : 120 + pixels.shape[0], 400 : 400 + pixels.shape[1]] = pixels
    return window


def write_caption(page: np.ndarray) -> np.ndarray:
    place = (BORDER_PX, page.shape[0] - BORDER_PX // 3)
    return np.asarray(
        cv2.putText(page.copy(), "OD, 2026-03-02", place, cv2.FONT_HERSHEY_SIMPLEX, 1.2, (20, 20, 20), 3),
        dtype=np.uint8,
    )


@pytest.mark.parametrize("colour", PAGES)
@pytest.mark.parametrize("drawing", [FundusDrawing(640, 480), CUT_OFF])
def test_field_is_found_where_it_lies_on_the_page(drawing, colour):
    pixels = draw_fundus(drawing)
    bare, found = find_field_of_view(pixels), find_field_of_view(write_caption(put_on_page(pixels, colour)))
    assert found.center_rc == pytest.approx([side + BORDER_PX for side in bare.center_rc], abs=2)
    assert found.radius_px == pytest.approx(bare.radius_px, rel=0.02)
    top, left, bottom, right = found.bounds
    assert (top, bottom) == pytest.approx((BORDER_PX, BORDER_PX + 480), abs=6)
    # Black at the sides may be left out of it, retina may not.
    reach_px = min(found.radius_px, 320)
    assert BORDER_PX - 6 <= left <= found.center_rc[1] - reach_px + 6
    assert found.center_rc[1] + reach_px - 6 <= right <= BORDER_PX + 640 + 6


@pytest.mark.parametrize("colour", [(240, 240, 240), (46, 44, 42)])
@pytest.mark.parametrize("drawing", [FundusDrawing(640, 480), CUT_OFF, FundusDrawing(960, 720)])
def test_field_is_found_in_a_viewers_window(drawing, colour):
    pixels = draw_fundus(drawing)
    bare, found = find_field_of_view(pixels), find_field_of_view(draw_viewer(pixels, colour))
    assert found.center_rc == pytest.approx((bare.center_rc[0] + 120, bare.center_rc[1] + 400), abs=6)
    assert found.radius_px == pytest.approx(bare.radius_px, rel=0.03)
    assert found.mask.sum() == pytest.approx(bare.mask.sum(), rel=0.05)


@pytest.mark.parametrize("colour", [(240, 240, 240), (46, 44, 42)])
@pytest.mark.parametrize(
    "pane",
    [
        pytest.param((slice(100, 880), slice(20, 760)), id="an empty pane larger than the photograph"),
        pytest.param((slice(0, 150), slice(0, 1600)), id="a black bar across the top"),
    ],
)
def test_field_is_found_beside_what_is_black(pane, colour):
    pixels = draw_fundus(FundusDrawing(640, 480, field_scale=1.2))
    picture = np.full((900, 1600, 3), colour, dtype=np.uint8)
    picture[pane] = 0
    picture[250:730, 900:1540] = pixels
    bare, found = find_field_of_view(pixels), find_field_of_view(picture)
    assert found.center_rc == pytest.approx((bare.center_rc[0] + 250, bare.center_rc[1] + 900), abs=6)
    assert found.mask.sum() == pytest.approx(bare.mask.sum(), rel=0.05)


@pytest.mark.parametrize("colour", PAGES)
def test_the_page_is_not_taken_for_retina(colour):
    pixels = draw_fundus(CUT_OFF)
    page = put_on_page(pixels, colour)
    bare, found = find_field_of_view(pixels), find_field_of_view(page)
    (_, expected), (disc, visible) = cut_disc(pixels, bare, 384), cut_disc(page, found, 384)
    assert visible.mean() == pytest.approx(expected.mean(), abs=0.02)
    alike = (np.abs(disc.astype(int) - colour) <= 6).all(axis=-1)
    assert not (alike & visible).any()
    assert found.mask[: BORDER_PX - 6].sum() == 0
    assert found.mask.sum() == pytest.approx(bare.mask.sum(), rel=0.03)


@pytest.mark.parametrize("colour", PAGES)
def test_a_page_changes_neither_verdict_nor_grade(colour, classifier):
    pixels = draw_fundus(FundusDrawing(960, 720, seed=8, field_scale=1.2, haemorrhages=16, hard_exudates=40))
    bare, found = (
        screen_photograph(encode_jpeg(picture, quality=95), "eye.jpg", classifier=classifier).result
        for picture in (pixels, put_on_page(pixels, colour))
    )
    assert found.quality is not None
    assert bare.quality is not None
    assert (found.status, found.quality.defects) == (bare.status, bare.quality.defects)
    assert found.prediction is not None
    assert bare.prediction is not None
    assert found.prediction.p_referable == pytest.approx(bare.prediction.p_referable, abs=0.1)


def test_window_follows_the_photograph_to_its_full_size(classifier):
    page = put_on_page(draw_fundus(FundusDrawing(2400, 1800)), (128, 128, 128), 300)
    data = encode_jpeg(page, quality=92)
    small = screen_photograph(data, "eye.jpg", classifier=classifier)
    large = enlarge_screening(small, data, longest_side_px=3000)
    assert small.field_of_view is not None
    assert large.field_of_view is not None
    assert large.photograph is not None
    assert large.field_of_view.mask.shape == large.photograph.pixels.shape[:2]
    assert large.field_of_view.bounds[::2] == pytest.approx((300, 2100), abs=24)
    share = [screening.field_of_view.mask.mean() for screening in (small, large) if screening.field_of_view]
    assert share[0] == pytest.approx(share[1], rel=0.01)


@pytest.mark.parametrize("shape", [None, (260, 390)])
def test_no_heat_is_laid_over_the_page(shape, classifier):
    page = put_on_page(draw_fundus(CUT_OFF)[50:430], (128, 128, 128))
    data = encode_jpeg(page, quality=92)
    screening = screen_photograph(data, "eye.jpg", classifier=classifier, grade_ungradable=True)
    heat = screening.place_heatmap(np.ones((18, 24), dtype=np.float32), shape)
    scale = heat.shape[0] / page.shape[0]
    border_px = round(BORDER_PX * scale) - 2
    assert heat.shape == (shape or page.shape[:2])
    assert not heat[:border_px].any()
    assert not heat[-border_px:].any()
    assert (heat[heat.shape[0] // 2, heat.shape[1] // 3 : -heat.shape[1] // 3] > 0.9).all()


def test_two_photographs_on_one_page_are_refused():
    pixels = draw_fundus(FundusDrawing(640, 480))
    page = put_on_page(np.concatenate([pixels, np.full((480, 60, 3), 128, np.uint8), pixels], axis=1), (128, 128, 128))
    with pytest.raises(NotAFundusPhotograph):
        find_field_of_view(page)


@pytest.mark.parametrize("level", [0, 8, 30, 45])
@pytest.mark.parametrize("noise_levels", [0, 4])
def test_a_cameras_own_surround_is_no_page(level, noise_levels):
    pixels = np.maximum(draw_fundus(FundusDrawing(640, 480)), np.uint8(level))
    noise = np.random.default_rng(3).normal(0, noise_levels, pixels.shape)
    assert find_page(np.clip(pixels + noise, 0, 255).astype(np.uint8)) is None


def test_retina_up_to_the_border_is_no_page():
    pixels = draw_fundus(FundusDrawing(640, 480))
    assert find_page(np.ascontiguousarray(pixels[140:340, 200:440])) is None


def test_an_empty_page_holds_no_photograph():
    assert find_page(np.full((200, 300, 3), 128, dtype=np.uint8)) is None
