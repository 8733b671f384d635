"""Whatever the camera, the network sees one geometry and one colour, and its heatmap finds the way back."""

import cv2
import numpy as np
import pytest

from dr_core.domain.photograph import FieldOfView, FundusPhotograph, UInt8Array
from dr_core.imaging.colour import COMMON_SHARE, CONTRAST, RATIO_OFFSET
from dr_core.imaging.disc import RIM_SHARE, cut_disc
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import (
    VISIBLE_SHARE,
    InputCrop,
    InputSize,
    cut_common,
    normalise_field,
    prepare_input,
    to_tensor,
)

SIZE = InputSize(192, 256)
NEUTRAL = 128


def make_photograph(pixels: np.ndarray) -> FundusPhotograph:
    return FundusPhotograph(pixels, "made.png", "00" * 32, None, pixels.shape[1], pixels.shape[0])


def make_field(
    shape: tuple[int, ...], *, center_rc: tuple[float, float], radius_px: float, aspect: float = 1.0
) -> FieldOfView:
    return FieldOfView(center_rc, radius_px, aspect, (shape[0], shape[1]), 1.0)


def see(pixels: np.ndarray, size: InputSize = SIZE) -> np.ndarray:
    return prepare_input(make_photograph(pixels), find_field_of_view(pixels), size).tensor


def middle(tensor: np.ndarray) -> np.ndarray:
    """The part in which no rim and no neutral surround takes part."""
    return tensor[40:-40, 60:-60]


def test_input_has_the_models_size_type_and_range(fundus_pixels):
    tensor = see(fundus_pixels)
    assert tensor.shape == (192, 256, 3)
    assert tensor.dtype == np.float32
    assert np.abs(tensor).max() <= 128 / 127
    assert 0.03 < middle(tensor)[..., 1].std() < 0.6


def test_tensor_is_zero_where_the_disc_is_neutral():
    assert to_tensor(np.array([[[1, 128, 255]]], dtype=np.uint8)).tolist() == [[[-1.0, 0.0, 1.0]]]


@pytest.mark.parametrize("aspect", [0.7, 0.8, 1.25])
def test_a_squeezed_photograph_gives_the_same_input(fundus_pixels, aspect):
    squeezed = cv2.resize(fundus_pixels, (round(640 * aspect), 480), interpolation=cv2.INTER_AREA)
    difference = np.abs(middle(see(squeezed)) - middle(see(fundus_pixels)))
    assert difference.mean() < 0.05


@pytest.mark.parametrize(("width_px", "height_px"), [(1280, 960), (427, 320)])
def test_resolution_and_framing_do_not_show_in_the_input(fundus_pixels, width_px, height_px):
    scaled = cv2.resize(fundus_pixels, (width_px, height_px), interpolation=cv2.INTER_AREA)
    framed = cv2.copyMakeBorder(scaled, 31, 0, 47, 12, cv2.BORDER_CONSTANT)
    difference = np.abs(middle(see(framed)) - middle(see(fundus_pixels)))
    assert difference.mean() < 0.06


@pytest.mark.parametrize("gain", [0.6, 0.8, 1.1])
def test_brightness_does_not_show_in_the_input(fundus_pixels, gain):
    lit = np.clip(fundus_pixels * gain, 0, 255).astype(np.uint8)
    field = find_field_of_view(fundus_pixels)
    plain, changed = (prepare_input(make_photograph(p), field, SIZE).tensor for p in (fundus_pixels, lit))
    # Where the gain clips nothing and the dark offset weighs little.
    assert np.median(np.abs(middle(changed) - middle(plain))) < 0.05


def test_disc_is_neutral_outside_the_rim(fundus_pixels):
    disc = normalise_field(fundus_pixels, find_field_of_view(fundus_pixels), 200)
    rows = np.arange(200) - 99.5
    outside = np.hypot(rows[:, None], rows[None, :]) > RIM_SHARE * 100
    assert disc.shape == (200, 200, 3)
    assert (disc[outside] == NEUTRAL).all()
    assert (disc[~outside] != NEUTRAL).any(axis=1).mean() > 0.9


def test_rows_that_the_camera_cut_off_are_neutral():
    pixels = draw_fundus(FundusDrawing(640, 480, field_scale=1.25))
    disc = normalise_field(pixels, find_field_of_view(pixels), 200)
    assert (disc[:18] == NEUTRAL).all()
    assert (disc[-18:] == NEUTRAL).all()
    assert (disc[100] != NEUTRAL).any()


def test_input_shows_the_same_part_of_every_field(fundus_pixels):
    whole = normalise_field(fundus_pixels, find_field_of_view(fundus_pixels), SIZE.width_px)
    assert SIZE.height_px == round(VISIBLE_SHARE * SIZE.width_px)
    # The middle 192 rows of 256, of which three above and below are not shown by every camera.
    seen = see(fundus_pixels)[3:-3]
    shown = (seen != 0).any(axis=2)
    moved = (to_tensor(whole[35:221]) - seen)[shown]
    np.testing.assert_allclose(moved, np.broadcast_to(moved[0], moved.shape), atol=1e-6)
    assert np.abs(moved[0]).max() < 0.02


def test_no_mean_colour_is_left_to_tell_the_camera(fundus_pixels):
    tinted = np.clip(fundus_pixels * np.array([1.2, 0.8, 1.5]), 0, 255).astype(np.uint8)
    for pixels in (fundus_pixels, tinted):
        seen = see(pixels)
        assert np.abs(seen[(seen != 0).any(axis=2)].mean(axis=0)).max() < 1e-5


@pytest.mark.parametrize("colour", [(0, 0, 0), (190, 90, 45), (255, 255, 255)])
def test_a_field_of_one_colour_is_neutral_and_finite(colour):
    pixels = np.full((120, 160, 3), colour, dtype=np.uint8)
    field = make_field(pixels.shape, center_rc=(59.5, 79.5), radius_px=55)
    tensor = prepare_input(make_photograph(pixels), field, SIZE).tensor
    assert np.isfinite(tensor).all()
    assert np.abs(tensor).max() < 0.1


def test_a_field_that_lies_outside_the_picture_is_neutral():
    pixels = np.full((120, 160, 3), 90, dtype=np.uint8)
    field = make_field(pixels.shape, center_rc=(900.0, 900.0), radius_px=55)
    disc, visible = cut_disc(pixels, field, 64)
    assert not visible.any()
    assert disc.shape == (64, 64, 3)
    assert (normalise_field(pixels, field, 64) == NEUTRAL).all()


@pytest.mark.parametrize("aspect", [1.0, 0.7, 1.3])
@pytest.mark.parametrize("mark_rc", [(250, 300), (160, 180), (330, 390)])
def test_a_point_seen_by_the_network_comes_back_to_its_place(aspect, mark_rc):
    """A dark spot is drawn, looked for in the input, and its heat put back over the photograph."""
    row, column = mark_rc[0], round(mark_rc[1] * aspect)
    pixels = np.full((480, round(600 * aspect), 3), 150, dtype=np.uint8)
    cv2.circle(pixels, (column, row), 6, (20, 20, 20), -1)
    field = make_field(pixels.shape, center_rc=(243.3, 291.7 * aspect), radius_px=221.4, aspect=aspect)
    seen = prepare_input(make_photograph(pixels), field, SIZE)
    heat = cv2.GaussianBlur(np.maximum(-seen.tensor[..., 1], 0), (0, 0), 2)
    placed = seen.crop.to_photograph(heat)
    assert placed.shape == pixels.shape[:2]
    assert placed.dtype == np.float32
    found = np.unravel_index(int(np.argmax(placed)), placed.shape)
    assert np.hypot(found[0] - row, found[1] - column) <= 2.5


@pytest.mark.parametrize("cells", [(6, 8), (12, 16), (192, 256)])
def test_heat_of_any_resolution_covers_what_the_network_saw_and_nothing_else(cells):
    crop = InputCrop((200.0, 300.0), (0.8, 0.8), (400, 600), SIZE)
    placed = crop.to_photograph(np.ones(cells, dtype=np.float32))
    assert placed[200, 300] == 1.0
    assert placed[200, 300 + 155] == 1.0
    assert placed[200, 300 + 165] == 0.0
    assert placed[200 - 115, 300] == 1.0
    assert placed[200 - 125, 300] == 0.0
    assert set(np.unique(placed)) == {0.0, 1.0}


def test_the_warmest_cell_lands_on_the_same_share_of_the_field():
    heat = np.zeros((6, 8), dtype=np.float32)
    heat[1, 6] = 1.0
    placed = InputCrop((200.0, 300.0), (0.8, 0.8), (400, 600), SIZE).to_photograph(heat)
    found = np.unravel_index(int(np.argmax(placed)), placed.shape)
    # The cell's centre: row 1.5 of 6, column 6.5 of 8, seen from the middle, in input pixels, over the scale.
    assert found == pytest.approx((200 - 1.5 * 32 / 0.8, 300 + 2.5 * 32 / 0.8), abs=2)


def test_cells_of_a_map_stand_where_the_network_saw_them_though_it_padded_odd_sides():
    """240 rows become 120, 60, 30, 15 and then 8, of which the first and the last are half outside."""
    heat = np.zeros((8, 10), dtype=np.float32)
    heat[1, 8] = 1.0
    placed = InputCrop((200.0, 300.0), (0.8, 0.8), (400, 600), InputSize(240, 320)).to_photograph(heat)
    rows, columns = np.nonzero(placed > 0.5)
    # The second row's centre is 40 pixels below the input's upper edge, 80 above its middle.
    assert rows.mean() == pytest.approx(200 - 80 / 0.8, abs=0.6)
    assert columns.mean() == pytest.approx(300 + (8.5 * 32 - 160) / 0.8, abs=0.6)


def test_crop_of_a_photograph_fits_the_same_photograph_at_another_size(fundus_pixels):
    large = cv2.resize(fundus_pixels, (1280, 960), interpolation=cv2.INTER_CUBIC)
    crops = [prepare_input(make_photograph(p), find_field_of_view(p), SIZE).crop for p in (fundus_pixels, large)]
    heat = cv2.GaussianBlur(np.random.default_rng(3).random((12, 16), dtype=np.float32), (0, 0), 1)
    stretched, direct = crops[0].for_shape(960, 1280).to_photograph(heat), crops[1].to_photograph(heat)
    assert stretched.shape == (960, 1280)
    assert np.abs(stretched - direct).mean() < 0.005
    same = crops[0].for_shape(480, 640)
    assert (same.photograph_shape, same.input_size) == ((480, 640), SIZE)
    assert np.array_equal(same.to_photograph(heat), crops[0].to_photograph(heat))


def test_colour_is_the_ratio_to_the_mean_of_its_channel(fundus_pixels):
    """The same arithmetic written out in NumPy, without a table."""
    field = find_field_of_view(fundus_pixels)
    disc, visible = cut_disc(fundus_pixels, field, 256)
    levels = disc / 255.0
    common = visible & (np.abs(np.arange(256) - 127.5) < COMMON_SHARE * 128)[:, None]
    mean = levels[common].mean(axis=0)
    wanted = CONTRAST * (levels - mean) / (mean + RATIO_OFFSET) * 127 + 128
    difference = np.abs(normalise_field(fundus_pixels, field, 256) - np.clip(wanted, 1, 255))[visible]
    assert difference.max() <= 0.5 + 1e-6


def test_input_shows_only_the_rows_that_every_camera_shows(fundus_photograph: FundusPhotograph) -> None:
    size = InputSize(288, 384)
    field = find_field_of_view(fundus_photograph.pixels)
    tensor = prepare_input(fundus_photograph, field, size).tensor
    blank = round((288 - COMMON_SHARE * 384) / 2)
    assert blank == 4
    assert (tensor[:blank] == 0).all()
    assert (tensor[-blank:] == 0).all()
    assert (tensor[blank] != 0).any()
    assert (tensor[-blank - 1] != 0).any()


def test_mean_of_every_channel_tells_nothing_of_the_camera(fundus_pixels: UInt8Array) -> None:
    tinted = np.clip(fundus_pixels * np.array([1.0, 0.7, 0.5]), 0, 255).astype(np.uint8)
    for pixels in (fundus_pixels, tinted):
        disc = normalise_field(pixels, find_field_of_view(fundus_pixels), 384)
        common = cut_common(disc, InputSize(288, 384))
        seen = common[(common != NEUTRAL).any(axis=2)].astype(np.float64)
        assert np.abs(seen.mean(axis=0) - NEUTRAL).max() < 1.5
