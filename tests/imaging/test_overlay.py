"""Overlays: cold areas stay clear, what is wrong is refused, and odd pictures come through."""

import numpy as np
import pytest

from dr_core.domain.photograph import FieldOfView
from dr_core.imaging.overlay import enhance_contrast, hatch_hidden, outline_cam, overlay_cam, red_free

PIXELS = np.full((48, 64, 3), (180, 90, 40), dtype=np.uint8)


def make_field(height: int, width: int, *, radius_px: float) -> FieldOfView:
    return FieldOfView((height / 2 - 0.5, width / 2 - 0.5), radius_px, 1.0, (height, width), 1.0)


def make_spot() -> np.ndarray:
    heat = np.zeros((48, 64), dtype=np.float32)
    heat[16:32, 20:44] = 1.0
    return heat


def test_overlay_leaves_cold_areas_as_they_were():
    drawn = overlay_cam(PIXELS, make_spot(), opacity=0.5)
    assert drawn.dtype == np.uint8
    assert (drawn[0, 0] == PIXELS[0, 0]).all()
    assert (drawn[20, 30] != PIXELS[20, 30]).any()


def test_overlay_grows_with_heat_and_with_opacity():
    heat = np.full((48, 64), 0.5, dtype=np.float32)

    def shift(drawn: np.ndarray) -> int:
        return int(np.abs(drawn.astype(int) - PIXELS).sum())

    assert shift(overlay_cam(PIXELS, heat, opacity=0.2)) < shift(overlay_cam(PIXELS, heat, opacity=0.8))
    assert shift(overlay_cam(PIXELS, heat)) < shift(overlay_cam(PIXELS, heat * 2))


def test_overlay_at_full_opacity_shows_the_colour_of_the_peak():
    drawn = overlay_cam(PIXELS, np.ones((48, 64), dtype=np.float32), opacity=1.0)
    red, green, blue = drawn[0, 0].astype(int)
    assert red > 200
    assert green > 200
    assert blue < 100


@pytest.mark.parametrize("draw", [overlay_cam, outline_cam])
def test_heat_of_nothing_changes_nothing(draw):
    assert (draw(PIXELS, np.zeros((48, 64), dtype=np.float32)) == PIXELS).all()


@pytest.mark.parametrize("draw", [overlay_cam, outline_cam])
def test_nan_counts_as_cold(draw):
    assert (draw(PIXELS, np.full((48, 64), np.nan, dtype=np.float32)) == PIXELS).all()


@pytest.mark.parametrize("draw", [overlay_cam, outline_cam])
def test_input_is_left_untouched(draw):
    pixels, heat = PIXELS.copy(), make_spot()
    draw(pixels, heat)
    assert (pixels == PIXELS).all()
    assert (heat == make_spot()).all()


@pytest.mark.parametrize("draw", [overlay_cam, outline_cam])
def test_a_single_pixel_comes_through(draw):
    drawn = draw(PIXELS[:1, :1], np.ones((1, 1), dtype=np.float32))
    assert drawn.shape == (1, 1, 3)


def test_outline_surrounds_the_warm_area_and_spares_its_middle():
    drawn = outline_cam(PIXELS, make_spot(), level=0.5)
    assert (drawn[24, 32] == PIXELS[24, 32]).all()
    assert (drawn[0, 0] == PIXELS[0, 0]).all()
    assert (drawn[16, 32] != PIXELS[16, 32]).any()


def test_outline_follows_its_level():
    heat = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (48, 1))
    low, high = outline_cam(PIXELS, heat, level=0.2), outline_cam(PIXELS, heat, level=0.8)
    assert (low[24, 13] != PIXELS[24, 13]).any()
    assert (high[24, 13] == PIXELS[24, 13]).all()


@pytest.mark.parametrize("side_px", [64, 600])
def test_hatching_marks_the_hidden_part_and_leaves_it_visible_between_the_lines(side_px):
    pixels = np.full((side_px, side_px, 3), (180, 90, 40), dtype=np.uint8)
    hidden = np.zeros((side_px, side_px), dtype=np.bool_)
    hidden[: side_px // 2] = True
    drawn = hatch_hidden(pixels, hidden)
    changed = (drawn != pixels).any(axis=-1)
    assert 0.15 < changed[: side_px // 2].mean() < 0.85
    assert not changed[side_px // 2 + 4 :].any()
    assert (pixels == (180, 90, 40)).all()


def test_hatching_nothing_changes_nothing():
    assert (hatch_hidden(PIXELS, np.zeros((48, 64), dtype=np.bool_)) == PIXELS).all()
    assert hatch_hidden(PIXELS[:1, :1], np.ones((1, 1), dtype=np.bool_)).shape == (1, 1, 3)


def test_hatching_wants_a_place_for_every_pixel():
    with pytest.raises(ValueError, match="height and width"):
        hatch_hidden(PIXELS, np.zeros((48, 48), dtype=np.bool_))


def test_red_free_is_the_green_channel_in_grey():
    shown = red_free(PIXELS)
    assert (shown == 90).all()
    assert shown.shape == PIXELS.shape
    assert red_free(PIXELS[:1, :1]).shape == (1, 1, 3)


def test_contrast_rises_inside_the_field_alone():
    pixels = np.full((128, 128, 3), 110, dtype=np.uint8)
    pixels[::4] = 118
    field = make_field(128, 128, radius_px=40)
    enhanced = enhance_contrast(pixels, field)
    assert enhanced[40:88, 40:88].std() > pixels[40:88, 40:88].std()
    assert (enhanced[~field.mask] == pixels[~field.mask]).all()


@pytest.mark.parametrize("shape", [(1, 1), (3, 200)])
def test_contrast_of_a_flat_or_tiny_picture_comes_through(shape):
    pixels = np.full((*shape, 3), 77, dtype=np.uint8)
    enhanced = enhance_contrast(pixels, make_field(*shape, radius_px=400))
    assert enhanced.shape == pixels.shape
    assert enhanced.dtype == np.uint8


def test_contrast_without_a_field_changes_nothing():
    assert (enhance_contrast(PIXELS, make_field(48, 64, radius_px=0)) == PIXELS).all()


@pytest.mark.parametrize(
    ("pixels", "error"),
    [
        (PIXELS.astype(np.float32), TypeError),
        ("photograph", TypeError),
        (PIXELS[..., 0], ValueError),
        (PIXELS[..., :2], ValueError),
        (PIXELS[:0], ValueError),
    ],
)
def test_pixels_that_are_no_picture_are_refused(pixels, error):
    with pytest.raises(error, match="Received: "):
        red_free(pixels)
    with pytest.raises(error, match="Received: "):
        overlay_cam(pixels, make_spot())


@pytest.mark.parametrize(
    ("heat", "error"),
    [
        (np.zeros((48, 64), dtype=np.uint8), TypeError),
        ([[0.0]], TypeError),
        (np.zeros((8, 8), dtype=np.float32), ValueError),
        (np.full((48, 64), 1.5, dtype=np.float32), ValueError),
        (np.full((48, 64), -0.1, dtype=np.float32), ValueError),
        (np.full((48, 64), np.inf, dtype=np.float32), ValueError),
    ],
)
def test_heat_that_is_no_map_is_refused(heat, error):
    with pytest.raises(error, match="Received: "):
        overlay_cam(PIXELS, heat)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match="Received: opacity"):
        overlay_cam(PIXELS, make_spot(), opacity=share)
    with pytest.raises(ValueError, match="Received: level"):
        outline_cam(PIXELS, make_spot(), level=share)


def test_an_outline_at_level_zero_is_refused():
    with pytest.raises(ValueError, match="Received: level=0"):
        outline_cam(PIXELS, make_spot(), level=0)


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"Received: mask\.shape"):
        enhance_contrast(PIXELS, make_field(4, 4, radius_px=4))
