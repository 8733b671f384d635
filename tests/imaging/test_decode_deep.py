"""Pictures of more than 8 bits a value: what they decode to, and what is refused with a remedy."""

import struct
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from dr_core.domain.errors import UnreadablePhotograph
from dr_core.imaging.decode import decode_photograph
from tests.imaging.marked_picture import encode

WHITE_AND_GREY = np.zeros((300, 60, 3))
WHITE_AND_GREY[:20, :30] = (1.0, 0.5, 0.0)
WHITE_AND_GREY[20:] = (0.25, 0.75, 0.125)


def encode_tiff(values: np.ndarray, *, separate: bool = False) -> bytes:
    """Write (H, W, 3) colours uncompressed, little-endian, interleaved or in separate planes."""
    height, width, count = values.shape
    planes = [np.ascontiguousarray(values[..., band]).tobytes() for band in range(count)]
    strips = planes if separate else [np.ascontiguousarray(values).tobytes()]
    places = [8 + sum(map(len, strips[:index])) for index in range(len(strips))]
    bits, kind = values.itemsize * 8, 3 if values.dtype.kind == "f" else 1
    tags = [
        (256, "I", [width]),
        (257, "I", [height]),
        (258, "H", [bits] * count),
        (259, "H", [1]),
        (262, "H", [2]),
        (273, "I", places),
        (277, "H", [count]),
        (278, "I", [height]),
        (279, "I", [len(strip) for strip in strips]),
        (284, "H", [2 if separate else 1]),
        (339, "H", [kind] * count),
    ]
    beyond, entries = b"", b""
    start = 8 + sum(map(len, strips))
    for tag, code, numbers in tags:
        content = struct.pack(f"<{len(numbers)}{code}", *numbers)
        entries += struct.pack("<HHI", tag, 3 if code == "H" else 4, len(numbers))
        entries += content.ljust(4, b"\0") if len(content) <= 4 else struct.pack("<I", start + len(beyond))
        beyond += content if len(content) > 4 else b""
    head = struct.pack("<2sHI", b"II", 42, start + len(beyond))
    return head + b"".join(strips) + beyond + struct.pack("<H", len(tags)) + entries + bytes(4)


def encode_by_opencv(values: np.ndarray, extension: str) -> bytes:
    done, data = cv2.imencode(extension, np.ascontiguousarray(values[..., ::-1]))
    assert done
    return data.tobytes()


def scale(top: int) -> np.ndarray:
    return np.rint(WHITE_AND_GREY * top).astype(np.uint16)


@pytest.mark.parametrize("top", [1023, 4095, 65535])
@pytest.mark.parametrize("kind", ["plain", ".tif", ".png"])
def test_colours_of_ten_and_twelve_bits_come_out_as_bright_as_those_of_sixteen(top, kind):
    values = scale(top)
    data = encode_tiff(values) if kind == "plain" else encode_by_opencv(values, kind)
    pixels = decode_photograph(data, "eye").pixels
    assert np.abs(pixels - WHITE_AND_GREY * 255).max() <= 1.5


def test_a_dark_photograph_of_twelve_bits_stays_dark():
    pixels = decode_photograph(encode_tiff(scale(2000)), "eye.tif").pixels
    assert pixels.max() == 2000 * 255 // 4095


def test_sixteen_bit_colours_above_the_rule_are_left_as_they_were():
    pixels = decode_photograph(encode_tiff(scale(5000)), "eye.tif").pixels
    assert (pixels == scale(5000) >> 8).all()


def test_opacity_of_a_deep_picture_is_kept():
    values = np.dstack([scale(4095), np.full((300, 60), 65535, np.uint16)])
    values[250:, :, 3] = 0
    done, data = cv2.imencode(".png", values)
    assert done
    pixels = decode_photograph(data.tobytes(), "eye.png").pixels
    assert pixels[270:].max() == 0
    assert pixels[5, 5].max() == 255


def test_deep_colours_in_separate_planes_are_refused_rather_than_read_wrongly():
    with pytest.raises(UnreadablePhotograph, match=r"separate planes.*8-bit JPEG or PNG"):
        decode_photograph(encode_tiff(scale(65535), separate=True), "eye.tif")


def test_eight_bit_colours_in_separate_planes_are_read():
    values = np.rint(WHITE_AND_GREY * 255).astype(np.uint8)
    assert (decode_photograph(encode_tiff(values, separate=True), "eye.tif").pixels == values).all()


@pytest.mark.parametrize(("kind", "top"), [("<u2", 3000.0), ("<f4", 1.0), ("<f4", 500.0)])
def test_greyscale_is_spread_from_the_maximum_of_all_its_rows(kind, top):
    values = np.zeros((700, 20))
    values[:20], values[-1] = top / 2, top
    pixels = decode_photograph(encode(Image.fromarray(values.astype(kind)), "TIFF"), "eye.tif").pixels
    assert pixels[-1].min() == 255
    assert (pixels[:20] == 127).all()
    assert (pixels[20:-1] == 0).all()


def test_a_palette_and_its_transparency_hold_for_all_rows():
    picture = Image.new("P", (20, 700), 1)
    picture.putpalette([0, 0, 0, 200, 100, 50, 255, 255, 255])
    picture.paste(2, (0, 600, 20, 700))
    pixels = decode_photograph(encode(picture, "PNG", transparency=2), "eye.png").pixels
    assert (pixels[:600] == (200, 100, 50)).all()
    assert (pixels[600:] == 0).all()


MEASURE = r"""
import io, re, sys
from pathlib import Path
from PIL import Image
from dr_core.imaging.decode import decode_photograph
stream = io.BytesIO()
Image.new(sys.argv[1], (5000, 4000)).save(stream, "PNG")
decode_photograph(stream.getvalue(), "eye.png", longest_side_px=800, exact=False)
# Not by resource, whose peak begins at that of the process that started this one.
print(int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak so")
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "I;16"])
def test_a_photograph_of_twenty_megapixels_is_not_copied_time_and_again(mode):
    done = subprocess.run([sys.executable, "-c", MEASURE, mode], capture_output=True, text=True, check=True)
    # 60 MB are the program's own, 80 the decoder's pixels, 60 those that are kept.
    assert int(done.stdout) < 260
