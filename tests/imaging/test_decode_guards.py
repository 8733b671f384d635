"""Files that a decoder would take without a word: cut and closed again, of several pages, or with a forged header."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from dr_core.domain.errors import UnreadablePhotograph
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.decode_guards import find_cut_off, find_forged_header, find_pages
from tests.imaging.marked_picture import draw_corner, encode
from tests.imaging.test_decode_headers import insert_chunk, make_chunk

RATIONAL, LONG, ASCII = 5, 4, 2
X_RESOLUTION, STRIP_OFFSETS, MAKER = 282, 273, 50_000
NEW_SUBFILE_TYPE, SUB_IFDS = 254, 330


def make_tiff(*tags: tuple[int, int, int], big: bool = False) -> bytes:
    """A header with one directory of (tag, type, count), whose values lie nowhere."""
    if big:
        head = struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, len(tags))
        return head + b"".join(struct.pack("<HHQQ", *tag, 8) for tag in tags) + bytes(8)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    return head + b"".join(struct.pack("<HHII", *tag, 8) for tag in tags) + bytes(4)


def make_pages(*sizes: tuple[int, int]) -> bytes:
    pages = [Image.new("RGB", size) for size in sizes]
    return encode(pages[0], "TIFF", save_all=True, append_images=pages[1:])


@pytest.mark.parametrize("quality", [60, 95])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("side_px", [600, 4000], ids=["whole", "scaled"])
def test_a_cut_jpeg_that_was_closed_again_is_refused(fundus_jpeg, kept, quality, side_px):
    picture = Image.open(io.BytesIO(fundus_jpeg)).convert("RGB").resize((side_px, side_px * 3 // 4))
    whole = encode(picture, "JPEG", quality=quality)
    decode_photograph(whole, "eye.jpg")
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        decode_photograph(whole[: int(kept * len(whole))] + b"\xff\xd9", "eye.jpg")


@pytest.mark.parametrize("level", [0, 24, 60, 128, 255])
def test_a_surround_of_one_colour_is_no_cut(level):
    pixels = np.full((300, 400, 3), level, np.uint8)
    pixels[100:200, 100:300] = 90
    assert find_cut_off(pixels) == ""


def test_a_few_flat_rows_are_no_cut_and_many_are():
    pixels = np.random.default_rng(1).integers(30, 200, (300, 400, 3), dtype=np.uint8)
    pixels[-4:] = 128
    assert find_cut_off(pixels) == ""
    pixels[-6:] = 128
    assert "damaged or incomplete" in find_cut_off(pixels)
    pixels[-6:, -1] = 129
    assert find_cut_off(pixels) == ""


@pytest.mark.parametrize("big", [False, True])
def test_a_tag_of_millions_of_numbers_is_refused_before_it_is_read(big):
    forged = make_tiff((X_RESOLUTION, RATIONAL, 12_000_000), big=big)
    assert "far more than a camera writes" in find_forged_header(forged)
    with pytest.raises(UnreadablePhotograph, match="far more than a camera writes"):
        decode_photograph(forged, "eye.tif")
    assert find_forged_header(make_tiff((X_RESOLUTION, RATIONAL, 1), (MAKER, ASCII, 12_000_000), big=big)) == ""
    assert find_forged_header(make_tiff((STRIP_OFFSETS, LONG, 100_000), big=big)) == ""
    assert find_forged_header(make_tiff((STRIP_OFFSETS, LONG, 2_000_000), big=big))


def test_a_link_beyond_any_file_and_a_directory_without_end_are_told_at_once():
    beyond = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 2**63)
    assert find_forged_header(beyond) == ""
    with pytest.raises(UnreadablePhotograph):
        decode_photograph(beyond, "eye.tif")
    endless = struct.pack("<2sHIH", b"II", 42, 8, 65_535) + bytes(2_000_000)
    assert find_forged_header(endless)


def test_an_endless_chain_of_directories_ends():
    head = struct.pack("<2sHIH", b"II", 42, 8, 0) + struct.pack("<I", 8)
    assert find_forged_header(head) == ""
    assert find_pages(head) == ""


def test_exif_of_many_segments_is_refused_and_that_of_a_camera_is_not():
    data = encode(draw_corner(), "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", 65_000) + b"Exif\0\0" + bytes(65_000 - 8)
    assert find_forged_header(data[:2] + segment + data[2:]) == ""
    assert find_forged_header(data[:2] + 20 * segment + data[2:])
    assert find_forged_header(insert_chunk(make_chunk(b"eXIf", bytes(60_000)))) == ""
    assert find_forged_header(insert_chunk(make_chunk(b"eXIf", bytes(2_000_000))))


@pytest.mark.parametrize("filling", [b"\xff", b"\xff\x00", b"\xff\xd0", b"\xff\xd8", b"\xff\x01", b"\x00"])
def test_filling_that_a_decoder_would_go_through_for_minutes_is_refused_at_once(filling):
    data = encode(draw_corner(), "JPEG")
    padded = data[:20] + 8 * b"\xff" + data[20:]
    assert find_forged_header(padded) == ""
    assert decode_photograph(padded, "eye.jpg").pixels.shape == decode_photograph(data, "eye.jpg").pixels.shape
    with pytest.raises(UnreadablePhotograph, match="far more than a camera writes"):
        decode_photograph(data[:20] + 40_000_000 // len(filling) * filling + data[20:], "eye.jpg")


def test_filling_within_the_picture_is_damage_at_once(fundus_jpeg):
    """Left to Pillow, which copies what it holds for each piece that it reads, 90 megabytes would take minutes."""
    data = fundus_jpeg[:-3000] + 30_000_000 * b"\xff" + b"\xf2" + fundus_jpeg[-3000:]
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        decode_photograph(data, "eye.jpg")


@pytest.mark.parametrize("kind", [b"tEXt", b"IDAT"])
def test_png_of_a_million_chunks_is_refused_at_once(kind):
    data = insert_chunk(1_000_000 * make_chunk(kind, b"a\0b" if kind == b"tEXt" else b""))
    with pytest.raises(UnreadablePhotograph, match="far more than a camera writes"):
        decode_photograph(data, "eye.png")


@pytest.mark.parametrize(("sizes", "count"), [([(60, 40)] * 2, 2), ([(60, 40), (40, 30), (60, 40)], 3)])
def test_a_tiff_of_several_photographs_is_refused(sizes, count):
    with pytest.raises(UnreadablePhotograph, match=f"holds {count} pages, of which only the first"):
        decode_photograph(make_pages(*sizes), "eyes.tif")


@pytest.mark.parametrize("sizes", [[(60, 40)], [(60, 40), (20, 15)]], ids=["alone", "thumbnail"])
def test_a_tiff_of_one_photograph_is_read_whatever_its_thumbnail(sizes):
    data = make_pages(*sizes)
    assert find_pages(data) == ""
    assert decode_photograph(data, "eye.tif").pixels.shape == (40, 60, 3)


@pytest.mark.parametrize("kind", [0, 1])
def test_the_preview_of_a_raw_file_is_not_graded_in_its_place(kind):
    """Cameras put a picture for the screen first, and their raw one into a page below it."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[NEW_SUBFILE_TYPE], tags[SUB_IFDS] = kind, 8
    data = encode(Image.new("RGB", (256, 171)), "TIFF", tiffinfo=tags)
    if kind == 0:
        assert decode_photograph(data, "eye.tif").source_width_px == 256
        return
    with pytest.raises(UnreadablePhotograph, match="small preview, which alone would be graded"):
        decode_photograph(data, "eye.nef")


@pytest.mark.parametrize("data", [b"", b"II", b"II*\0", b"II*\0\x08\0\0\0", b"MM\0*\xff\xff\xff\xff", b"\xff\xd8\xff"])
def test_what_ends_too_soon_is_left_to_the_decoder(data):
    assert find_forged_header(data) == ""
    assert find_pages(data) == ""
