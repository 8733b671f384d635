"""Put outlined lesions into healthy eyes that other cameras took, so that marking them does not hang on one camera.

Outlines exist for a few dozen photographs of a single camera. Copying what they mark into other pictures (Ghiasi et
al., 2021, "Simple Copy-Paste is a Strong Data Augmentation Method") is done here as a lesion does it: it dims or
brightens the retina, so what is copied is the ratio to the retina around, and texture and colour stay the host's.
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from dr_core.domain.photograph import Float32Array, UInt8Array
from dr_core.domain.results import LESIONS
from dr_core.imaging.colour import CONTRAST, HALF_RANGE, NEUTRAL
from dr_core.training.outlined import LesionPhotograph

__all__ = ["Transplants"]

# Of the disc's diameter: how far the retina around a lesion is looked at, and farther where all of that is lesion.
NEAR_SHARE, FAR_SHARE = 0.03, 0.12
LEAST_RETINA = 0.05
RATIO_RANGE = (0.3, 3.0)
KEPT_CHANCE = 0.75
STRENGTH_RANGE = (0.6, 1.2)
EDGE_SIGMA_PX = (0.6, 1.6)
VISIBLE_LEVELS = 5


class Transplants:
    """Lesions to copy, and healthy eyes to copy them into."""

    def __init__(self, donors: Sequence[LesionPhotograph], hosts: Sequence[UInt8Array]) -> None:
        """Read how much each lesion dims or brightens the retina.

        Args:
            donors: photographs with outlined lesions.
            hosts: discs of the same diameter, without lesions.

        Raises:
            ValueError: there is nothing to copy, nowhere to copy it, or the diameters differ.
        """
        diameters = {donor.disc.shape[0] for donor in donors} | {host.shape[0] for host in hosts[:1]}
        if not donors or len(hosts) == 0 or len(diameters) > 1:
            raise ValueError(
                "donors and hosts must be discs of one diameter, one of each at least. "
                f"Received: {len(donors)} and {len(hosts)} of {sorted(diameters)} pixels"
            )
        self._donors, self._hosts = tuple(donors), hosts
        self._ratios = [_compare_with_retina(donor).astype(np.float16) for donor in donors]

    def draw(self, donor: int, random: np.random.Generator) -> LesionPhotograph:
        """Return a healthy eye with lesions of the photograph `donor`: turned, not all kinds, fainter or stronger.

        Args:
            donor: index of the photograph.
            random: source of chance; the same state gives the same eye.
        """
        photograph = self._donors[donor]
        kept = random.random(len(LESIONS)) < KEPT_CHANCE
        lesions = photograph.lesions & (kept if kept.any() else True)
        # Quarter turns and mirror images move every pixel to a pixel, so that the smallest lesion stays what it is.
        turns, step = int(random.integers(4)), int(random.choice([-1, 1]))
        lesions = np.ascontiguousarray(np.rot90(lesions, turns)[:, ::step])
        ratio = np.rot90(self._ratios[donor], turns)[:, ::step].astype(np.float32)
        drawn = cv2.dilate(np.asarray(lesions.any(axis=2), dtype=np.float32), np.ones((3, 3), dtype=np.uint8))
        share = cv2.GaussianBlur(drawn, (0, 0), random.uniform(*EDGE_SIGMA_PX)) * random.uniform(*STRENGTH_RANGE)
        host = self._hosts[int(random.integers(len(self._hosts)))]
        share *= (host != NEUTRAL).any(axis=2)  # none beyond the host's own field
        disc = _to_levels(_to_retina(host) * (1 + share[..., None] * (ratio - 1)))
        # What the host's shadows swallow cannot be marked.
        change = cv2.absdiff(disc, np.asarray(host)).max(axis=2)
        seen = cv2.dilate((change >= VISIBLE_LEVELS).astype(np.uint8), np.ones((3, 3), dtype=np.uint8)) > 0
        return replace(photograph, disc=disc, lesions=lesions & seen[..., None])


def _to_retina(disc: UInt8Array) -> Float32Array:
    """Return how bright (S, S, 3) normalised levels are against the field's mean: 1 is the mean."""
    retina = (disc.astype(np.float32) - NEUTRAL) / (HALF_RANGE * CONTRAST) + 1
    return np.asarray(np.maximum(0.0, retina), dtype=np.float32)


def _to_levels(retina: Float32Array) -> UInt8Array:
    levels = np.rint(NEUTRAL + HALF_RANGE * CONTRAST * (retina - 1))
    return np.asarray(np.clip(levels, 1, 255), dtype=np.uint8)


def _compare_with_retina(photograph: LesionPhotograph) -> Float32Array:
    """Return (S, S, 3) float32: each level's ratio to the retina around it that no lesion covers."""
    retina = _to_retina(photograph.disc)
    lesions = cv2.dilate(np.asarray(photograph.lesions.any(axis=2), dtype=np.uint8), np.ones((5, 5), dtype=np.uint8))
    free = (1 - lesions).astype(np.float32)
    near, far = (_look_around(retina, free, share * len(retina)) for share in (NEAR_SHARE, FAR_SHARE))
    enough = cv2.GaussianBlur(free, (0, 0), NEAR_SHARE * len(retina)) > LEAST_RETINA
    around = np.where(enough[..., None], near, far)
    return np.asarray(np.clip(retina / np.maximum(around, 0.05), *RATIO_RANGE), dtype=np.float32)


def _look_around(retina: Float32Array, free: Float32Array, sigma_px: float) -> Float32Array:
    """Return the mean around each pixel over those that are `free` of lesions."""
    total = cv2.GaussianBlur(retina * free[..., None], (0, 0), sigma_px)
    return np.asarray(total / np.maximum(cv2.GaussianBlur(free, (0, 0), sigma_px), 1e-3)[..., None], dtype=np.float32)
