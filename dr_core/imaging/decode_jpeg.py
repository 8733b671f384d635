"""Read JPEG at a part of its size, and refuse one in which the decoder meets damage.

libjpeg, in whatever program, paints over what a damaged file lacks: grey, shifted or torn rows come back as a picture,
and nobody is told. Its warnings tell, and simplejpeg hands them on, which Pillow and OpenCV do not. They tell of data
that are cut or missing, and of nearly every zeroed sector (512 bytes: 296 of 300). Of smaller changes they mostly do
not: one Huffman code gives way to another valid one, and JPEG holds no checksum. Of 208 single bits that were turned
over in ordinary photographs, 193 raised no warning; such a picture may be wrong from there on, and is graded.
"""

import math
import re

import numpy as np
import simplejpeg

from dr_core.domain.errors import UnreadablePhotograph
from dr_core.domain.photograph import UInt8Array
from dr_core.imaging.decode_guards import CUT_OFF

__all__ = ["JPEG_FORMATS", "is_damaged_jpeg", "read_jpeg"]

JPEG_FORMATS = ("JPEG", "MPO")  # as Pillow names them

# The decoder's words when the compressed picture ends too early, or holds what no encoder writes.
_DAMAGED = re.compile(r"corrupt jpeg data|premature end|unsupported marker type", re.IGNORECASE)
# Behind the last row some cameras leave a few bytes; the picture is whole then.
_LEFT_OVER = re.compile(r"(\d+) extraneous bytes before marker 0xd9", re.IGNORECASE)
MAX_LEFT_OVER_SHARE = 0.01
# Where libjpeg-turbo can turn the colours only into themselves.
_INKS = frozenset({"CMYK", "YCCK"})
# What libjpeg-turbo makes of Pillow's modes; the four inks of CMYK come back as they are, and are turned elsewhere.
_COLOURS = {"RGB": "RGB", "L": "RGB", "CMYK": "CMYK"}


def read_jpeg(data: bytes, mode: str, size: tuple[int, int], parts: int) -> UInt8Array | None:
    """Decode a JPEG, or look for damage in one whose colours another decoder has to turn.

    Args:
        data: the file's bytes.
        mode: what Pillow calls its colours.
        size: (width, height) that its header states.
        parts: 1, 2, 4 or 8: by how much both sides are reduced, which spares most of the work.

    Returns:
        (ceil(height / parts), ceil(width / parts), 3) uint8 RGB as stored, before any rotation; None where another
        decoder has to read it.

    Raises:
        UnreadablePhotograph: the picture's data are incomplete or damaged.
    """
    colours = _COLOURS.get(mode)
    if colours is None:
        return None
    width, height = (math.ceil(side / parts) for side in size)
    try:
        pixels = _decode(data, colours, (width, height), strict=True)
    except ValueError as error:
        if not _is_left_over(error, len(data)):
            if _DAMAGED.search(str(error)):
                raise UnreadablePhotograph(CUT_OFF) from error
            return None
        try:
            pixels = _decode(data, colours, (width, height), strict=False)
        except ValueError:
            return None
    return pixels if pixels.shape == (height, width, 3) else None


def is_damaged_jpeg(data: bytes, width: int, heights: tuple[int, int]) -> bool:
    """Whether a JPEG that is a part of another file is damaged, or not of the size that its place there has.

    Args:
        data: the JPEG with its tables.
        width: of the place, in pixels.
        heights: the least and the most rows that it may have.
    """
    try:
        height, found_width, colours, _ = simplejpeg.decode_jpeg_header(data, strict=False)
        if found_width != width or not heights[0] <= height <= heights[1]:
            return True
        wanted = "CMYK" if colours in _INKS else "GRAY"
        try:
            # An eighth of the size: all of the data are gone through, and hardly a pixel is made.
            _decode(data, wanted, (1, 1), strict=True)
        except ValueError as error:
            if not _is_left_over(error, len(data)) and _DAMAGED.search(str(error)):
                return True
            _decode(data, wanted, (1, 1), strict=False)
    except ValueError:
        return True
    return False


def _is_left_over(error: ValueError, length: int) -> bool:
    found = _LEFT_OVER.search(str(error))
    return found is not None and int(found[1]) <= MAX_LEFT_OVER_SHARE * length


def _decode(data: bytes, colours: str, least: tuple[int, int], *, strict: bool) -> UInt8Array:
    # The smallest of libjpeg's scales that is not below these sides is the part that was asked for.
    decoded = simplejpeg.decode_jpeg(data, colours, min_width=least[0], min_height=least[1], strict=strict)
    return np.asarray(decoded, dtype=np.uint8)
