"""Drawn photographs have the properties that the tests and the samples rely on."""

import cv2
import numpy as np
import pytest

from dr_core.domain.photograph import Laterality, UInt8Array
from dr_core.imaging import drawing
from dr_core.imaging.drawing import SAMPLES, FundusDrawing, draw_fundus, write_samples
from dr_core.imaging.field_of_view import find_field_of_view
from tests.conftest import ROOT


def small(**options) -> FundusDrawing:
    return FundusDrawing(**({"width_px": 320, "height_px": 240} | options))


@pytest.fixture(scope="module")
def plain() -> UInt8Array:
    """A small healthy eye, (240, 320, 3) uint8; do not write into it."""
    pixels = draw_fundus(small())
    pixels.flags.writeable = False
    return pixels


def disc_column(pixels: np.ndarray) -> int:
    """Column of the brightest spot, smoothed: the optic disc."""
    smooth = cv2.GaussianBlur(pixels[..., 1], (0, 0), 5)
    return int(np.unravel_index(np.argmax(smooth), smooth.shape)[1])


def sharpness(pixels: np.ndarray) -> float:
    return float(cv2.Laplacian(pixels[60:180, 100:220, 1], cv2.CV_64F).var())


def test_same_seed_gives_same_picture():
    assert np.array_equal(draw_fundus(small(seed=5)), draw_fundus(small(seed=5)))
    assert not np.array_equal(draw_fundus(small(seed=5)), draw_fundus(small(seed=6)))


@pytest.mark.parametrize(("width_px", "height_px"), [(320, 240), (240, 320), (256, 256), (64, 64), (401, 203)])
def test_picture_has_the_size_asked_for(width_px, height_px):
    pixels = draw_fundus(FundusDrawing(width_px, height_px))
    assert pixels.shape == (height_px, width_px, 3)
    assert pixels.dtype == np.uint8


def test_corners_are_dark_and_the_retina_is_red_orange(plain):
    assert plain[:20, :20].max() < 15
    red, green, blue = plain[100:140, 140:180].reshape(-1, 3).mean(axis=0)
    assert red > 120
    assert red > 1.5 * green > 1.5 * blue


def test_disc_is_on_the_right_in_a_right_eye_and_on_the_left_in_a_left_eye():
    assert disc_column(draw_fundus(small(eye=Laterality.OD))) > 200
    assert disc_column(draw_fundus(small(eye=Laterality.OS))) < 120


@pytest.mark.parametrize("field_scale", [0.7, 0.96, 1.15])
def test_field_of_view_is_found_where_it_was_drawn(field_scale):
    field = find_field_of_view(draw_fundus(FundusDrawing(640, 480, field_scale=field_scale)))
    assert field.radius_px == pytest.approx(0.5 * field_scale * 480, rel=0.02)
    assert field.center_rc == pytest.approx((239.5, 319.5), abs=3)
    assert field.aspect == pytest.approx(1.0, abs=0.02)


def test_blur_removes_detail_and_light_darkens(plain):
    assert sharpness(draw_fundus(small(blur=0.03))) < 0.5 * sharpness(plain)
    assert draw_fundus(small(light=0.25)).mean() < 0.4 * plain.mean()


@pytest.mark.parametrize("lesion", ["microaneurysms", "haemorrhages", "hard_exudates", "cotton_wool"])
def test_each_lesion_changes_the_retina_and_nothing_outside_the_field(plain, lesion):
    changed = np.abs(draw_fundus(small(**{lesion: 40})) - plain.astype(int)).max(axis=2) > 40
    assert 0 < changed.mean() < 0.4
    assert not changed[:20, :20].any()


def test_blood_is_darker_and_exudates_are_brighter_than_the_retina(plain):
    assert (draw_fundus(small(haemorrhages=40)) - plain.astype(int)).min() < -60
    assert (draw_fundus(small(hard_exudates=40)) - plain.astype(int)).max() > 60


def test_a_picture_too_small_to_draw_is_refused():
    with pytest.raises(ValueError, match=r"Received: 20x240"):
        FundusDrawing(20, 240)


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_is_a_small_jpeg_file_without_exif(name):
    data = (ROOT / "assets" / name).read_bytes()
    assert data.startswith(b"\xff\xd8")
    assert b"Exif" not in data
    assert len(data) < 300_000


def test_sample_is_what_the_program_draws():
    name = "sample_healthy.jpg"
    shipped = cv2.imread(str(ROOT / "assets" / name), cv2.IMREAD_COLOR_RGB)
    assert np.abs(draw_fundus(SAMPLES[name]).astype(int) - shipped).mean() < 1.5  # another seed: 4.7


def test_samples_are_written_under_their_names(monkeypatch, tmp_path):
    few = {"one.jpg": small(), "another.jpg": FundusDrawing(96, 64)}
    monkeypatch.setattr(drawing, "SAMPLES", few)
    paths = write_samples(tmp_path / "made")
    assert paths == [tmp_path / "made" / name for name in few]
    assert [cv2.imread(str(path)).shape for path in paths] == [(240, 320, 3), (64, 96, 3)]
