"""Pictures as bytes, for a browser, a report or a download; nothing is written to disk."""

import cv2
import numpy as np

from dr_core.domain.photograph import UInt8Array

__all__ = ["encode_jpeg", "encode_png", "shrink_to"]

JPEG_QUALITY = 88
LITTLE = 0.6  # reduced to this or more, a picture is read between its pixels and not averaged


def encode_jpeg(pixels: UInt8Array, *, quality: int = JPEG_QUALITY) -> bytes:
    """Return (H, W, 3) uint8 RGB `pixels` as a JPEG without metadata, `quality` 1 to 100."""
    return _encode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])


def encode_png(pixels: UInt8Array) -> bytes:
    """Return (H, W, 3) uint8 RGB `pixels` as a PNG without metadata."""
    return _encode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 6])


def shrink_to(pixels: UInt8Array, longest_side_px: int) -> UInt8Array:
    """Return `pixels` reduced so that no side exceeds `longest_side_px`; a smaller picture comes back as it is."""
    height_px, width_px = pixels.shape[:2]
    scale = longest_side_px / max(height_px, width_px)
    if scale >= 1:
        return pixels
    size = (max(1, round(width_px * scale)), max(1, round(height_px * scale)))
    # Averaging costs several times as much, which is wasted where few pixels are left out.
    interpolation = cv2.INTER_LINEAR if scale > LITTLE else cv2.INTER_AREA
    return np.asarray(cv2.resize(pixels, size, interpolation=interpolation), dtype=np.uint8)


def _encode(extension: str, pixels: UInt8Array, options: list[int]) -> bytes:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise ValueError(f"`pixels` must be (height, width, 3) uint8. Received: {pixels.shape} {pixels.dtype}")
    done, encoded = cv2.imencode(extension, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ValueError(f"OpenCV could not encode the picture as {extension}. Received: {pixels.shape}")
    return encoded.tobytes()
