"""Whether a JPEG 2000 picture is all there, asked before decoding.

OpenJPEG paints tiles that have not come black or grey and reports success, so that half a retina would be graded; and a
header of some hundred bytes may claim any size. The tiles' own headers tell how many there are and how long each is.
Packets that are missing within a tile whose length was made to fit are not found.
"""

import math
import struct
from typing import NamedTuple

__all__ = ["is_whole_codestream"]

_BOXES = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_CODESTREAM_BOX = b"jp2c"
_START_AND_SIZE, _END, _SOT = b"\xff\x4f\xff\x51", b"\xff\xd9", 0xFF90
# Behind the marker of a tile-part and its length: the tile, all bytes, which part of the tile it is, and of how many.
_TILE_PART, _TILE_PART_BYTES = ">HIBB", 14
# 255 parts of 65,535 tiles would be gone through for seconds; a photograph in tiles of 64 pixels has some thousands.
MAX_TILE_PARTS = 100_000
# A code-block holds no more values than this. Photographs need several bytes for most of them.
PIXELS_PER_BYTE = 4096


class _Grid(NamedTuple):
    """What the header says: the picture's sides, how many tiles it is cut into, and where the next marker stands."""

    width: int
    height: int
    tiles: int
    behind: int


def is_whole_codestream(frame: bytes, width: int, height: int) -> bool:
    """Return True when every tile is there at its full length, and the picture has the size that is expected.

    Args:
        frame: JPEG 2000, bare as DICOM wants it, or in the boxes of a JP2 file.
        width: of the picture, in pixels.
        height: likewise.
    """
    try:
        start = _find_codestream(frame)
        grid = _read_grid(frame, start)
        if (grid.width, grid.height) != (width, height):
            return False
        return _holds_all_tiles(frame, grid, _skip_header(frame, grid.behind))
    except (ArithmeticError, ValueError, struct.error):
        return False  # cut within a header, tiles without a side, or other markers than belong there


def _find_codestream(frame: bytes) -> int:
    if not frame.startswith(_BOXES):
        return 0
    at = 0
    while frame[at + 4 : at + 8] != _CODESTREAM_BOX:
        (length,) = struct.unpack_from(">I", frame, at)
        if length == 1:
            (length,) = struct.unpack_from(">Q", frame, at + 8)
        if length < 8:
            raise ValueError("a box without an end that is not the picture")
        at += length
    return at + (16 if frame[at : at + 4] == b"\x00\x00\x00\x01" else 8)


def _read_grid(frame: bytes, start: int) -> _Grid:
    if not frame.startswith(_START_AND_SIZE, start):
        raise ValueError("no codestream")
    (length,) = struct.unpack_from(">H", frame, start + 4)
    right, bottom, left, top, *tile = struct.unpack_from(">8I", frame, start + 8)
    tile_width, tile_height, tile_left, tile_top = tile
    across, down = math.ceil((right - tile_left) / tile_width), math.ceil((bottom - tile_top) / tile_height)
    return _Grid(right - left, bottom - top, across * down, start + 4 + length)


def _skip_header(frame: bytes, at: int) -> int:
    """Return where the first tile-part begins."""
    code, length = struct.unpack_from(">HH", frame, at)
    while code != _SOT:
        if length < 2:
            raise ValueError("a segment shorter than its own length")
        at += 2 + length
        code, length = struct.unpack_from(">HH", frame, at)
    return at


def _holds_all_tiles(frame: bytes, grid: _Grid, at: int) -> bool:
    received: dict[int, set[int]] = {}
    promised: dict[int, int] = {}
    total = 0
    for _ in range(MAX_TILE_PARTS):
        if frame[at : at + 2] != _SOT.to_bytes(2):
            break
        tile, length, part, parts = struct.unpack_from(_TILE_PART, frame, at + 4)
        # The last one may leave its length open, and then ends where the picture does.
        length = length or frame.rindex(_END, at) - at
        if tile >= grid.tiles or length < _TILE_PART_BYTES or at + length > len(frame):
            return False
        received.setdefault(tile, set()).add(part)
        # Only one part of a tile has to say how many there are.
        promised[tile] = max(promised.get(tile, 0), parts, part + 1)
        total += length - _TILE_PART_BYTES
        at += length
    whole = all(len(received[tile]) == count for tile, count in promised.items())
    return whole and len(received) == grid.tiles and total * PIXELS_PER_BYTE >= grid.width * grid.height
