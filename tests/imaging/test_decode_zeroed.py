"""Uncompressed pictures of which a copy wrote the beginning alone, and whole ones that look a little like them."""

import io

import numpy as np
import pytest
from PIL import Image

from dr_core.domain.errors import UnreadablePhotograph
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.decode_zeroed import find_zeroed
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from tests.dicom_files import make_header, save, wrap_pixels
from tests.imaging.marked_picture import encode

SIDE_PX = 400
STRIP_OFFSETS, STRIP_BYTES = 273, 279


@pytest.fixture(scope="module")
def retina() -> np.ndarray:
    """(300, 400, 3) uint8 whose surround holds the small values of a sensor, as no mask leaves them."""
    drawn = draw_fundus(FundusDrawing(SIDE_PX, 300, seed=3))
    return np.maximum(drawn, np.random.default_rng(0).integers(1, 4, drawn.shape, dtype=np.uint8))


def wrap_planes(pixels: np.ndarray) -> bytes:
    dataset = make_header(pixels.shape[1], pixels.shape[0])
    dataset.PlanarConfiguration = 1
    dataset.PixelData = pixels.transpose(2, 0, 1).tobytes()
    return save(dataset)


def break_off(data: bytes, share: float, fill: int = 0) -> bytes:
    """A copy of full length of which the beginning alone was written, in blocks as file systems write it."""
    written = int(share * len(data)) // 512 * 512
    return data[:written] + bytes([fill]) * (len(data) - written)


MAKERS = {
    "tiff": lambda pixels: encode(Image.fromarray(pixels), "TIFF"),
    "strips": lambda pixels: encode(Image.fromarray(pixels), "TIFF", strip_size=8192),
    "sixteen bits": lambda pixels: encode(Image.fromarray(pixels[..., 1].astype(np.uint16) * 257), "TIFF"),
    "dicom": wrap_pixels,
    "planes": wrap_planes,
}


@pytest.mark.parametrize("fill", [0x00, 0xFF])
@pytest.mark.parametrize("share", [0.53, 0.72])
@pytest.mark.parametrize("kind", MAKERS)
def test_a_copy_that_was_broken_off_at_full_length_is_refused(retina, kind, share, fill):
    whole = MAKERS[kind](retina)
    assert decode_photograph(whole, "eye").source_width_px == SIDE_PX
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        decode_photograph(break_off(whole, share, fill), "eye")


def test_a_gap_in_the_middle_is_refused(retina):
    data = bytearray(encode(Image.fromarray(retina), "TIFF"))
    data[160_000:200_000] = bytes(40_000)
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        decode_photograph(bytes(data), "eye.tif")


def find(pixels: np.ndarray) -> str:
    return find_zeroed(np.ascontiguousarray(pixels).reshape(len(pixels), -1), 3)


@pytest.mark.parametrize("degrees", [0, 0.3, 1, 5, -0.3, -2, 45])
@pytest.mark.parametrize("masked", [False, True])
def test_turned_and_masked_photographs_are_whole(retina, degrees, masked):
    pixels = np.where(retina.max(axis=2, keepdims=True) < 12, 0, retina).astype(np.uint8) if masked else retina
    for resample in (Image.Resampling.NEAREST, Image.Resampling.BILINEAR):
        assert find(np.asarray(Image.fromarray(pixels).rotate(degrees, resample, expand=True))) == ""


def test_an_edge_that_fades_from_one_side_is_whole(retina):
    """As the lower edge of a photograph that a camera's program turned by a fraction of a degree, and masked."""
    pixels = retina.copy()
    pixels[250:] = 0
    fading = np.clip(np.linspace(1.0, -0.6, SIDE_PX), 0, 1)[:, None]
    pixels[249] = (pixels[248] * fading).astype(np.uint8)
    assert find(pixels) == ""


def test_captions_and_frames_below_a_photograph_are_whole(retina):
    framed = np.zeros((420, SIDE_PX, 3), np.uint8)
    framed[:300] = retina
    framed[330:345, 20:90:2] = 255
    framed[345, 20:28] = 255
    assert find(framed) == ""


@pytest.mark.parametrize("shape", [(1, 3), (2, 3), (3, 30), (4, 300), (500, 3)])
def test_pictures_of_a_few_pixels_have_no_gap(shape):
    assert find_zeroed(np.zeros(shape, np.uint8), 3) == ""


def make_deflated(pixels: np.ndarray) -> bytearray:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "TIFF", compression="tiff_adobe_deflate")
    return bytearray(buffer.getvalue())


def test_deflated_strip_that_does_not_match_its_checksum_is_refused(retina):
    data = make_deflated(retina)
    assert decode_photograph(bytes(data), "eye.tif").source_width_px == SIDE_PX
    tags = Image.open(io.BytesIO(data)).tag_v2
    data[tags[STRIP_OFFSETS][0] + tags[STRIP_BYTES][0] - 1] ^= 1
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        decode_photograph(bytes(data), "eye.tif")


def test_deflated_tiff_with_a_sector_of_other_data_is_refused(retina):
    data = make_deflated(retina)
    for at in range(4096, len(data) - 4096, 12_000):
        damaged = bytes(data[:at]) + bytes(512) + bytes(data[at + 512 :])
        with pytest.raises(UnreadablePhotograph):
            decode_photograph(damaged, "eye.tif")
