"""The sheet on which a fundus photograph is drawn: geometry, masks and the camera in front of it.

Lengths are in field radii, points are (row, column) from the centre of the field; see `dr_core.imaging.drawing`.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from dr_core.domain.photograph import AnyArray, UInt8Array
from dr_core.imaging.drawn_vessels import Vessel

__all__ = ["Canvas"]

OVERSAMPLING = 2
SUBPIXEL_BITS = 4


class Canvas:
    """Geometry of one picture: grids in field radii, and masks drawn with oversampling.

    Attributes:
        shape: height and width in pixels.
        radius_px: radius of the camera's field.
        rows: (H, W) float32 row of each pixel in field radii, 0 at the centre.
        columns: (H, W) float32 column of each pixel in field radii, 0 at the centre.
    """

    def __init__(self, width_px: int, height_px: int, *, radius_px: float) -> None:
        self.shape = (height_px, width_px)
        self.radius_px = radius_px
        rows, columns = np.mgrid[0 : self.shape[0], 0 : self.shape[1]].astype(np.float32)
        self.rows = (rows - (self.shape[0] - 1) / 2) / self.radius_px
        self.columns = (columns - (self.shape[1] - 1) / 2) / self.radius_px

    def distance(self, center_rc: tuple[float, float], radii: tuple[float, float] = (1.0, 1.0)) -> AnyArray:
        """(H, W) float32 distance from `center_rc` in units of `radii`."""
        rows, columns = (self.rows - center_rc[0]) / radii[0], (self.columns - center_rc[1]) / radii[1]
        return np.asarray(np.hypot(rows, columns))

    def noise(self, rng: np.random.Generator, grain: float) -> AnyArray:
        """(H, W) float32 smooth noise of unit deviation, its grain in field radii."""
        cells = [max(3, math.ceil(side / (grain * self.radius_px))) for side in self.shape]
        coarse = rng.standard_normal(cells, dtype=np.float32)
        return cv2.resize(coarse, self.shape[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)

    def fibres(self, rng: np.random.Generator, disc_rc: tuple[float, float]) -> AnyArray:
        """(H, W) float32 noise of unit deviation in streaks that leave the disc, as nerve fibres do."""
        streaks = rng.standard_normal((360, 9)).astype(np.float32)
        rows, columns = self.rows - disc_rc[0], self.columns - disc_rc[1]
        angle = np.arctan2(rows, columns) + 0.5 * np.sign(rows) * np.minimum(1.5, np.hypot(rows, columns))
        turns = (angle / (2 * math.pi) % 1.0 * 359).astype(np.float32)
        reach = np.minimum(8.0, 5.0 * np.hypot(rows, columns)).astype(np.float32)
        return np.asarray(cv2.remap(streaks, reach, turns, cv2.INTER_LINEAR) * np.exp(-0.18 * reach))

    def draw_vessels(self, vessels: Sequence[Vessel]) -> AnyArray:
        """(H, W) float32 coverage in [0, 1]; the middle of a wide vessel is lighter, as light is reflected there."""
        walls, reflex = self._blank(), self._blank()
        for vessel in sorted(vessels, key=lambda each: float(each.widths.max())):
            points = self._to_fixed_point(vessel.points)
            for start, end, width in zip(points[:-1], points[1:], vessel.widths, strict=False):
                width_px = float(width) * self.radius_px * OVERSAMPLING
                thickness = max(1, round(width_px))
                ink = 255.0 * min(1.0, width_px / thickness) * (0.34 + 0.66 * min(1.0, float(width) / 0.013))
                cv2.line(walls, start, end, ink, thickness, cv2.LINE_AA, SUBPIXEL_BITS)
                if vessel.kind == "artery" and width_px > 5:
                    cv2.line(reflex, start, end, 255.0, round(width_px / 3.2), cv2.LINE_AA, SUBPIXEL_BITS)
        coverage = self._shrink(walls, 0.0019) - 0.30 * self._shrink(reflex, 0.0020)
        return np.clip(coverage, 0.0, 1.0)

    def draw_blobs(self, blobs: Sequence[AnyArray], softness: float) -> AnyArray:
        """(H, W) float32 coverage in [0, 1] of filled outlines, edges softened by `softness` field radii."""
        mask = self._blank()
        for outline in blobs:
            cv2.fillPoly(mask, [np.array(self._to_fixed_point(outline))], 255.0, cv2.LINE_AA, SUBPIXEL_BITS)
        return self._shrink(mask, softness)

    def _blank(self) -> UInt8Array:
        return np.zeros((self.shape[0] * OVERSAMPLING, self.shape[1] * OVERSAMPLING), np.uint8)

    def _shrink(self, mask: UInt8Array, softness: float) -> AnyArray:
        small = cv2.resize(mask, self.shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
        return cv2.GaussianBlur(small, (0, 0), max(0.3, softness * self.radius_px)).astype(np.float32)

    def _to_fixed_point(self, points: AnyArray) -> list[tuple[int, int]]:
        """(row, column) in field radii to OpenCV's (x, y) in 1/16 pixels of the oversampled mask."""
        center = (np.array(self.shape, np.float64) - 1) / 2
        pixels = (points * self.radius_px + center) * OVERSAMPLING * 2**SUBPIXEL_BITS
        return [(round(float(column)), round(float(row))) for row, column in pixels]
