"""Uploaded bytes of every mode and orientation become one upright, 8-bit RGB photograph."""

import hashlib
import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from dr_core.domain.photograph import Laterality
from dr_core.imaging.decode import IMAGE_EXTENSIONS, decode_photograph, find_laterality, looks_like_image

ORIENTATION = 0x0112


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def draw_corner(mode: str = "RGB") -> Image.Image:
    """Black, 60 wide and 40 high, with a white square in the upper left corner."""
    pixels = np.zeros((40, 60, 3), dtype=np.uint8)
    pixels[:16, :16] = 255
    return Image.fromarray(pixels).convert(mode)


def corner_of(pixels: np.ndarray) -> str:
    """Which corner holds the white square."""
    height, width = pixels.shape[:2]
    corners = {
        "upper left": pixels[4, 4],
        "upper right": pixels[4, width - 5],
        "lower left": pixels[height - 5, 4],
        "lower right": pixels[height - 5, width - 5],
    }
    (found,) = [name for name, value in corners.items() if value.min() > 200]
    return found


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


def test_decode_reports_the_rotated_source_size_of_a_reduced_photograph():
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    photograph = decode_photograph(encode(draw_corner().resize((600, 400)), "JPEG", exif=exif), "e", longest_side_px=90)
    assert (photograph.source_width_px, photograph.source_height_px) == (400, 600)
    assert photograph.pixels.shape == (90, 60, 3)
    assert corner_of(photograph.pixels) == "upper right"


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


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "MPO"])
def test_decode_takes_the_first_of_several_frames(kind):
    later = [Image.new("RGB", (60, 40), (0, 0, 255)) for _ in range(2)]
    data = encode(draw_corner(), kind, save_all=True, append_images=later)
    photograph = decode_photograph(data, "eye")
    assert corner_of(photograph.pixels) == "upper left"
    assert photograph.pixels[30, 40].max() < 20


def test_decode_reads_a_single_pixel():
    assert decode_photograph(encode(Image.new("RGB", (1, 1), (9, 8, 7)), "PNG"), "e").pixels.tolist() == [[[9, 8, 7]]]


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
        ("photograph.od", None),
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
    assert {".jpg", ".jpeg", ".png", ".tif", ".tiff"} == IMAGE_EXTENSIONS
