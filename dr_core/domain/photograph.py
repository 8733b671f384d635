"""A decoded fundus photograph and the circle in which the retina is seen."""

from dataclasses import dataclass
from enum import StrEnum
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
        laterality: which eye, where the name tells it.
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
        mask: (H, W) bool, True where retina is visible.
        edge_fit: share of boundary points that lie on the fitted curve, 0 to 1.
    """

    center_rc: tuple[float, float]
    radius_px: float
    aspect: float
    mask: BoolArray
    edge_fit: float
