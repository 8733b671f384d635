"""How much memory a photograph takes while it is decoded, in pixels of the gate, told before anything is decoded."""

from PIL import Image

from dr_core.imaging.decode_deep import find_deep_order
from dr_core.imaging.decode_jpeg import JPEG_FORMATS
from dr_core.imaging.decode_scans import keeps_coefficients
from dr_core.imaging.decode_tiff import measure_tile

__all__ = ["weigh"]


def weigh(image: Image.Image, data: bytes, parts: int) -> int:
    """Return how many pixels an image that is not loaded yet will hold in memory.

    Args:
        image: opened.
        data: the file that it was opened from.
        parts: 1, 2, 4 or 8: by how much both sides are reduced while it is decoded, where the format allows.

    Raises:
        UnreadablePhotograph: a TIFF that claims tiles far larger than itself, or is of a kind that is not read.
    """
    pixels = image.width * image.height
    if image.format in JPEG_FORMATS:
        # Of most, libjpeg keeps no more than what is asked for.
        return pixels if keeps_coefficients(data) else pixels // parts**2
    # libtiff unpacks a whole tile beside the picture.
    pixels += measure_tile(getattr(image, "tag_v2", {}))
    return 2 * pixels if find_deep_order(image) else pixels  # these are read twice
