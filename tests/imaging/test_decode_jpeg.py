"""A damaged JPEG is refused, wherever the damage lies; a whole one comes at the part of its size that was asked for."""

import io
import math
from functools import cache

import cv2
import numpy as np
import pytest
from PIL import Image

from dr_core.domain.errors import UnreadablePhotograph
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.decode_jpeg import read_jpeg
from dr_core.imaging.drawing import FundusDrawing, draw_fundus

WIDTH, HEIGHT = 801, 603


@cache
def draw() -> Image.Image:
    return Image.fromarray(draw_fundus(FundusDrawing(WIDTH, HEIGHT)))


def encode(mode: str = "RGB", **options: object) -> bytes:
    stream = io.BytesIO()
    draw().convert(mode).save(stream, "JPEG", quality=90, **options)
    return stream.getvalue()


@pytest.fixture(scope="module")
def jpeg() -> bytes:
    return encode()


def find_picture(data: bytes) -> range:
    """Return where the compressed picture lies."""
    scan = data.index(b"\xff\xda")
    return range(scan + 2 + int.from_bytes(data[scan + 2 : scan + 4], "big"), len(data) - 2)


@pytest.mark.parametrize("parts", [1, 2, 4, 8])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"optimize": True}], ids=str)
def test_pixels_are_those_of_opencv(parts: int, options: dict[str, object]) -> None:
    data = encode(**options)
    flags = {1: 1, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
    pixels = read_jpeg(data, "RGB", (WIDTH, HEIGHT), parts)
    assert pixels is not None
    assert (pixels.shape, pixels.dtype) == ((math.ceil(HEIGHT / parts), math.ceil(WIDTH / parts), 3), np.uint8)
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), flags[parts])[..., ::-1]
    assert np.abs(pixels.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("length", [512, 4096])
def test_a_sector_of_zeros_is_refused(jpeg: bytes, place: float, length: int) -> None:
    picture = find_picture(jpeg)
    start = picture[int(place * (len(picture) - length))]
    damaged = jpeg[:start] + bytes(length) + jpeg[start + length :]
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        decode_photograph(damaged, "eye.jpg")


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_damage_is_found_whatever_the_colours(mode: str) -> None:
    data = encode(mode)
    assert decode_photograph(data, "eye.jpg").pixels.shape == (HEIGHT, WIDTH, 3)
    middle = find_picture(data)[len(find_picture(data)) // 2]
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        decode_photograph(data[:middle] + bytes(512) + data[middle + 512 :], "eye.jpg")


def test_a_sector_that_is_missing_is_refused(jpeg: bytes) -> None:
    middle = find_picture(jpeg)[len(find_picture(jpeg)) // 2]
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        decode_photograph(jpeg[:middle] + jpeg[middle + 512 :], "eye.jpg")


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_picture_that_was_cut_and_closed_again_is_refused(jpeg: bytes, share: float) -> None:
    picture = find_picture(jpeg)
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        decode_photograph(jpeg[: picture[int(share * len(picture))]] + b"\xff\xd9", "eye.jpg")


def test_a_few_bytes_behind_the_last_row_are_forgiven(jpeg: bytes) -> None:
    padded = jpeg[:-2] + bytes(40) + jpeg[-2:]
    np.testing.assert_array_equal(decode_photograph(padded, "a.jpg").pixels, decode_photograph(jpeg, "a.jpg").pixels)


def test_many_bytes_behind_the_last_row_are_not(jpeg: bytes) -> None:
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        decode_photograph(jpeg[:-2] + bytes(len(jpeg) // 10) + jpeg[-2:], "eye.jpg")


def test_what_stands_behind_the_end_is_none_of_the_picture(jpeg: bytes) -> None:
    trailed = decode_photograph(jpeg + b"a camera's own notes" * 400, "a.jpg")
    np.testing.assert_array_equal(trailed.pixels, decode_photograph(jpeg, "a.jpg").pixels)


def test_another_format_is_left_to_another_decoder() -> None:
    assert read_jpeg(b"\x89PNG\r\n\x1a\n" + bytes(100), "RGB", (10, 10), 1) is None
