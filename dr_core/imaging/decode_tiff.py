"""Whether the first page of a TIFF is all there, asked before decoding.

Pillow leaves black what no strip or tile is listed for, and reads over the end of an uncompressed strip into whatever
follows. JPEG within TIFF goes through libtiff, which keeps to itself what libjpeg warns of; and of the checksum with
which deflated strips end it takes no notice.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from dr_core.domain.errors import UnreadablePhotograph
from dr_core.imaging.decode_guards import CUT_OFF
from dr_core.imaging.decode_headers import FORGED
from dr_core.imaging.decode_jpeg import is_damaged_jpeg
from dr_core.imaging.decode_scans import find_scan_fault
from dr_core.imaging.decode_zeroed import find_zeroed
from dr_core.imaging.inflate import count_inflated, cut_pieces

__all__ = ["find_tiff_fault", "measure_tile"]

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, _PLANAR = 256, 257, 258, 259, 277, 284
_STRIP_OFFSETS, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 278, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 322, 323, 324, 325
_JPEG_TABLES = 347
_PLAIN, _OLD_JPEG, _JPEG, _DEFLATE = 1, 6, 7, (8, 32_946)
_LOOKED_INTO = (_JPEG, *_DEFLATE)
_SEPARATE_PLANES = 2
# Behind the header.
_FIRST_PLACE = 8
# Quantisation and Huffman tables together have some hundreds.
MAX_TABLES_BYTES = 16_384
# Programs that cut pictures into tiles take one size for all, and fill up what a small picture leaves of it; sides are
# multiples of 16. A tile is unpacked as a whole, so one that is larger than both would fill the memory.
SMALL_TILE_SIDE, TILE_STEP = 2048, 16
_START, _END = b"\xff\xd8", b"\xff\xd9"

OLD_JPEG = (
    "The file is a TIFF with an old kind of JPEG within, in which damage cannot be told. Export the photograph as "
    "ordinary JPEG or PNG."
)


LARGE_TILE = (
    "The file is a TIFF whose tiles are far larger than its picture, as no camera writes them. Export the photograph "
    "as ordinary JPEG or PNG."
)


class _Part(NamedTuple):
    """A strip or tile: where it lies, its sides in pixels, the rows that a picture may hold for it, and its plane."""

    offset: int
    length: int
    width: int
    height: int
    most_rows: int
    plane: int


class _Incomplete(Exception):
    """The tables of strips or tiles do not cover the picture."""


def find_tiff_fault(tags: Mapping[int, Any], data: bytes) -> str:
    """Say that strips or tiles are missing, too short or damaged; empty where all is well.

    Args:
        tags: of the first page, as Pillow reads them.
        data: the file.
    """
    compression = tags.get(_COMPRESSION, _PLAIN)
    if compression == _OLD_JPEG:
        return OLD_JPEG
    try:
        return _find_part_fault(tags, data, compression)
    except (_Incomplete, ArithmeticError, LookupError, TypeError, ValueError):
        return CUT_OFF


def measure_tile(tags: Mapping[int, Any]) -> int:
    """Return how many pixels one tile of a page has; 0 where it is cut into strips, which end where the page does.

    Args:
        tags: of the page, as Pillow reads them.

    Raises:
        UnreadablePhotograph: the tile is far larger than the page, or no size at all.
    """
    if _TILE_WIDTH not in tags and _TILE_HEIGHT not in tags:
        return 0
    sides: tuple[Any, Any] = tags.get(_WIDTH), tags.get(_HEIGHT)
    tile: tuple[Any, Any] = tags.get(_TILE_WIDTH, sides[0]), tags.get(_TILE_HEIGHT, sides[1])
    # A fraction that is no number would never be let through the gate.
    if not all(isinstance(side, int) and side > 0 for side in (*sides, *tile)):
        raise UnreadablePhotograph(CUT_OFF)
    most = [max(SMALL_TILE_SIDE, math.ceil(side / TILE_STEP) * TILE_STEP) for side in sides]
    pixels: int = math.prod(tile)
    # Of a picture of a few rows, one that fits by its sides may still be a thousand times as large.
    if tile[0] > most[0] or tile[1] > most[1] or pixels > max(SMALL_TILE_SIDE**2, 2 * math.prod(sides)):
        raise UnreadablePhotograph(LARGE_TILE)
    return pixels


def _find_part_fault(tags: Mapping[int, Any], data: bytes, compression: int) -> str:
    view, total = memoryview(data), 0
    plain = compression == _PLAIN
    for part in _list_parts(tags, exact=plain):
        least = _measure_plain(part, tags) if plain else 1
        end = part.offset + (least if plain else part.length)
        if part.offset < _FIRST_PLACE or part.length < least or end > len(data):
            return CUT_OFF
        if compression in _LOOKED_INTO:
            # Strips that lie upon each other would have the same bytes searched again for each.
            total += part.length
            if total > len(data):
                return FORGED
            if fault := _look_into(view[part.offset : end], tags, part):
                return fault
    return _find_zeroed_strips(tags, data) if plain else ""


def _look_into(content: memoryview, tags: Mapping[int, Any], part: _Part) -> str:
    """Look for damage that libtiff keeps to itself, or does not look for."""
    if tags[_COMPRESSION] == _JPEG:
        return _find_jpeg_fault(content, tags.get(_JPEG_TABLES, b""), part)
    # A last strip may have been filled up to the height of the others.
    most = _measure_plain(part._replace(height=part.most_rows), tags)
    return "" if count_inflated(cut_pieces(content), most) else CUT_OFF


def _find_zeroed_strips(tags: Mapping[int, Any], data: bytes) -> str:
    """Say that a part of an uncompressed picture in strips was never written."""
    parts = list(_list_parts(tags, exact=True))
    lengths = [_measure_plain(part, tags) for part in parts]
    row_bytes = {length // part.height for length, part in zip(lengths, parts, strict=True)}
    if _TILE_WIDTH in tags or len(row_bytes) != 1 or min(row_bytes) < parts[0].width:
        return ""  # planes of different depths, or several pixels in a byte: no photograph of a retina is stored so
    view = memoryview(data)
    strips = [view[part.offset : part.offset + length] for part, length in zip(parts, lengths, strict=True)]
    rows = [np.frombuffer(strip, np.uint8).reshape(-1, min(row_bytes)) for strip in strips]
    return find_zeroed(rows[0] if len(rows) == 1 else np.concatenate(rows), min(row_bytes) // parts[0].width)


def _list_parts(tags: Mapping[int, Any], *, exact: bool) -> Iterator[_Part]:
    """Yield the strips or tiles that the picture needs, row by row and plane by plane.

    Args:
        tags: of the page.
        exact: more than these are an error too, since Pillow would paint them over the picture.

    Raises:
        _Incomplete: the tables are too short.
    """
    width, height = tags[_WIDTH], tags[_HEIGHT]
    # Of both tables in one file Pillow takes the strips, libtiff the tiles; which it may find listed as strips.
    tiled = _TILE_WIDTH in tags and not (exact and _STRIP_OFFSETS in tags)
    names = (_TILE_OFFSETS, _TILE_BYTES) if tiled and _TILE_OFFSETS in tags else (_STRIP_OFFSETS, _STRIP_BYTES)
    offsets, counts = tags[names[0]], tags[names[1]]
    if tiled:
        part_width, part_height = tags[_TILE_WIDTH], tags[_TILE_HEIGHT]
    else:
        part_width, part_height = width, min(tags.get(_ROWS_PER_STRIP, height), height)
    across, down = math.ceil(width / part_width), math.ceil(height / part_height)
    planes = tags.get(_SAMPLES, 1) if tags.get(_PLANAR) == _SEPARATE_PLANES else 1
    needed = across * down * planes
    if min(len(offsets), len(counts)) < needed or (exact and len(offsets) > needed):
        raise _Incomplete
    for index in range(needed):
        plane, place = divmod(index, across * down)
        rows = part_height if tiled else min(part_height, height - place * part_height)
        yield _Part(offsets[index], counts[index], part_width, rows, part_height, plane)


def _measure_plain(part: _Part, tags: Mapping[int, Any]) -> int:
    """Return how many bytes a strip or tile has that is not compressed; every row begins with a byte of its own."""
    bits, samples = tags.get(_BITS, (1,)), tags.get(_SAMPLES, 1)
    every: tuple[int, ...] = bits[:samples] if len(bits) > 1 else bits * samples
    of_pixel = every[part.plane] if tags.get(_PLANAR) == _SEPARATE_PLANES else sum(every)
    return math.ceil(part.width * of_pixel / 8) * part.height


def _find_jpeg_fault(content: memoryview, tables: bytes, part: _Part) -> str:
    """Join the page's tables and a strip or tile to a file of its own, and look for damage in that."""
    if len(tables) > MAX_TABLES_BYTES:
        return FORGED
    if content[:2] != _START:
        return CUT_OFF
    stream = bytes(content)
    if tables:
        stream = tables.removesuffix(_END) + stream[len(_START) :]
    if fault := find_scan_fault(stream):
        return fault
    # A last strip may have been filled up to the height of the others.
    return CUT_OFF if is_damaged_jpeg(stream, part.width, (part.height, part.most_rows)) else ""
