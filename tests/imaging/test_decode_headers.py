"""What the headers of a picture tell: kinds that are not read, and damage beside the pixels."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from dr_core.domain.errors import UnreadablePhotograph
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.decode_headers import describe_unread, strip_ancillary
from tests.imaging.marked_picture import ORIENTATION, corner_of, draw_corner, encode
from tests.imaging.test_decode_deep import WHITE_AND_GREY, encode_tiff

# Pillow warns of damaged metadata and goes on; what counts here is how decoding ends.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def make_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def insert_chunk(chunk: bytes, **options: object) -> bytes:
    data = encode(draw_corner(), "PNG", **options)
    return data[:33] + chunk + data[33:]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (WHITE_AND_GREY.astype(np.float32), "TIFF of 32 bits a value, floating point"),
        (WHITE_AND_GREY, "TIFF of 64 bits a value, floating point"),
        ((WHITE_AND_GREY * 4095).astype(np.uint64), "TIFF of 64 bits a value,"),
    ],
)
def test_a_tiff_that_is_not_read_is_named_with_its_remedy(values, words):
    with pytest.raises(UnreadablePhotograph, match=rf"{words}.*Export the photograph as 8-bit JPEG or PNG\."):
        decode_photograph(encode_tiff(values), "eye.tif")


def test_a_jpeg_of_twelve_bits_is_named_with_its_remedy():
    data = bytearray(encode(draw_corner(), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(UnreadablePhotograph, match=r"JPEG of 12 bits a value.*8-bit JPEG or PNG\."):
        decode_photograph(bytes(data), "eye.jpg")


@pytest.mark.parametrize("data", [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", b"\xff\xd8\xff", b"\xff\xd8\xff\xc1", b"PK"])
def test_headers_that_are_cut_short_are_not_described(data):
    assert describe_unread(data) == ""


@pytest.mark.parametrize(
    "chunk",
    [
        make_chunk(b"tEXt", b"note\0abc")[:-1] + b"?",
        make_chunk(b"iCCP", b"profile\0\0" + zlib.compress(b"profile"))[:-1] + b"?",
        make_chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(20_000_000))),
        make_chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(1_000_000))) * 70,
        make_chunk(b"pHYs", b"\0"),
        make_chunk(b"eXIf", b"none of it"),
    ],
    ids=["checksum of a text", "checksum of a profile", "huge profile", "many texts", "short", "no exif"],
)
def test_a_png_of_which_a_text_or_profile_alone_is_bad_is_read(chunk):
    assert corner_of(decode_photograph(insert_chunk(chunk), "eye.png").pixels) == "upper left"


def test_a_png_keeps_its_orientation_when_a_damaged_text_is_left_out():
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    data = insert_chunk(make_chunk(b"tEXt", b"note\0abc")[:-1] + b"?", exif=exif)
    photograph = decode_photograph(data, "eye.png")
    assert (photograph.source_width_px, photograph.source_height_px) == (40, 60)
    assert corner_of(photograph.pixels) == "upper right"


def test_damaged_pixels_of_a_png_are_refused_all_the_same():
    data = bytearray(insert_chunk(make_chunk(b"tEXt", b"note\0abc")))
    data[data.index(b"IDAT") + 12] ^= 0xFF
    with pytest.raises(UnreadablePhotograph, match="damaged"):
        decode_photograph(bytes(data), "eye.png")


def test_only_a_whole_png_with_spare_chunks_is_stripped():
    data = encode(draw_corner(), "PNG")
    assert strip_ancillary(data) == b""
    assert strip_ancillary(b"II*\0") == b""
    spare = insert_chunk(make_chunk(b"tEXt", b"note\0abc"))
    assert strip_ancillary(spare) == data
    assert strip_ancillary(spare[:50]) == b""
