"""Whether parts of an uncompressed picture were never written.

A copy that was broken off may have the full length nevertheless: many programs and file systems set it first, and what
did not arrive is zeros (on flash memory ones). Compressed pictures break on that; an uncompressed one comes back with
the lower part of the retina black, as if that were the surround. What tells the two apart is where the black begins:
in the middle of a row whose neighbour goes on as before, which no mask, frame or turned edge does.

A gap that begins in a black surround, at the end of a row, or within tiles is not found.
"""

import numpy as np

from dr_core.domain.photograph import BoolArray, Float32Array, UInt8Array
from dr_core.imaging.decode_guards import CUT_OFF

__all__ = ["find_zeroed"]

FILLS = (0x00, 0xFF)
# Of a row: what has to go on above a gap, and has to stand before it.
MIN_BROKEN_SHARE, LEAST_BROKEN_PX = 0.04, 8
# Of that, how much is something else than the gap: letters are half open.
MIN_DENSITY = 0.9
# Of a row: how little the ends of neighbouring rows differ within a picture; at the tip of a circle both ends do.
MAX_SLOPE_SHARE = 0.01
# How alike a row is to the one above at its last pixels. Along an edge that is slightly turned it fades.
MIN_LIKENESS = 0.7
# A broken copy has few; a made-up file has one at every other row.
MAX_GAPS = 100


def find_zeroed(rows: UInt8Array, pixel_bytes: int) -> str:
    """Say that a part of a picture is missing from the middle of a row on; empty where none is.

    Args:
        rows: (N, row bytes) uint8 as stored, of all planes one after another where the colours stand in planes.
        pixel_bytes: of one pixel within a row; the rest of a row is left out.
    """
    rows = rows[:, : rows.shape[1] // pixel_bytes * pixel_bytes]
    return CUT_OFF if any(_begins_within_row(rows, fill, pixel_bytes) for fill in FILLS) else ""


def _begins_within_row(rows: UInt8Array, fill: int, pixel_bytes: int) -> bool:
    empty = rows.max(axis=1) == 0 if fill == 0 else rows.min(axis=1) == fill
    # The first row of each gap that is empty in all its length; a gap at the top has nothing above it.
    for first in np.flatnonzero(empty[3:] & ~empty[2:-1])[-MAX_GAPS:] + 3:
        # How far each pixel is from the filling; the nearest row first.
        last = np.abs(rows[first - 3 : first][::-1].astype(np.float32) - fill).reshape(3, -1, pixel_bytes).sum(axis=2)
        if _is_broken_off(last):
            return True
    return False


def _is_broken_off(last: Float32Array) -> bool:
    """Whether the row nearest to a gap stops where the two above it go on.

    Args:
        last: (3, pixels) float32, the nearest row first, 0 where it is as empty as the gap.
    """
    stands = last > 0
    if not stands.any(axis=1).all():
        return False
    width = last.shape[1]
    reach, slope = max(LEAST_BROKEN_PX, round(MIN_BROKEN_SHARE * width)), MAX_SLOPE_SHARE * width
    (left, right), (left_above, right_above), (_, right_further) = map(_find_ends, stands)
    if right < reach or abs(left - left_above) > slope or abs(right_above - right_further) > slope:
        return False
    before, behind = stands[0, right - reach : right], stands[1, right : right + reach]
    if len(behind) < reach or min(before.mean(), behind.mean()) < MIN_DENSITY:
        return False
    end, end_above = last[:2, right - LEAST_BROKEN_PX : right].sum(axis=1)
    return bool(min(end, end_above) >= MIN_LIKENESS * max(end, end_above))


def _find_ends(row: BoolArray) -> tuple[int, int]:
    """Return the first pixel where something stands, and the one behind the last."""
    return int(np.argmax(row)), len(row) - int(np.argmax(row[::-1]))
