"""How much a zlib stream holds, as PNG and TIFF store their rows, told without unpacking it as a whole."""

import zlib
from collections.abc import Iterable, Iterator

__all__ = ["count_inflated", "cut_pieces"]

# What is handed over and taken back at a time: a few kilobytes may hold a thousand times as much.
_PIECE, _OUTPUT = 64 * 1024, 256 * 1024


def count_inflated(pieces: Iterable[memoryview], most: int) -> int:
    """Count what a zlib stream unpacks to, with never more than a piece in memory.

    Args:
        pieces: the stream.
        most: bytes at which it is given up.

    Returns:
        Bytes; 0 where the stream is damaged by its own checksum, or does not end by then.
    """
    inflater, count = zlib.decompressobj(), 0
    try:
        for piece in pieces:
            rest: bytes | memoryview = piece
            while rest and count <= most and not inflater.eof:
                count += len(inflater.decompress(rest, _OUTPUT))
                rest = inflater.unconsumed_tail
    except zlib.error:
        return 0
    return count if inflater.eof else 0


def cut_pieces(content: memoryview) -> Iterator[memoryview]:
    """Yield a stream in the portions in which `count_inflated` takes it."""
    return (content[start : start + _PIECE] for start in range(0, len(content), _PIECE))
