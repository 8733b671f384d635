"""A decoded fundus photograph and the circle in which the retina is seen."""

from dataclasses import dataclass
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
    """

    center_rc: tuple[float, float]
    radius_px: float
    aspect: float
    shape: tuple[int, int]
    edge_fit: float

    @cached_property
    def mask(self) -> BoolArray:
        """(H, W) bool, True within the curve; drawn when it is first asked for, as grading never does."""
        (center_y, center_x), (height, width) = self.center_rc, self.shape
        squared = self.radius_px**2 - (np.arange(height) - center_y) ** 2
        reach = np.sqrt(np.maximum(squared, 0.0)) * self.aspect
        first, last = np.ceil(center_x - reach), np.floor(center_x + reach)
        last[squared < 0] = -1
        starts, stops = (np.clip(end, -1, width).astype(np.int16)[:, None] for end in (first, last))
        columns = np.arange(width, dtype=np.int16)
        return np.asarray((columns >= starts) & (columns <= stops), dtype=np.bool_)
