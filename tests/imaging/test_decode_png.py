"""A PNG whose compressed data do not make up all of its rows is refused; whole ones of every kind are read."""

import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from dr_core.domain.errors import UnreadablePhotograph
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.decode_png import find_png_fault
from tests.imaging.marked_picture import draw_corner, encode
from tests.imaging.test_decode_headers import make_chunk

# The first column and row of each pass of an interlaced picture, and the steps between them.
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def write_png(size: tuple[int, int], rows: bytes, *, interlaced: bool = False, cut: int = 0, pieces: int = 1) -> bytes:
    """A PNG of 8-bit RGB whose IDAT chunks hold `rows`, less the last `cut` bytes of the compressed data."""
    header = size[0].to_bytes(4, "big") + size[1].to_bytes(4, "big") + bytes([8, 2, 0, 0, interlaced])
    packed = zlib.compress(rows)
    packed = packed[: len(packed) - cut]
    step = -(-len(packed) // pieces)
    chunks = b"".join(make_chunk(b"IDAT", packed[at : at + step]) for at in range(0, len(packed), step))
    return b"\x89PNG\r\n\x1a\n" + make_chunk(b"IHDR", header) + chunks + make_chunk(b"IEND", b"")


def list_rows(pixels: np.ndarray) -> bytes:
    return b"".join(b"\0" + np.ascontiguousarray(row).tobytes() for row in pixels)


def list_passes(pixels: np.ndarray, count: int) -> bytes:
    parts = [pixels[y::dy, x::dx] for x, y, dx, dy in PASSES[:count]]
    return b"".join(list_rows(part) for part in parts if part.size)


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "LA", "I;16"])
@pytest.mark.parametrize("size", [(60, 40), (1, 1), (7, 3), (333, 5)])
def test_whole_pngs_of_every_kind_are_read(mode, size):
    data = encode(draw_corner("L" if mode == "I;16" else mode).resize(size).convert(mode), "PNG")
    assert find_png_fault(data) == ""
    assert decode_photograph(data, "eye.png").pixels.shape[1::-1] == size


@pytest.mark.parametrize("colours", [2, 4, 16, 200])
def test_palettes_of_few_bits_are_read(fundus_pixels, colours):
    data = encode(Image.fromarray(fundus_pixels[:33, :51]).quantize(colours), "PNG")
    assert find_png_fault(data) == ""
    decode_photograph(data, "eye.png")


def test_sixteen_bit_colour_of_opencv_is_read(fundus_pixels):
    done, data = cv2.imencode(".png", fundus_pixels.astype(np.uint16) * 257)
    assert done
    assert find_png_fault(data.tobytes()) == ""


@pytest.mark.parametrize("pieces", [1, 7])
def test_rows_may_stand_in_several_chunks(fundus_pixels, pieces):
    data = write_png((640, 480), list_rows(fundus_pixels), pieces=pieces)
    assert (decode_photograph(data, "eye.png").pixels == fundus_pixels).all()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.9999])
def test_a_short_picture_that_is_closed_is_refused(fundus_pixels, share):
    rows = list_rows(fundus_pixels)
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        decode_photograph(write_png((640, 480), rows[: int(share * len(rows))]), "eye.png")


def test_more_rows_than_the_header_states_are_refused(fundus_pixels):
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        decode_photograph(write_png((640, 479), list_rows(fundus_pixels)), "eye.png")


@pytest.mark.parametrize("cut", [1, 4, 30])
def test_compressed_data_that_are_not_closed_are_refused(fundus_pixels, cut):
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        decode_photograph(write_png((640, 480), list_rows(fundus_pixels), cut=cut), "eye.png")


@pytest.mark.parametrize("size", [(640, 480), (3, 2), (1, 1), (5, 9)])
def test_an_interlaced_picture_is_read_with_all_its_passes(fundus_pixels, size):
    pixels = fundus_pixels[: size[1], : size[0]]
    data = write_png(size, list_passes(pixels, 7), interlaced=True)
    assert (decode_photograph(data, "eye.png").pixels == pixels).all()


@pytest.mark.parametrize("count", range(1, 7))
def test_an_interlaced_picture_without_its_last_passes_is_refused(fundus_pixels, count):
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        decode_photograph(write_png((640, 480), list_passes(fundus_pixels, count), interlaced=True), "eye.png")


def test_data_behind_another_chunk_are_none_of_the_picture(fundus_pixels):
    data = write_png((640, 480), list_rows(fundus_pixels), pieces=2)
    second = data.rindex(b"IDAT") - 4
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        decode_photograph(data[:second] + make_chunk(b"tEXt", b"note\0abc") + data[second:], "eye.png")


def test_what_unpacks_to_far_more_than_the_picture_is_not_unpacked():
    data = write_png((60, 40), bytes(20_000_000))
    tracemalloc.start()
    try:
        assert "damaged or incomplete" in find_png_fault(data)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", bytes(29)])
def test_a_header_that_is_cut_short_is_left_to_the_decoder(data):
    assert find_png_fault(data) in ("", find_png_fault(write_png((60, 40), b"")))
