"""JPEG 2000 of which tiles are missing or cut short is refused by its tiles' headers; a whole one is read."""

import itertools
import struct

import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from dr_core.domain.errors import UnreadablePhotograph
from dr_core.imaging import dicom_codestream
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.dicom import open_dicom
from dr_core.imaging.dicom_codestream import is_whole_codestream
from tests.dicom_files import make_header, save
from tests.imaging.marked_picture import encode

WIDTH, HEIGHT, TILE, TILES = 640, 480, 128, 20
SOT, END, SIZE = b"\xff\x90\x00\x0a", b"\xff\xd9", b"\xff\x51"


def to_codestream(pixels: np.ndarray, **options: object) -> bytes:
    return encode(Image.fromarray(pixels), "JPEG2000", **{"no_jp2": True, "mct": 1, **options})


def wrap(codestream: bytes, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    dataset = make_header(width, height, syntax=JPEG2000Lossless)
    dataset.PhotometricInterpretation = "YBR_RCT"
    dataset.PixelData = encapsulate([codestream])
    return save(dataset)


def split(codestream: bytes) -> tuple[bytes, list[bytes]]:
    """The header, and the tile-parts in their order."""
    at = start = codestream.index(SOT)
    parts = []
    while codestream.startswith(SOT, at):
        (length,) = struct.unpack_from(">I", codestream, at + 6)
        parts.append(codestream[at : at + length])
        at += length
    return codestream[:start], parts


def claim_size(codestream: bytes, side: int, tile: int) -> bytes:
    """Write another size over that of a codestream."""
    forged, at = bytearray(codestream), codestream.index(SIZE)
    struct.pack_into(">2I", forged, at + 6, side, side)
    struct.pack_into(">2I", forged, at + 22, tile, tile)
    return bytes(forged)


def refuse(codestream: bytes, width: int = WIDTH, height: int = HEIGHT) -> None:
    with pytest.raises(UnreadablePhotograph, match=r"damaged or incomplete\. Copy it again, or export"):
        decode_photograph(wrap(codestream, width, height), "IM0001")


@pytest.fixture
def tiled(fundus_pixels) -> tuple[bytes, list[bytes]]:
    header, parts = split(to_codestream(fundus_pixels, tile_size=(TILE, TILE)))
    assert len(parts) == TILES
    return header, parts


@pytest.mark.parametrize("options", [{}, {"tile_size": (TILE, TILE)}, {"tile_size": (300, 200)}], ids=str)
@pytest.mark.parametrize("boxes", [False, True], ids=["bare", "boxes"])
@pytest.mark.parametrize("progression", ["LRCP", "RPCL"])
def test_whole_ones_are_read(fundus_pixels, options, boxes, progression):
    codestream = to_codestream(fundus_pixels, no_jp2=not boxes, progression=progression, **options)
    assert np.array_equal(decode_photograph(wrap(codestream), "IM0001").pixels, fundus_pixels)


def test_tiles_may_come_in_any_order(fundus_pixels, tiled):
    header, parts = tiled
    codestream = header + b"".join(reversed(parts)) + END
    assert np.array_equal(decode_photograph(wrap(codestream), "IM0001").pixels, fundus_pixels)


@pytest.mark.parametrize("kept", [1, 10, 15, 19])
@pytest.mark.parametrize("end", [b"", END], ids=["open", "closed"])
def test_missing_tiles_at_the_end_are_refused(tiled, kept, end):
    header, parts = tiled
    refuse(header + b"".join(parts[:kept]) + end)


@pytest.mark.parametrize("place", [0, 7, 19])
def test_a_missing_tile_in_between_is_refused_even_if_another_comes_twice(tiled, place):
    header, parts = tiled
    others = parts[:place] + parts[place + 1 :]
    refuse(header + b"".join(others) + END)
    refuse(header + b"".join([*others, others[0]]) + END)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_tile_shorter_than_its_header_says_is_refused(tiled, share):
    header, parts = tiled
    last = parts[-1][: int(share * len(parts[-1]))]
    refuse(header + b"".join(parts[:-1]) + last)
    refuse(header + b"".join(parts[:-1]) + last + END)


def test_parts_of_a_tile_that_are_promised_and_missing_are_refused(tiled):
    header, parts = tiled
    (at, promised) = (11, 3)  # the last byte of the marker's segment says how many parts the tile has
    forged = parts[4][:at] + bytes([promised]) + parts[4][at + 1 :]
    refuse(header + b"".join([*parts[:4], forged, *parts[5:]]) + END)


def test_a_last_tile_of_open_length_ends_with_the_picture(fundus_pixels, tiled):
    header, parts = tiled
    opened = parts[-1][:6] + bytes(4) + parts[-1][10:]
    codestream = header + b"".join([*parts[:-1], opened])
    assert np.array_equal(decode_photograph(wrap(codestream + END), "IM0001").pixels, fundus_pixels)
    assert not is_whole_codestream(codestream, WIDTH, HEIGHT)


@pytest.mark.parametrize("tile", [7000, 28], ids=["one tile", "62,500 tiles"])
def test_a_size_that_some_hundred_bytes_cannot_fill_is_refused_before_decoding(monkeypatch, tile):
    small = to_codestream(np.full((64, 64, 3), 90, dtype=np.uint8))
    assert len(small) < 500
    decoded: list[object] = []
    monkeypatch.setattr("dr_core.imaging.dicom.pixel_array", decoded.append)
    refuse(claim_size(small, 7000, tile), 7000, 7000)
    assert not decoded


def test_a_size_other_than_that_of_the_file_is_refused(tiled):
    header, parts = tiled
    assert not is_whole_codestream(header + b"".join(parts) + END, WIDTH, HEIGHT + 1)


def test_endless_parts_are_gone_through_up_to_a_limit(tiled, monkeypatch):
    header, parts = tiled
    monkeypatch.setattr(dicom_codestream, "MAX_TILE_PARTS", TILES - 1)
    assert not is_whole_codestream(header + b"".join(parts) + END, WIDTH, HEIGHT)


def test_damaged_headers_raise_nothing(fundus_pixels):
    random = np.random.default_rng(3)
    for boxes, _ in itertools.product([False, True], range(300)):
        damaged = bytearray(to_codestream(fundus_pixels[:32, :32], no_jp2=not boxes))
        for at in random.integers(0, 160, 3):
            damaged[at] = random.integers(256)
        is_whole_codestream(bytes(damaged[: random.integers(1, len(damaged))]), 32, 32)


@pytest.mark.parametrize(
    ("kind", "colours", "bits", "weight"),
    [
        ("RGB", 3, 8, 2),
        ("RGB", 3, 16, 3),
        ("YBR_FULL", 3, 8, 4),
        ("YBR_FULL_422", 3, 8, 4),
        ("MONOCHROME2", 1, 8, 2),
        ("MONOCHROME2", 1, 16, 2),
    ],
)
def test_pixels_that_are_not_compressed_weigh_what_bringing_them_to_colours_takes(kind, colours, bits, weight):
    dataset = make_header(8, 8)
    dataset.PhotometricInterpretation, dataset.SamplesPerPixel, dataset.BitsAllocated = kind, colours, bits
    dataset.PixelData = bytes(8 * 8 * colours * bits // 8)
    assert open_dicom(save(dataset)).weight_px == weight * 8 * 8
