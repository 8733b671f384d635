"""What is wrong with a picture that a decoder would take without a word: each answer is a sentence, or empty.

Asked before the decoder where a forged header would fill the memory: Pillow makes a Python object of every number of a
tag, and its limits on pixels see none of them.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dr_core.domain.photograph import UInt8Array
from dr_core.imaging.decode_headers import FORGED, measure_exif, measure_gaps

__all__ = ["CUT_OFF", "find_cut_off", "find_forged_header", "find_pages"]

MAX_EXIF_BYTES = 1_000_000
# Between the segments of a JPEG, where cameras write nothing.
MAX_GAPS_BYTES = 65_536
MAX_VALUES = 65_536
# Offsets and lengths of strips and tiles, and a palette's colours, are many in sound files too.
_MANY_VALUES = {273: 1_000_000, 279: 1_000_000, 324: 1_000_000, 325: 1_000_000, 320: 200_000}
# Bytes and texts stay as they are; all other types are unpacked.
_PLAIN_TYPES = frozenset({1, 2, 6, 7})
_SUBFILE, _WIDTH, _HEIGHT, _SUB_PAGES = 254, 256, 257, 330
_REDUCED, _REDUCED_OR_MASK = 0b001, 0b101
# A page this much smaller than the first, in pixels, is its thumbnail.
THUMBNAIL_SHARE = 0.25
MAX_PAGES = 64
# Cameras write some dozens of tags.
MAX_ENTRIES = 4096
# A decoder fills what a cut JPEG lacks with one colour, that of the last block; the surround is darker, paper lighter.
MIN_FLAT_SHARE, DARKEST_FLAT, BRIGHTEST_FLAT = 0.02, 24, 235
# How far a surround's colour may differ from that of the last rows.
SAME_COLOUR = 6

CUT_OFF = "The file is damaged or incomplete. Copy it again, or export the photograph from the camera again."
PREVIEW = (
    "The file begins with a small preview, which alone would be graded, as the raw files of cameras do. Export the "
    "photograph itself as JPEG or TIFF."
)
FLAT_END = f"{CUT_OFF} If it has a coloured strip at the bottom, export it without."


@dataclass(frozen=True)
class _Directory:
    """One page of a TIFF.

    Attributes:
        width: in pixels.
        height: likewise.
        extra: whether it says that it is a thumbnail or a mask of another.
        preview: whether it says that it is a thumbnail of pages below it.
        forged: whether some tag has too many values.
    """

    width: int
    height: int
    extra: bool
    preview: bool
    forged: bool


def find_forged_header(data: bytes) -> str:
    """Say that tags hold so much that reading them would fill the memory.

    Raises:
        UnreadablePhotograph: a JPEG has so many segments that going through them would take minutes.
    """
    if measure_gaps(data) > MAX_GAPS_BYTES:
        return FORGED
    forged = measure_exif(data) > MAX_EXIF_BYTES or any(page.forged for page in _walk_pages(data))
    return FORGED if forged else ""


def find_pages(data: bytes) -> str:
    """Say that a TIFF holds more photographs than the first, which alone would be graded, or another in its place."""
    pages = list(_walk_pages(data))
    if pages and pages[0].preview:
        return PREVIEW
    least = THUMBNAIL_SHARE * pages[0].width * pages[0].height if pages else 0.0
    count = 1 + sum(not page.extra and page.width * page.height > least for page in pages[1:])
    if count == 1:
        return ""
    return f"The TIFF holds {count} pages, of which only the first would be graded. Save each as a file of its own."


def find_cut_off(pixels: UInt8Array) -> str:
    """Say that the end of a JPEG is missing although it is closed as a whole one: its last rows are of one flat colour.

    Args:
        pixels: (H, W, 3) uint8 as stored, before any rotation.
    """
    last = pixels[-1, 0]
    if last.max() <= DARKEST_FLAT or last.min() > BRIGHTEST_FLAT:
        return ""
    if np.abs(pixels[0].astype(np.int16) - last).max() <= SAME_COLOUR:
        return ""  # a surround that is not black, and stands above the retina as well
    rows = max(1, round(MIN_FLAT_SHARE * len(pixels)))
    return FLAT_END if np.array_equal(pixels[-rows:], np.broadcast_to(last, pixels[-rows:].shape)) else ""


def _walk_pages(data: bytes) -> Iterator[_Directory]:
    """Yield the pages of a TIFF, classic or big, as far as they can be read; none of anything else."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    big = data[2:4] in (b"+\x00", b"\x00+")
    if order is None or not (big or data[2:4] in (b"*\x00", b"\x00*")):
        return
    head, count_code, entry_code, link_code = (8, "Q", "HHQQ", "Q") if big else (4, "H", "HHII", "I")
    seen: set[int] = set()
    try:
        (at,) = struct.unpack_from(order + link_code, data, head)
        while at and at not in seen and len(seen) < MAX_PAGES:
            seen.add(at)
            (count,) = struct.unpack_from(order + count_code, data, at)
            if count > MAX_ENTRIES:
                yield _Directory(0, 0, extra=False, preview=False, forged=True)
                return
            entries, size = at + struct.calcsize(order + count_code), struct.calcsize(order + entry_code)
            yield _read_page(data, order, entry_code, range(entries, entries + count * size, size))
            (at,) = struct.unpack_from(order + link_code, data, entries + count * size)
    except (struct.error, OverflowError):  # a link beyond what any file can hold
        return


def _read_page(data: bytes, order: str, entry_code: str, places: range) -> _Directory:
    sides, kind_of_page, parent, forged = {_WIDTH: 0, _HEIGHT: 0}, 0, False, False
    for place in places:
        tag, kind, count, value = struct.unpack_from(order + entry_code, data, place)
        forged |= kind not in _PLAIN_TYPES and count > _MANY_VALUES.get(tag, MAX_VALUES)
        if kind == 3 and count == 1:
            # A short stands at the beginning of the field for a value.
            (value,) = struct.unpack_from(order + "H", data, place + struct.calcsize(order + entry_code[:3]))
        if tag in sides:
            sides[tag] = value
        elif tag == _SUBFILE:
            kind_of_page = value
        parent |= tag == _SUB_PAGES
    extra, preview = bool(kind_of_page & _REDUCED_OR_MASK), parent and bool(kind_of_page & _REDUCED)
    return _Directory(sides[_WIDTH], sides[_HEIGHT], extra, preview, forged)
