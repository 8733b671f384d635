"""The camera's circular field is found wherever it lies, and pictures of anything else are refused."""

import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from dr_core.domain.errors import NotAFundusPhotograph
from dr_core.domain.photograph import FieldOfView, Laterality
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.field_of_view import find_field_of_view

WIDTH, HEIGHT = 640, 480
CENTER_RC = (HEIGHT / 2 - 0.5, WIDTH / 2 - 0.5)
RADIUS_PX = 0.5 * 0.96 * HEIGHT
REAL_PHOTOGRAPHS = 120


def assert_field(field: FieldOfView, center_rc: tuple[float, float], radius_px: float, aspect: float = 1.0) -> None:
    """The field lies where it was drawn, within 2% of its radius."""
    assert field.radius_px == pytest.approx(radius_px, rel=0.02)
    assert field.center_rc == pytest.approx(center_rc, abs=0.02 * radius_px)
    assert field.aspect == pytest.approx(aspect, rel=0.02)


def round_mask(shape: tuple[int, ...], share: float = 1.0) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    radius = share * 0.48 * min(shape[:2])
    return np.hypot(rows - shape[0] / 2, columns - shape[1] / 2) <= radius


@pytest.mark.parametrize("eye", list(Laterality))
@pytest.mark.parametrize(("width_px", "height_px"), [(160, 120), (384, 384), (640, 480), (480, 640), (1500, 1000)])
def test_field_is_found_at_every_size(width_px, height_px, eye):
    field = find_field_of_view(draw_fundus(FundusDrawing(width_px, height_px, eye=eye)))
    assert_field(field, (height_px / 2 - 0.5, width_px / 2 - 0.5), 0.48 * min(width_px, height_px))
    assert field.edge_fit > 0.9


def test_mask_covers_the_retina_and_nothing_else(fundus_pixels):
    mask = find_field_of_view(fundus_pixels).mask
    assert mask.shape == fundus_pixels.shape[:2]
    assert mask.dtype == np.bool_
    truth = round_mask(fundus_pixels.shape)
    assert (mask & truth).sum() / (mask | truth).sum() > 0.98


@pytest.mark.parametrize("aspect", [1.0, 0.8])
@pytest.mark.parametrize("field_scale", [0.8, 1.0, 1.2])
def test_mask_is_every_pixel_within_the_fitted_curve(field_scale, aspect):
    pixels = draw_fundus(FundusDrawing(WIDTH, HEIGHT, field_scale=field_scale))
    field = find_field_of_view(cv2.resize(pixels, (round(WIDTH * aspect), HEIGHT), interpolation=cv2.INTER_AREA))
    rows, columns = np.ogrid[: field.mask.shape[0], : field.mask.shape[1]]
    radial = ((columns - field.center_rc[1]) / field.aspect) ** 2 + (rows - field.center_rc[0]) ** 2
    assert np.array_equal(field.mask, radial <= field.radius_px**2)


@pytest.mark.parametrize("field_scale", [0.62, 0.7, 1.1, 1.2])
def test_field_is_found_when_small_or_cut_off_above_and_below(field_scale):
    field = find_field_of_view(draw_fundus(FundusDrawing(WIDTH, HEIGHT, field_scale=field_scale)))
    assert_field(field, CENTER_RC, 0.5 * field_scale * HEIGHT)


@pytest.mark.parametrize(("top", "bottom"), [(60, 60), (110, 0), (0, 90)])
def test_field_is_found_when_cropped_to_one_side(fundus_pixels, top, bottom):
    field = find_field_of_view(fundus_pixels[top : HEIGHT - bottom])
    assert_field(field, (CENTER_RC[0] - top, CENTER_RC[1]), RADIUS_PX)


def test_field_is_found_off_centre(fundus_pixels):
    field = find_field_of_view(np.roll(fundus_pixels, (0, 70), axis=(0, 1)))
    assert_field(field, (CENTER_RC[0], CENTER_RC[1] + 70), RADIUS_PX)


@pytest.mark.parametrize("aspect", [0.65, 0.75, 0.9, 1.3])
def test_squeezed_field_is_found_as_an_ellipse(fundus_pixels, aspect):
    squeezed = cv2.resize(fundus_pixels, (round(WIDTH * aspect), HEIGHT), interpolation=cv2.INTER_AREA)
    assert_field(find_field_of_view(squeezed), (CENTER_RC[0], CENTER_RC[1] * aspect), RADIUS_PX, aspect)


def test_field_is_found_on_a_white_page(fundus_pixels):
    page = np.where(round_mask(fundus_pixels.shape, 1.005)[..., None], fundus_pixels, 255).astype(np.uint8)
    assert_field(find_field_of_view(page), CENTER_RC, RADIUS_PX)


def test_burnt_in_text_is_no_part_of_the_field(fundus_pixels):
    written = fundus_pixels.copy()
    for row, text in ((24, "OD 2026-01-02"), (48, "ID 0000"), (HEIGHT - 12, "45 deg")):
        cv2.putText(written, text, (4, row), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 2)
    assert_field(find_field_of_view(written), CENTER_RC, RADIUS_PX)


def test_lit_frame_around_the_picture_is_no_part_of_the_field(fundus_pixels):
    framed = cv2.copyMakeBorder(fundus_pixels, 12, 12, 12, 12, cv2.BORDER_CONSTANT, value=(120, 120, 120))
    # The frame is taken for the level of the surround, so the field begins a little later: wider than elsewhere.
    field = find_field_of_view(framed)
    assert field.radius_px == pytest.approx(RADIUS_PX, rel=0.025)
    assert field.center_rc == pytest.approx((CENTER_RC[0] + 12, CENTER_RC[1] + 12), abs=0.025 * RADIUS_PX)


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_dark_crescent_does_not_move_the_field(fundus_pixels, share):
    columns = np.arange(WIDTH)
    left = CENTER_RC[1] - RADIUS_PX
    light = np.clip((columns - left) / (share * 2 * RADIUS_PX), 0.02, 1.0) ** 2
    shaded = (fundus_pixels * light[None, :, None]).astype(np.uint8)
    assert_field(find_field_of_view(shaded), CENTER_RC, RADIUS_PX)


@pytest.mark.parametrize("light", [0.2, 0.5, 1.6])
def test_field_is_found_in_dark_and_bright_photographs(light):
    assert_field(find_field_of_view(draw_fundus(FundusDrawing(WIDTH, HEIGHT, light=light))), CENTER_RC, RADIUS_PX)


def test_field_is_found_in_a_blurred_photograph():
    field = find_field_of_view(draw_fundus(FundusDrawing(WIDTH, HEIGHT, blur=0.05)))
    assert_field(field, CENTER_RC, RADIUS_PX)


def draw_gradient() -> np.ndarray:
    ramp = np.linspace(0, 255, WIDTH).astype(np.uint8)
    return np.repeat(np.tile(ramp, (HEIGHT, 1))[..., None], 3, axis=2)


def draw_page() -> np.ndarray:
    page = np.full((HEIGHT, WIDTH, 3), 250, dtype=np.uint8)
    for line in range(14):
        cv2.putText(
            page, "Dear colleague, thank you for", (30, 40 + 30 * line), cv2.FONT_HERSHEY_SIMPLEX, 1, (20, 20, 20), 2
        )
    return page


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


PICTURES: dict[str, Callable[[], np.ndarray]] = {
    "black": lambda: np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8),
    "white": lambda: np.full((HEIGHT, WIDTH, 3), 255, dtype=np.uint8),
    "one colour": lambda: np.full((HEIGHT, WIDTH, 3), (190, 90, 45), dtype=np.uint8),
    "noise": draw_noise,
    "gradient": draw_gradient,
    "page": draw_page,
    "landscape": draw_landscape,
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_without_a_round_field_are_refused(name):
    with pytest.raises(NotAFundusPhotograph, match="No retina was found"):
        find_field_of_view(PICTURES[name]())


@pytest.mark.parametrize(("height_px", "width_px"), [(1, 1), (1, 900), (63, 63), (20, 4000)])
def test_tiny_pictures_are_refused_with_their_size(height_px, width_px):
    with pytest.raises(NotAFundusPhotograph, match=f"{width_px} x {height_px} pixels"):
        find_field_of_view(np.full((height_px, width_px, 3), 90, dtype=np.uint8))


def test_long_strip_is_refused():
    with pytest.raises(NotAFundusPhotograph):
        find_field_of_view(np.random.default_rng(0).integers(0, 256, (64, 3000, 3), dtype=np.uint8))


@pytest.mark.parametrize("pixels", [np.zeros((90, 90)), np.zeros((90, 90, 3)), np.zeros((90, 90, 4), dtype=np.uint8)])
def test_other_shapes_and_types_are_a_programmers_mistake(pixels):
    with pytest.raises(ValueError, match="Received: "):
        find_field_of_view(pixels)


def find_in_file(path: Path) -> bool:
    try:
        find_field_of_view(decode_photograph(path.read_bytes(), path.name).pixels)
    except NotAFundusPhotograph:
        return False
    return True


@pytest.mark.real
def test_field_is_found_in_real_photographs_of_every_source(data_dir):
    with (data_dir / "manifest.csv").open(newline="", encoding="utf-8") as file:
        paths = [data_dir / row["path"] for row in csv.DictReader(file)]
    chosen = np.random.default_rng(20261123).choice(len(paths), REAL_PHOTOGRAPHS, replace=False)
    missed = [paths[index].name for index in chosen if not find_in_file(paths[index])]
    assert len(missed) <= 0.01 * REAL_PHOTOGRAPHS, missed


def draw_pair(gap_px: int, axis: int, size: tuple[int, int] = (480, 480)) -> np.ndarray:
    eyes = [draw_fundus(FundusDrawing(*size, eye=eye, seed=seed)) for seed, eye in enumerate(Laterality, start=1)]
    gap = np.zeros((gap_px, size[0], 3) if axis == 0 else (size[1], gap_px, 3), np.uint8)
    return np.concatenate([eyes[0], gap, eyes[1]], axis=axis)


@pytest.mark.parametrize("axis", [0, 1], ids=["stacked", "side by side"])
@pytest.mark.parametrize("gap_px", [0, 4, 60, 400])
def test_two_eyes_in_one_picture_are_refused(axis, gap_px):
    with pytest.raises(NotAFundusPhotograph, match=r"more than one lit field|No retina was found"):
        find_field_of_view(draw_pair(gap_px, axis))


def test_two_eyes_are_told_from_no_eye():
    with pytest.raises(NotAFundusPhotograph, match="Upload each eye as a photograph of its own"):
        find_field_of_view(draw_pair(4, 1))


def test_burnt_in_text_is_no_second_field(fundus_pixels):
    marked = fundus_pixels.copy()
    for line in range(3):
        place = (8, 24 + 22 * line)
        cv2.putText(marked, "PATIENT OD", place, cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2)
    assert_field(find_field_of_view(marked), CENTER_RC, RADIUS_PX)


@pytest.mark.parametrize("share", [0.5, 0.3, 0.15])
@pytest.mark.parametrize("corner", [False, True])
def test_field_is_found_in_a_wide_black_surround(fundus_pixels, share, corner):
    height, width = round(HEIGHT / share), round(WIDTH / share)
    framed = np.zeros((height, width, 3), np.uint8)
    y, x = (0, 0) if corner else ((height - HEIGHT) // 2, (width - WIDTH) // 2)
    framed[y : y + HEIGHT, x : x + WIDTH] = fundus_pixels
    field = find_field_of_view(framed)
    assert_field(field, (CENTER_RC[0] + y, CENTER_RC[1] + x), RADIUS_PX)
    assert field.mask.shape == (height, width)


def test_small_light_in_a_wide_surround_is_told_by_its_own_size():
    pixels = np.zeros((1200, 1600, 3), np.uint8)
    cv2.circle(pixels, (700, 500), 16, (180, 90, 40), -1)
    with pytest.raises(NotAFundusPhotograph, match=r"What is lit of the picture has only \d\d x \d\d pixels"):
        find_field_of_view(pixels)
