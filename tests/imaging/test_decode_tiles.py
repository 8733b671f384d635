"""A TIFF tile far larger than its picture is refused before libtiff unpacks it; ordinary ones are weighed."""

import io
import math
import zlib

import numpy as np
import pytest
from PIL import Image

from dr_core.domain.errors import UnreadablePhotograph
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.decode_tiff import SMALL_TILE_SIDE, measure_tile
from dr_core.imaging.decode_weight import weigh
from tests.imaging.test_decode_tiff import (
    COMPRESSION,
    HEIGHT,
    HEIGHT_TAG,
    ROWS_PER_STRIP,
    TILE_HEIGHT,
    TILE_WIDTH,
    WIDTH,
    WIDTH_TAG,
    write_tiff,
)

DEFLATE = 8


def write_one_tile(pixels: np.ndarray, width: int, height: int) -> bytes:
    """A deflated TIFF of 640 x 480 pixels in one tile."""
    filled = np.pad(pixels, ((0, height - HEIGHT), (0, width - WIDTH), (0, 0)))
    return write_tiff(
        [zlib.compress(filled.tobytes(), 1)],
        tiled=True,
        **{f"tag_{COMPRESSION}": DEFLATE, f"tag_{TILE_WIDTH}": width, f"tag_{TILE_HEIGHT}": height},
    )


def claim_tile(picture: tuple[int, int], tile: tuple[int, int]) -> bytes:
    """A TIFF that claims a tile and holds next to nothing of it."""
    sides = zip((WIDTH_TAG, HEIGHT_TAG, TILE_WIDTH, TILE_HEIGHT), (*picture, *tile), strict=True)
    tags = {f"tag_{tag}": side for tag, side in sides}
    return write_tiff([zlib.compress(bytes(64))], tiled=True, **{f"tag_{COMPRESSION}": DEFLATE}, **tags)


@pytest.mark.parametrize(
    ("picture", "tile"),
    [
        ((600, 600), (40_960, 40_960)),
        ((600, 600), (SMALL_TILE_SIDE + 16, 16)),
        ((600, 600), (16, SMALL_TILE_SIDE + 16)),
        ((4000, 3000), (4016, 3024)),
        ((1_000_000, 1), (1_000_000, SMALL_TILE_SIDE)),
    ],
)
def test_a_tile_far_larger_than_its_picture_is_refused_before_it_is_unpacked(picture, tile):
    with pytest.raises(UnreadablePhotograph, match=r"tiles are far larger.*Export the photograph as ordinary JPEG"):
        decode_photograph(claim_tile(picture, tile), "eye.tif")


@pytest.mark.parametrize("tile", [(640, 480), (656, 496), (1024, 1024), (SMALL_TILE_SIDE, SMALL_TILE_SIDE)])
def test_tiles_that_programs_fill_up_are_read_and_weighed(fundus_pixels, tile):
    data = write_one_tile(fundus_pixels, *tile)
    assert np.array_equal(decode_photograph(data, "eye.tif").pixels, fundus_pixels)
    assert weigh(Image.open(io.BytesIO(data)), data, 1) == WIDTH * HEIGHT + math.prod(tile)


def test_rows_of_a_strip_beyond_the_picture_mean_one_strip(fundus_pixels):
    strips = [zlib.compress(fundus_pixels.tobytes(), 1)]
    data = write_tiff(strips, **{f"tag_{COMPRESSION}": DEFLATE, f"tag_{ROWS_PER_STRIP}": 2**32 - 1})
    assert np.array_equal(decode_photograph(data, "eye.tif").pixels, fundus_pixels)
    assert weigh(Image.open(io.BytesIO(data)), data, 1) == WIDTH * HEIGHT


def test_a_tile_of_which_one_side_is_not_told_has_that_of_the_page():
    page = {WIDTH_TAG: 3000, HEIGHT_TAG: 2000}
    assert measure_tile(page) == 0
    assert measure_tile({**page, TILE_WIDTH: 256}) == 256 * 2000
    assert measure_tile({**page, TILE_HEIGHT: 256}) == 3000 * 256


@pytest.mark.parametrize("side", [0, -16, math.nan, math.inf, 128.0, "128", (128, 128), None])
def test_what_is_no_side_never_reaches_the_gate(side):
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        measure_tile({WIDTH_TAG: 600, HEIGHT_TAG: 600, TILE_WIDTH: side, TILE_HEIGHT: 128})
