"""A picture whose orientation can be told, and files of it in every format."""

import io

import numpy as np
from PIL import Image

ORIENTATION = 0x0112


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def draw_corner(mode: str = "RGB") -> Image.Image:
    """Black, 60 wide and 40 high, with a white square in the upper left corner."""
    pixels = np.zeros((40, 60, 3), dtype=np.uint8)
    pixels[:16, :16] = 255
    return Image.fromarray(pixels).convert(mode)


def corner_of(pixels: np.ndarray) -> str:
    """Which corner holds the white square."""
    height, width = pixels.shape[:2]
    corners = {
        "upper left": pixels[4, 4],
        "upper right": pixels[4, width - 5],
        "lower left": pixels[height - 5, 4],
        "lower right": pixels[height - 5, width - 5],
    }
    (found,) = [name for name, value in corners.items() if value.min() > 200]
    return found
