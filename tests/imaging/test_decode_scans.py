"""A JPEG of which scans are missing, or that has hundreds of them, is refused by its markers; a whole one is read."""

import itertools
import re
import struct
import time

import cv2
import numpy as np
import pytest
from PIL import Image

from dr_core.domain.errors import UnreadablePhotograph
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.decode_scans import MAX_SCANS, find_scan_fault, keeps_coefficients
from tests.imaging.marked_picture import corner_of, draw_corner, encode

SCAN, END = b"\xff\xda", b"\xff\xd9"


def encode_progressive(pixels: np.ndarray, mode: str = "RGB", **options: object) -> bytes:
    return encode(Image.fromarray(pixels).convert(mode), "JPEG", progressive=True, **options)


def find_scans(data: bytes) -> list[int]:
    return [found.start() for found in re.finditer(SCAN, data)]


def repeat_last_scan(data: bytes, times: int) -> bytes:
    start = data.rindex(SCAN)
    return data[:-2] + data[start:-2] * times + data[-2:]


def write_in_scans_of_one_colour(complete: int) -> bytes:
    """A sequential JPEG whose three colours stand in scans of their own, of which so many are there."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)
    grey = encode(Image.fromarray(noise), "JPEG", quality=95)
    frame, scan = grey.index(b"\xff\xc0"), grey.index(SCAN)
    colours = b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    header = grey[frame : frame + 2] + struct.pack(">H", 17) + grey[frame + 4 : frame + 9] + b"\x03" + colours
    tables = grey[frame + 2 + int.from_bytes(grey[frame + 2 : frame + 4]) : scan]
    scans = b"".join(grey[scan : scan + 5] + bytes([number]) + grey[scan + 6 : -2] for number in (1, 2, 3)[:complete])
    return grey[:frame] + header + tables + scans + END


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"quality": 30, "optimize": True}, {"quality": 98, "subsampling": 0}], ids=str)
def test_a_whole_progressive_jpeg_is_read(fundus_pixels, mode, options):
    data = encode_progressive(fundus_pixels, mode, **options)
    assert find_scan_fault(data) == ""
    assert decode_photograph(data, "eye.jpg").pixels.shape == fundus_pixels.shape


@pytest.mark.parametrize("restart", [0, 3])
@pytest.mark.parametrize("grey", [False, True])
def test_progressive_jpegs_of_opencv_are_read(fundus_pixels, restart, grey):
    flags = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, restart]
    done, data = cv2.imencode(".jpg", fundus_pixels[..., 1] if grey else fundus_pixels, flags)
    assert done
    assert find_scan_fault(data.tobytes()) == ""
    decode_photograph(data.tobytes(), "eye.jpg")


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_progressive_jpeg_that_was_closed_behind_any_scan_but_the_last_is_refused(fundus_pixels, mode):
    data = encode_progressive(fundus_pixels, mode)
    scans = find_scans(data)
    assert len(scans) > 5
    for start in scans[1:]:
        with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
            decode_photograph(data[:start] + END, "eye.jpg")


def test_a_progressive_jpeg_that_lacks_one_scan_in_between_is_refused(fundus_pixels):
    data = encode_progressive(fundus_pixels)
    places = [*find_scans(data), len(data) - 2]
    for start, after in itertools.pairwise(places):
        with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
            decode_photograph(data[:start] + data[after:], "eye.jpg")


def test_a_sequential_jpeg_needs_the_scans_of_all_its_colours():
    whole = write_in_scans_of_one_colour(3)
    assert find_scan_fault(whole) == ""
    assert decode_photograph(whole, "eye.jpg").pixels.shape == (40, 60, 3)
    for complete in (1, 2):
        with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
            decode_photograph(write_in_scans_of_one_colour(complete), "eye.jpg")


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_libjpeg_keeps_all_of_a_jpeg_unless_its_first_scan_holds_all_colours(fundus_pixels, mode):
    assert keeps_coefficients(encode_progressive(fundus_pixels, mode))
    assert not keeps_coefficients(encode(Image.fromarray(fundus_pixels).convert(mode), "JPEG"))
    assert keeps_coefficients(write_in_scans_of_one_colour(3))
    assert not keeps_coefficients(b"\xff\xd8\xff")


def test_a_jpeg_of_hundreds_of_scans_is_refused_by_its_markers_alone():
    data = encode(draw_corner(), "JPEG", progressive=True)
    ordinary = len(find_scans(data))
    assert 5 < ordinary < 20
    assert find_scan_fault(repeat_last_scan(data, MAX_SCANS - ordinary)) == ""
    with pytest.raises(UnreadablePhotograph, match=r"more than 100 scans.*Export it as an ordinary JPEG\."):
        decode_photograph(repeat_last_scan(data, MAX_SCANS - ordinary + 1), "eye.jpg")


def test_a_sequential_jpeg_whose_colours_stand_apart_is_counted_as_well():
    data = encode(draw_corner(), "JPEG")
    start = data.index(SCAN)
    apart = data[: start + 4] + b"\x01" + data[start + 5 :]
    assert "more than 100 scans" in find_scan_fault(repeat_last_scan(apart, MAX_SCANS))


@pytest.mark.parametrize("progressive", [False, True])
def test_scan_markers_in_a_makers_note_and_after_the_picture_do_not_count(progressive):
    comment = b"\xff\xfe" + struct.pack(">H", 2 + 2 * 300) + SCAN * 300
    data = encode(draw_corner(), "JPEG", progressive=progressive)
    noted = data[:2] + comment + data[2:] + SCAN * 300
    assert find_scan_fault(noted) == ""
    assert corner_of(decode_photograph(noted, "eye.jpg").pixels) == "upper left"


@pytest.mark.parametrize("filling", [b"\xff", b"\xff\x02\x00\x02", b"\xff\xff\x00"], ids=["fill", "segments", "mixed"])
def test_made_up_markers_are_gone_through_in_no_time(filling):
    data = encode(draw_corner(), "JPEG", progressive=True)
    filled = data[: data.index(SCAN)] + filling * 300_000 + b"\x00"
    start = time.process_time()
    with pytest.raises(UnreadablePhotograph):
        decode_photograph(filled, "eye.jpg")
    assert time.process_time() - start < 5.0


def test_headers_that_are_cut_short_or_claim_too_many_colours_do_no_harm():
    data = encode(draw_corner(), "JPEG", progressive=True)
    for length in range(2, len(data)):
        assert find_scan_fault(data[:length]) in ("", find_scan_fault(data[: data.rindex(SCAN)]))
    frame = data.index(b"\xff\xc2")
    assert find_scan_fault(data[: frame + 9] + b"\xff" + data[frame + 10 :])
