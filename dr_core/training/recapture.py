"""Let a photograph look as another camera, or another programme that stored it, would have left it.

What happens to a file before it reaches us (fewer pixels, JPEG's blocks, light and white balance) is done to the whole
photograph before its colours are normalised, because the normalisation changes how such marks look.
"""

import cv2
import numpy as np

from dr_core.domain.photograph import UInt8Array

SCALE_RANGE, SMALLEST_SIDE_PX = (0.45, 1.0), 200
EXPOSURE_RANGE, GAMMA_RANGE, WHITE_BALANCE_RANGE = (0.7, 1.3), (0.8, 1.25), (0.85, 1.15)
NOISE_CHANCE, NOISE_LEVELS = 0.5, (1.0, 5.0)
JPEG_CHANCE, JPEG_QUALITY = 0.8, (35, 92)


def recapture(pixels: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Return a random variant of a photograph: fewer pixels, other light, noise and a lossy file.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        random: source of chance; the same state gives the same variant.

    Returns:
        (h, w, 3) uint8 RGB, no larger than `pixels` and of the same proportions.
    """
    least = min(1.0, SMALLEST_SIDE_PX / min(pixels.shape[:2]))
    share = max(least, random.uniform(*SCALE_RANGE))
    size = (max(1, round(pixels.shape[1] * share)), max(1, round(pixels.shape[0] * share)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    gains = random.uniform(*EXPOSURE_RANGE) * random.uniform(*WHITE_BALANCE_RANGE, 3)
    gamma = random.uniform(*GAMMA_RANGE)
    levels = np.arange(256)[:, None] / 255
    curve = np.clip(255 * (levels * gains) ** gamma, 0, 255)
    changed = cv2.LUT(small, np.rint(curve).astype(np.uint8)[None])
    if random.random() < NOISE_CHANCE:
        noise = random.normal(0.0, random.uniform(*NOISE_LEVELS), changed.shape)
        changed = np.clip(changed + noise, 0, 255).astype(np.uint8)
    if random.random() < JPEG_CHANCE:
        quality = int(random.integers(*JPEG_QUALITY))
        _, packed = cv2.imencode(".jpg", changed[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        changed = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))[..., ::-1]
    return np.ascontiguousarray(changed, dtype=np.uint8)
