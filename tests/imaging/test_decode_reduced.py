"""A photograph decoded at a part of its size is the whole one reduced: upright, and with its source's size."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from dr_core.imaging.decode import decode_photograph
from tests.imaging.marked_picture import ORIENTATION, corner_of, draw_corner, encode


def test_decode_reports_the_rotated_source_size_of_a_reduced_photograph():
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    photograph = decode_photograph(encode(draw_corner().resize((600, 400)), "JPEG", exif=exif), "e", longest_side_px=90)
    assert (photograph.source_width_px, photograph.source_height_px) == (400, 600)
    assert photograph.pixels.shape == (90, 60, 3)
    assert corner_of(photograph.pixels) == "upper right"


def test_decode_at_reduced_scale_equals_a_full_decode_reduced(fundus_pixels):
    large = cv2.resize(fundus_pixels, (2560, 1920), interpolation=cv2.INTER_CUBIC)
    data = encode(Image.fromarray(large), "JPEG", quality=92)
    photograph = decode_photograph(data, "eye.jpg", longest_side_px=600)
    assert photograph.pixels.shape == (450, 600, 3)
    assert (photograph.source_width_px, photograph.source_height_px) == (2560, 1920)
    full = np.asarray(Image.open(io.BytesIO(data)))
    wanted = cv2.resize(full, (600, 450), interpolation=cv2.INTER_AREA).astype(int)
    difference = np.abs(photograph.pixels.astype(int) - wanted)
    assert difference.mean() < 1.0
    assert np.percentile(difference, 99) <= 6


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize(
    ("asked_px", "width_px", "height_px"),
    [(320, 320, 240), (319, 320, 240), (321, 640, 480), (160, 160, 120), (1, 80, 60)],
)
def test_decode_that_need_not_be_exact_keeps_a_simple_part_of_the_source(
    fundus_pixels, kind, asked_px, width_px, height_px
):
    data = encode(Image.fromarray(fundus_pixels), kind)
    photograph = decode_photograph(data, "eye", longest_side_px=asked_px, exact=False)
    assert photograph.pixels.shape == (height_px, width_px, 3)
    assert (photograph.source_width_px, photograph.source_height_px) == (640, 480)
    wanted = cv2.resize(fundus_pixels, (width_px, height_px), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(photograph.pixels.astype(int) - wanted).mean() < 3.0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("side_px", [64, 32, 16])
def test_rotation_is_applied_at_every_scale(orientation, side_px):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (5, 8, 3), dtype=np.uint8))
    data = encode(image.resize((64, 40), Image.Resampling.BICUBIC), "JPEG", quality=100, subsampling=0, exif=exif)
    photograph = decode_photograph(data, "eye.jpg", longest_side_px=side_px, exact=False)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert (photograph.source_width_px, photograph.source_height_px) == upright.shape[1::-1]
    height, width = photograph.pixels.shape[:2]
    wanted = cv2.resize(upright, (width, height), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(photograph.pixels.astype(int) - wanted).mean() < 8.0


@pytest.mark.parametrize("tail", [b"", b"\x00" * 64, b"\xff\xd9", b"maker's notes"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_what_follows_the_end_of_a_jpeg_changes_no_pixel(mode, tail):
    data = encode(draw_corner(mode), "JPEG", quality=95)
    pixels = [decode_photograph(d, "e", longest_side_px=30, exact=False).pixels for d in (data, data + tail)]
    assert np.array_equal(*pixels)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("size", [(3000, 2), (2, 3000)])
def test_decode_reduces_a_line_without_losing_it(kind, size):
    pixels = decode_photograph(encode(Image.new("RGB", size, (90, 90, 90)), kind), "e", longest_side_px=100).pixels
    assert sorted(pixels.shape) == [1, 3, 100]
