"""Whatever bytes are uploaded, decoding ends in a photograph or in a PhotographError that says what to do."""

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dr_core.domain.errors import PhotographError, PhotographTooLarge, UnreadablePhotograph
from dr_core.imaging.decode import MAX_BYTES, MAX_PIXELS, decode_photograph
from tests.imaging.marked_picture import encode

FUZZ = settings(max_examples=60, deadline=None)

# Pillow warns of damaged metadata and goes on; what counts here is how decoding ends.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def draw_small() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))


def make_png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds not one pixel of it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    idat = chunk(b"IDAT", zlib.compress(b"\x00" * 64))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size + bytes([8, 2, 0, 0, 0])) + idat + chunk(b"IEND", b"")


def test_decode_refuses_an_empty_file_and_says_so():
    with pytest.raises(UnreadablePhotograph, match="empty"):
        decode_photograph(b"", "eye.jpg")


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_decode_refuses_a_truncated_file(fundus_pixels, kind, share):
    data = encode(Image.fromarray(fundus_pixels), kind)
    with pytest.raises(UnreadablePhotograph, match=r"damaged|not a JPEG"):
        decode_photograph(data[: int(len(data) * share)], "eye.jpg")


@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
def test_decode_at_reduced_scale_refuses_a_truncated_file_too(fundus_pixels, share):
    data = encode(Image.fromarray(fundus_pixels), "JPEG")
    with pytest.raises(UnreadablePhotograph, match="damaged"):
        decode_photograph(data[: int(len(data) * share)], "eye.jpg", longest_side_px=160, exact=False)


def test_end_of_a_thumbnail_is_not_taken_for_the_end_of_the_photograph(fundus_pixels):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x927C] = encode(draw_small(), "JPEG")
    data = encode(Image.fromarray(fundus_pixels), "JPEG", exif=exif)
    cut = data[: data.index(b"\xff\xd9") + 2]
    assert len(cut) < len(data)
    with pytest.raises(UnreadablePhotograph, match=r"damaged|not a JPEG"):
        decode_photograph(cut, "eye.jpg", longest_side_px=160, exact=False)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "WEBP", "PPM", "ICO", "JPEG2000", "PDF"])
def test_decode_refuses_other_formats_whatever_the_name_says(kind):
    with pytest.raises(UnreadablePhotograph, match="not a JPEG, PNG, TIFF or DICOM"):
        decode_photograph(encode(draw_small(), kind), "eye.jpg")


@pytest.mark.parametrize("data", [b"plain text", b"<svg/>", b"PK\x03\x04", b"\x00" * 64, b"%!PS-Adobe-3.0 EPSF-3.0"])
def test_decode_refuses_what_is_no_picture(data):
    with pytest.raises(UnreadablePhotograph, match="not a JPEG, PNG, TIFF or DICOM"):
        decode_photograph(data, "eye.png")


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (10_000, 5_001), (2_000_000_000, 1)])
def test_decode_refuses_too_many_pixels_by_the_header_alone(width, height):
    data = make_png_header(width, height)
    assert len(data) < 200
    with pytest.raises(PhotographTooLarge, match="at most 50 megapixels"):
        decode_photograph(data, "eye.png")


def test_decode_accepts_the_largest_size_that_is_promised():
    assert MAX_PIXELS == 50_000_000
    data = encode(Image.new("1", (10_000, 5_000), 1), "PNG")
    assert decode_photograph(data, "e.png", longest_side_px=100).source_width_px == 10_000


def test_decode_refuses_too_many_bytes_before_it_looks_at_them():
    with pytest.raises(PhotographTooLarge, match=r"at most \d+ MB are accepted"):
        decode_photograph(bytes(MAX_BYTES + 1), "eye.jpg")


def test_what_pillow_thinks_of_a_damaged_file_is_written_nowhere(tmp_path):
    """In a process of its own, since pytest takes filters away."""
    entries = b"".join(struct.pack("<HHII", tag, 4, 1000, 8) for tag in range(1001, 1101))
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 100) + entries + bytes(4)
    path = tmp_path / "eye.jpg"
    path.write_bytes(encode(draw_small(), "JPEG", exif=exif))
    code = (
        "import sys, pathlib\n"
        "from dr_core.imaging.decode import decode_photograph\n"
        "print(decode_photograph(pathlib.Path(sys.argv[1]).read_bytes(), 'eye').pixels.shape)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=120, check=True)
    assert (done.stdout, done.stderr) == ("(40, 60, 3)\n", "")


def decode_or_refuse(data: bytes) -> None:
    """Decode; anything but pixels or a PhotographError with a remedy fails the test."""
    try:
        photograph = decode_photograph(data, "fuzzed", longest_side_px=64)
    except PhotographError as error:
        remedy = str(error)
        assert remedy.endswith(".")
    else:
        assert photograph.pixels.dtype == np.uint8
        assert photograph.pixels.shape[2] == 3
        assert min(photograph.source_width_px, photograph.source_height_px) >= 1


@FUZZ
@given(
    head=st.sampled_from([b"", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"II*\x00", b"MM\x00*"]),
    rest=st.binary(max_size=400),
)
def test_random_bytes_never_raise_anything_but_a_photograph_error(head, rest):
    decode_or_refuse(head + rest)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@FUZZ
@given(random=st.randoms(use_true_random=False), cut=st.booleans())
def test_mutations_of_a_valid_file_never_raise_anything_but_a_photograph_error(kind, random, cut):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Camera"
    data = bytearray(encode(draw_small(), kind, exif=exif))
    for _ in range(random.randint(1, 12)):
        # Headers are short and break in more ways than pixels do.
        last = len(data) if random.random() < 0.4 else min(len(data), 160)
        data[random.randrange(last)] = random.randrange(256)
    decode_or_refuse(bytes(data[: random.randrange(len(data))] if cut else data))
