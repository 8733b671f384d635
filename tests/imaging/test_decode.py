"""Uploaded bytes of every mode and orientation become one upright, 8-bit RGB photograph."""

import hashlib

import cv2
import numpy as np
import pytest
from PIL import Image

from dr_core.domain.photograph import Laterality
from dr_core.imaging.decode import IMAGE_EXTENSIONS, decode_photograph, find_laterality, looks_like_image
from tests.imaging.marked_picture import ORIENTATION, corner_of, draw_corner, encode


def test_decode_keeps_name_hash_and_source_size(fundus_jpeg):
    photograph = decode_photograph(fundus_jpeg, "visit/eye_OD.jpg")
    assert photograph.pixels.shape == (480, 640, 3)
    assert photograph.pixels.dtype == np.uint8
    assert photograph.pixels.flags.c_contiguous
    assert photograph.name == "visit/eye_OD.jpg"
    assert photograph.sha256 == hashlib.sha256(fundus_jpeg).hexdigest()
    assert photograph.laterality is Laterality.OD
    assert (photograph.source_width_px, photograph.source_height_px) == (640, 480)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_decode_returns_lossless_pixels_unchanged(fundus_pixels, kind):
    data = encode(Image.fromarray(fundus_pixels), kind)
    assert np.array_equal(decode_photograph(data, "eye").pixels, fundus_pixels)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_decode_reads_compressed_tiff(fundus_pixels, compression):
    data = encode(Image.fromarray(fundus_pixels), "TIFF", compression=compression)
    assert np.array_equal(decode_photograph(data, "eye.tif").pixels, fundus_pixels)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize(
    ("orientation", "corner", "size"),
    [
        (1, "upper left", (60, 40)),
        (2, "upper right", (60, 40)),
        (3, "lower right", (60, 40)),
        (4, "lower left", (60, 40)),
        (5, "upper left", (40, 60)),
        (6, "upper right", (40, 60)),
        (7, "lower right", (40, 60)),
        (8, "lower left", (40, 60)),
    ],
)
def test_decode_applies_exif_rotation(kind, orientation, corner, size):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    photograph = decode_photograph(encode(draw_corner(), kind, exif=exif), "eye")
    assert corner_of(photograph.pixels) == corner
    assert photograph.pixels.shape[1::-1] == size
    assert (photograph.source_width_px, photograph.source_height_px) == size


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "L", "YCbCr"])
def test_decode_reads_every_jpeg_mode(mode):
    photograph = decode_photograph(encode(draw_corner(mode), "JPEG", quality=95), "eye.jpg")
    assert photograph.pixels.shape == (40, 60, 3)
    assert corner_of(photograph.pixels) == "upper left"
    assert photograph.pixels[30, 40].max() < 20


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "LA"])
def test_decode_reads_every_lossless_mode(kind, mode):
    photograph = decode_photograph(encode(draw_corner(mode), kind), "eye")
    assert photograph.pixels.shape == (40, 60, 3)
    assert corner_of(photograph.pixels) == "upper left"
    assert photograph.pixels[30, 40].max() == 0


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("top", [255, 4095, 65535], ids=["8-bit", "12-bit", "16-bit"])
def test_decode_spreads_deep_greyscale_over_eight_bits(kind, top):
    values = np.asarray(draw_corner("L"), dtype=np.uint16) // 255 * top
    photograph = decode_photograph(encode(Image.fromarray(values), kind), "eye")
    assert corner_of(photograph.pixels) == "upper left"
    assert photograph.pixels.max() == 255


@pytest.mark.parametrize("top", [1.0, 255.0, 4.0e4])
def test_decode_reads_floating_point_tiff(top):
    values = np.asarray(draw_corner("L"), dtype=np.float32) / 255 * top
    values[39, 59] = np.nan
    photograph = decode_photograph(encode(Image.fromarray(values), "TIFF"), "eye.tif")
    assert corner_of(photograph.pixels) == "upper left"


def test_decode_reads_sixteen_bit_colour():
    values = np.zeros((40, 60, 3), dtype=np.uint16)
    values[:16, :16] = (65535, 32768, 0)
    done, data = cv2.imencode(".png", values[..., ::-1])
    assert done
    assert np.abs(decode_photograph(data.tobytes(), "eye.png").pixels[4, 4].astype(int) - (255, 128, 0)).max() <= 1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_decode_paints_what_is_transparent_black(mode):
    image = Image.new("RGBA", (20, 20), (255, 255, 255, 0))
    image.paste((255, 255, 255, 255), (0, 0, 10, 20))
    pixels = decode_photograph(encode(image.convert(mode), "PNG"), "eye.png").pixels
    assert pixels[10, 5].min() == 255
    assert pixels[10, 15].max() == 0


@pytest.mark.parametrize("kind", ["PNG", "MPO"])
def test_decode_takes_the_first_of_several_frames(kind):
    later = [Image.new("RGB", (60, 40), (0, 0, 255)) for _ in range(2)]
    data = encode(draw_corner(), kind, save_all=True, append_images=later)
    photograph = decode_photograph(data, "eye")
    assert corner_of(photograph.pixels) == "upper left"
    assert photograph.pixels[30, 40].max() < 20


def test_decode_reads_a_single_pixel():
    assert decode_photograph(encode(Image.new("RGB", (1, 1), (9, 8, 7)), "PNG"), "e").pixels.tolist() == [[[9, 8, 7]]]


@pytest.mark.parametrize(
    ("name", "eye"),
    [
        ("patient7_OD.jpg", Laterality.OD),
        ("10_left.jpeg", Laterality.OS),
        ("Right eye (2).png", Laterality.OD),
        ("os-0001.tif", Laterality.OS),
        ("od od.jpg", Laterality.OD),
        ("od_os.jpg", None),
        ("leftovers.jpg", None),
        ("model.jpg", None),
        ("Dr. Smith OD", Laterality.OD),
        ("Dr. Smith OS.jpg", Laterality.OS),
        ("od/Dr. Smith", None),
        ("photograph.od", Laterality.OD),
        ("1.2.840.113.left", Laterality.OS),
        ("", None),
        ("\x00.jpg", None),
    ],
)
def test_laterality_is_read_from_whole_words_of_the_name(name, eye):
    assert find_laterality(name) is eye


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_magic_bytes_tell_accepted_formats(kind):
    assert looks_like_image(encode(draw_corner(), kind)[:8])


@pytest.mark.parametrize("head", [b"", b"\xff", b"GIF89a", b"BM", b"RIFF", b"text", b"%PDF-1.7"])
def test_magic_bytes_of_other_formats_are_not_taken(head):
    assert not looks_like_image(head)


def test_extensions_are_those_that_are_promised():
    assert {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".dcm", ".dicom"} == IMAGE_EXTENSIONS
