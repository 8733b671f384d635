"""A decoded fundus photograph and the circle in which the retina is seen."""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

UInt8Array = NDArray[np.uint8]
Float32Array = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
AnyArray = NDArray[Any]


class Laterality(StrEnum):
    """Which eye: OD is the right eye, OS the left."""

    OD = "OD"
    OS = "OS"

    @property
    def label(self) -> str:
        """``Right eye (OD)`` or ``Left eye (OS)``."""
        return "Right eye (OD)" if self is Laterality.OD else "Left eye (OS)"


@dataclass(frozen=True, eq=False)
class FundusPhotograph:
    """One decoded photograph, upright, in sRGB.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, at most the working size of `decode_photograph`; reduced from the source.
        name: the file's own name, for display and reports only; never used as a path.
        sha256: hex digest of the uploaded bytes.
        laterality: which eye, where the name tells it, or a DICOM header.
        source_width_px: width of the uploaded photograph after EXIF rotation.
        source_height_px: height of the uploaded photograph after EXIF rotation.
    """

    pixels: UInt8Array
    name: str
    sha256: str
    laterality: Laterality | None
    source_width_px: int
    source_height_px: int


@dataclass(frozen=True, eq=False)
class FieldOfView:
    """The camera's circular field, an upright ellipse where a photograph was squeezed.

    Attributes:
        center_rc: (row, column) of the centre in pixels of `FundusPhotograph.pixels`; may lie between pixels.
        radius_px: vertical radius in pixels.
        aspect: horizontal radius over vertical radius; 1.0 unless the photograph was squeezed.
        shape: (H, W) of those pixels.
        edge_fit: share of boundary points that lie on the fitted curve, 0 to 1.
        window: top, left, bottom and right, in pixels, of the photograph on the page or screen that it was copied
            from; None where the picture is all photograph.
    """

    center_rc: tuple[float, float]
    radius_px: float
    aspect: float
    shape: tuple[int, int]
    edge_fit: float
    window: tuple[float, float, float, float] | None = None

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Top, left, bottom and right of what the camera can have shown, in pixels; the last two are just beyond it."""
        return self.window or (0.0, 0.0, float(self.shape[0]), float(self.shape[1]))

    @property
    def missing_below(self) -> float:
        """Share of its height that lies below the photograph, less what lies above it; cameras cut both ends alike."""
        top, _, bottom, _ = self.bounds
        above = max(0.0, top - (self.center_rc[0] - self.radius_px))
        below = max(0.0, self.center_rc[0] + self.radius_px - bottom)
        return (below - above) / (2 * self.radius_px)

    def shift(self, down_px: int, right_px: int, shape: tuple[int, int]) -> "FieldOfView":
        """Return the field of a part of a picture in the frame of the whole, which has the size `shape`."""
        center_rc = (self.center_rc[0] + down_px, self.center_rc[1] + right_px)
        window = None
        if self.window is not None:
            top, left, bottom, right = self.window
            window = (top + down_px, left + right_px, bottom + down_px, right + right_px)
        return replace(self, center_rc=center_rc, shape=shape, window=window)

    def for_shape(self, height: int, width: int) -> "FieldOfView":
        """Return the same field for the same photograph decoded at (height, width) pixels."""
        y, x = height / self.shape[0], width / self.shape[1]
        center_rc = ((self.center_rc[0] + 0.5) * y - 0.5, (self.center_rc[1] + 0.5) * x - 0.5)
        window = None
        if self.window is not None:
            top, left, bottom, right = self.window
            window = (top * y, left * x, bottom * y, right * x)
        return FieldOfView(center_rc, self.radius_px * y, self.aspect * x / y, (height, width), self.edge_fit, window)

    @cached_property
    def mask(self) -> BoolArray:
        """(H, W) bool, True within the curve and the window; drawn when first asked for, as grading never does."""
        (center_y, center_x), (height, width) = self.center_rc, self.shape
        squared = self.radius_px**2 - (np.arange(height) - center_y) ** 2
        reach = np.sqrt(np.maximum(squared, 0.0)) * self.aspect
        first, last = np.ceil(center_x - reach), np.floor(center_x + reach)
        last[squared < 0] = -1
        starts, stops = (np.clip(end, -1, width).astype(np.int16)[:, None] for end in (first, last))
        columns = np.arange(width, dtype=np.int16)
        inside = np.asarray((columns >= starts) & (columns <= stops), dtype=np.bool_)
        if self.window is not None:
            top, left, bottom, right = (round(side) for side in self.window)
            inside[:top] = inside[bottom:] = False
            inside[:, :left] = inside[:, right:] = False
        return inside
