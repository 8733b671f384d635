"""Whether a PNG holds all of its rows, asked before decoding.

Pillow takes the end of the compressed data for the end of the picture: rows that were never written stay black, and
passes of an interlaced picture that were never written leave it coarse.
"""

import math
from collections.abc import Iterator

from dr_core.imaging.decode_guards import CUT_OFF
from dr_core.imaging.decode_headers import walk_chunks
from dr_core.imaging.inflate import count_inflated, cut_pieces

__all__ = ["find_png_fault"]

# Values of a pixel, by the type of colour.
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Adam7: the first column and row of each pass, and how far apart its columns and rows are.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_HEADER_END = 29


def find_png_fault(data: bytes) -> str:
    """Say that the compressed data do not make up exactly the rows that the header states; empty where they do."""
    expected = _measure_rows(data)
    return CUT_OFF if expected and count_inflated(_list_pieces(data), expected) != expected else ""


def _measure_rows(data: bytes) -> int:
    """Return the bytes of all rows, each with the byte that names its filter; 0 for what is left to the decoder."""
    header = data[16:_HEADER_END]
    if len(header) < _HEADER_END - 16 or header[9] not in _CHANNELS:
        return 0
    width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:8])
    bits, interlaced = header[8] * _CHANNELS[header[9]], header[12]
    total = 0
    for column, row, column_step, row_step in _PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = math.ceil((width - column) / column_step), math.ceil((height - row) / row_step)
        if columns > 0 and rows > 0:
            total += rows * (1 + math.ceil(columns * bits / 8))
    return total


def _list_pieces(data: bytes) -> Iterator[memoryview]:
    """Yield the compressed data of the first row of IDAT chunks: decoders stop at the first chunk of another kind."""
    view, begun = memoryview(data), False
    for kind, at, end in walk_chunks(data):
        if kind == b"IDAT":
            begun = True
            yield from cut_pieces(view[at + 8 : min(end - 4, len(data))])
        elif begun:
            return
