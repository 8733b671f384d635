"""Brings every mode that the accepted formats come in to 8-bit RGB, among them pictures of more than 8 bits a value.

A 16-bit colour file may hold values of 10 or 12 bits, as exports of medical cameras do, and nothing in it says so.
The rule: a picture that never exceeds 1023 is taken for one of 10 bits, one that never exceeds 4095 for one of 12, and
is spread over 8 bits accordingly. A true 16-bit photograph so dark that it stays below cannot be told from these and
comes out brighter than it was taken. Greyscale is spread from its own maximum.
"""

import io
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dr_core.domain.errors import UnreadablePhotograph
from dr_core.domain.photograph import UInt8Array

__all__ = ["PILLOW_FORMATS", "find_deep_order", "to_rgb8"]

PILLOW_FORMATS = ("JPEG", "PNG", "TIFF")  # JPEG opens MPO too, a JPEG with a second frame as some cameras write it
_FULL_SCALES = (255, 1023, 4095)
_PLANAR_CONFIGURATION, _SEPARATE_PLANES = 284, 2
_BITS_PER_SAMPLE, _SAMPLES_PER_PIXEL = 258, 277
# Read in the other byte order, a 16-bit value shows its lower byte where Pillow keeps the upper one.
_OTHER_ORDER = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
_DEEP_MODES = frozenset(f"{mode};16{order}" for mode in ("RGB", "RGBA") for order in _OTHER_ORDER)
_ROWS = 256


def find_deep_order(image: Image.Image) -> str:
    """Return how an image that is not loaded yet orders 16-bit colours for Pillow, such as ``RGB;16L``; else nothing.

    Raises:
        UnreadablePhotograph: the colours stand in separate planes of more than 8 bits, which Pillow reads wrongly.
    """
    tags = getattr(image, "tag_v2", {})
    separate = tags.get(_PLANAR_CONFIGURATION) == _SEPARATE_PLANES and tags.get(_SAMPLES_PER_PIXEL, 1) > 1
    if separate and max(tags.get(_BITS_PER_SAMPLE, (8,))) > 8:
        raise UnreadablePhotograph(
            "The file is a TIFF with its colours in separate planes of more than 8 bits, which is not read. Export the "
            "photograph as 8-bit JPEG or PNG."
        )
    tiles: Any = getattr(image, "tile", ())
    orders = {_raw_mode_of(tile.args) for tile in tiles}
    return orders.pop() if len(orders) == 1 and orders <= _DEEP_MODES else ""


def to_rgb8(image: Image.Image, data: bytes, deep_order: str) -> UInt8Array:
    """Convert a loaded image of any mode: 16-bit, float, CMYK, palette, alpha, greyscale, bilevel.

    Args:
        image: loaded.
        data: the file that it was opened from.
        deep_order: as `find_deep_order` returned before loading.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    grey = image.mode.startswith(("I", "F"))
    # 12-bit cameras store small numbers in 16-bit files, so the range of greyscale is taken from the content.
    top = max(float(_read_values(block).max(initial=0.0)) for _, block in _cut_rows(image)) if grey else 0.0
    # Floating-point pictures mostly run from 0 to 1.
    full = 1.0 if image.mode == "F" and top <= 1.0 else max(255.0, top)
    if deep_order:
        _spread_small_values(image, data, deep_order)
    pixels = np.empty((image.height, image.width, 3), dtype=np.uint8)
    for row, block in _cut_rows(image):
        rows = pixels[row : row + block.height]
        if grey:
            rows[...] = np.clip(_read_values(block) * (255.0 / full), 0, 255).astype(np.uint8)[..., None]
        else:
            rows[...] = np.asarray(_flatten(block))
    return pixels


def _cut_rows(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield a picture some rows at a time, and where they begin: each step on all of a large one would copy it once."""
    for row in range(0, image.height, _ROWS):
        yield row, image.crop((0, row, image.width, min(row + _ROWS, image.height)))


def _read_values(block: Image.Image) -> NDArray[np.float32]:
    return np.nan_to_num(np.asarray(block, dtype=np.float32))


def _flatten(block: Image.Image) -> Image.Image:
    """Convert to RGB, transparent parts to black: they mean outside the field, as a camera paints it."""
    if block.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in block.info:
        rgba = block.convert("RGBA")
        block = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)
    return block if block.mode == "RGB" else block.convert("RGB")


def _spread_small_values(image: Image.Image, data: bytes, deep_order: str) -> None:
    """Spread 16-bit colours that never exceed 4095 over 8 bits, in place; others, and opacity, stay as they are."""
    tops = [band[1] for band in image.getextrema()[:3] if isinstance(band, tuple)]
    if max(tops) > _FULL_SCALES[-1] >> 8:
        return
    # Closed, it gives its pixels back at once; left alone, only when the garbage is collected.
    with closing(Image.open(io.BytesIO(data), formats=PILLOW_FORMATS)) as lower:
        order = deep_order[:-1] + _OTHER_ORDER[deep_order[-1]]
        tiled: Any = lower
        tiled.tile = [tile._replace(args=_replace_raw_mode(tile.args, order)) for tile in tiled.tile]
        lower.load()
        top = max(int(values.max()) for _, values in _join_bytes(image, lower))
        full = next(scale for scale in _FULL_SCALES if top <= scale)
        # By a table: products of 12 bits and 8 would need 32 bits for every value.
        table = (np.arange(full + 1) * 255 // full).astype(np.uint8)
        for row, values in _join_bytes(image, lower):
            block = Image.fromarray(table[values])
            if image.mode == "RGBA":
                block.putalpha(image.getchannel("A").crop((0, row, image.width, row + block.height)))
            image.paste(block, (0, row))


def _join_bytes(upper: Image.Image, lower: Image.Image) -> Iterator[tuple[int, NDArray[np.uint16]]]:
    """Yield rows of (h, w, 3) 16-bit colours and where they begin."""
    for (row, high), (_, low) in zip(_cut_rows(upper), _cut_rows(lower), strict=True):
        yield row, np.asarray(high, dtype=np.uint16)[..., :3] << 8 | np.asarray(low)[..., :3]


def _raw_mode_of(args: object) -> str:
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _replace_raw_mode(args: object, order: str) -> object:
    return (order, *args[1:]) if isinstance(args, tuple) else order
