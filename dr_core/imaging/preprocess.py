"""Bring every photograph to one geometry and one colour, so that a camera's framing tells the network nothing.

The field of view becomes a circle of constant size (a squeeze is undone), of which the same part is always visible: the
rows within `COMMON_SHARE` of the radius above and below the centre. The camera's colour and exposure are taken out
(`colour`).
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from dr_core.domain.photograph import FieldOfView, Float32Array, FundusPhotograph, UInt8Array
from dr_core.imaging.colour import COMMON_SHARE, HALF_RANGE, NEUTRAL, normalise_colour
from dr_core.imaging.disc import Disc, cut_disc

PREPROCESSING_VERSION = "field-4"
# As high as the network's strides want it: the rows of `COMMON_SHARE` and a few empty ones.
VISIBLE_SHARE = 0.75


@dataclass(frozen=True)
class InputSize:
    """Size of the network's input; the field's diameter equals the width.

    Attributes:
        height_px: `VISIBLE_SHARE` of the width.
        width_px: diameter of the field.
    """

    height_px: int
    width_px: int


@dataclass(frozen=True)
class InputCrop:
    """The way from the network's input back to the photograph.

    Attributes:
        center_rc: centre of the field in the photograph, (row, column).
        scale_rc: input pixels per photograph pixel, (vertical, horizontal).
        photograph_shape: (H, W) of the photograph's pixels.
        input_size: size of the network's input.
    """

    center_rc: tuple[float, float]
    scale_rc: tuple[float, float]
    photograph_shape: tuple[int, int]
    input_size: InputSize

    def for_shape(self, height: int, width: int) -> "InputCrop":
        """Return the same crop for the same photograph decoded at (height, width) pixels."""
        y, x = height / self.photograph_shape[0], width / self.photograph_shape[1]
        center_rc = ((self.center_rc[0] + 0.5) * y - 0.5, (self.center_rc[1] + 0.5) * x - 0.5)
        return InputCrop(center_rc, (self.scale_rc[0] / y, self.scale_rc[1] / x), (height, width), self.input_size)

    def to_photograph(self, heat: Float32Array) -> Float32Array:
        """Stretch a map of the input over the photograph.

        Args:
            heat: (h, w) float32 that covers the whole input at any resolution.

        Returns:
            (H, W) float32 in the photograph's frame, 0 outside the network's input.
        """
        y, x = (
            (np.arange(side) - center) * scale
            for side, center, scale in zip(self.photograph_shape, self.center_rc, self.scale_rc, strict=True)
        )
        radius = self.input_size.width_px / 2
        rows = np.flatnonzero(np.abs(y) <= self.input_size.height_px / 2 - count_blank_rows(self.input_size))
        placed = np.zeros(self.photograph_shape, dtype=np.float32)
        if not rows.size:
            return placed
        grid_y = 1 / _find_cell_px(self.input_size.height_px, heat.shape[0])
        grid_x = 1 / _find_cell_px(self.input_size.width_px, heat.shape[1])
        matrix = np.array(
            [
                [self.scale_rc[1] * grid_x, 0.0, heat.shape[1] / 2 - 0.5 + x[0] * grid_x],
                [0.0, self.scale_rc[0] * grid_y, heat.shape[0] / 2 - 0.5 + y[rows[0]] * grid_y],
            ]
        )
        # Written where it stays, since every new array of a photograph's size costs more than what is reckoned in it.
        seen = placed[rows[0] : rows[-1] + 1]
        cv2.warpAffine(
            heat.astype(np.float32),
            matrix,
            seen.shape[::-1],
            dst=seen,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        reach = np.sqrt(np.maximum(0, radius**2 - y[rows] ** 2))
        for row, first, end in zip(seen, np.searchsorted(x, -reach), np.searchsorted(x, reach, "right"), strict=True):
            row[:first] = 0
            row[end:] = 0
        return placed


@dataclass(frozen=True, eq=False)
class ModelInput:
    """What the network sees of one photograph.

    Attributes:
        tensor: (height_px, width_px, 3) float32 RGB, as `cut_tensor` returns it.
        crop: the way back to the photograph.
    """

    tensor: Float32Array
    crop: InputCrop


def prepare_input(
    photograph: FundusPhotograph, field_of_view: FieldOfView, size: InputSize, *, disc: Disc | None = None
) -> ModelInput:
    """Cut the field of view out of `photograph` and normalise it.

    Args:
        photograph: the decoded photograph.
        field_of_view: its field, in the same pixels.
        size: what the model wants.
        disc: the field as `cut_disc` gives it at the model's width, where it is cut already.

    Returns:
        The network's input and the way back.
    """
    normalised = normalise_colour(*(disc or cut_disc(photograph.pixels, field_of_view, size.width_px)))
    scale_y = size.width_px / 2 / field_of_view.radius_px
    crop = InputCrop(
        field_of_view.center_rc,
        (scale_y, scale_y / field_of_view.aspect),
        (photograph.pixels.shape[0], photograph.pixels.shape[1]),
        size,
    )
    return ModelInput(cut_tensor(normalised, size), crop)


def cut_tensor(disc: UInt8Array, size: InputSize) -> Float32Array:
    """Return what the network sees of a normalised disc.

    Rounding to 8 bits moves each channel's mean by a fraction of a level, which still tells one camera from another
    (benchmarks/framing_probe.py); so the mean is taken away once more.

    Args:
        disc: (width_px, width_px, 3) uint8, as `normalise_field` returns it.
        size: the network's input size.

    Returns:
        (height_px, width_px, 3) float32 RGB around 0, within a few levels of [-1, 1]; 0 where there is no retina.
    """
    common = cut_common(disc, size)
    neutral = (NEUTRAL,) * 3
    shown = cv2.bitwise_not(cv2.inRange(common, neutral, neutral))
    middle = (np.array(cv2.mean(common, mask=shown)[:3]) - NEUTRAL) / HALF_RANGE
    table = to_tensor(np.arange(256, dtype=np.uint8))[:, None] - middle
    tensor = np.zeros(common.shape, dtype=np.float32)
    cv2.copyTo(cv2.LUT(common, table.astype(np.float32)[None]), shown, tensor)
    return tensor


def cut_common(disc: UInt8Array, size: InputSize) -> UInt8Array:
    """Return the part of a normalised disc that practically every camera shows.

    Args:
        disc: (width_px, width_px, 3) uint8, as `normalise_field` returns it.
        size: the network's input size.

    Returns:
        (height_px, width_px, 3) uint8, neutral in the rows beyond `COMMON_SHARE` of the radius.
    """
    top = (size.width_px - size.height_px) // 2
    common = disc[top : top + size.height_px].copy()
    blank = count_blank_rows(size)
    common[:blank] = common[size.height_px - blank :] = np.uint8(NEUTRAL)
    return common


def _find_cell_px(side_px: int, cells: int) -> float:
    """Return the width in input pixels of one of the `cells` of a map along a side.

    A network that halves odd sides pads both ends: 240 pixels become 8 cells of 32, and not of 30.
    """
    stride = 2 ** round(math.log2(side_px / cells))
    return float(stride) if cells == math.ceil(side_px / stride) else side_px / cells


def count_blank_rows(size: InputSize) -> int:
    """Return how many rows of the input stay empty above, and as many below."""
    # Rounded up, but for a row of which every camera shows most.
    return max(0, math.ceil((size.height_px - COMMON_SHARE * size.width_px) / 2 - 0.25))


def to_tensor(normalised: UInt8Array) -> Float32Array:
    """Turn normalised uint8, 128 for neutral, into float32 in [-1, 1]."""
    tensor = normalised.astype(np.float32)
    tensor -= NEUTRAL
    tensor /= HALF_RANGE
    return tensor


def normalise_field(pixels: UInt8Array, field_of_view: FieldOfView, diameter_px: int) -> UInt8Array:
    """Return the whole field as a disc of constant size and neutral colour.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        field_of_view: its field.
        diameter_px: wanted diameter.

    Returns:
        (diameter_px, diameter_px, 3) uint8, where 128 is the mean and what lies outside the retina.
    """
    return normalise_colour(*cut_disc(pixels, field_of_view, diameter_px))
