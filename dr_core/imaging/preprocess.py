"""Bring every photograph to one geometry and one colour, so that a camera's framing tells the network nothing.

The field of view becomes a circle of constant size (a squeeze is undone), of which the same part is always visible: the
rows within `VISIBLE_SHARE` of the radius above and below the centre. Colour is normalised by the local mean, as Graham
proposed for the Kaggle diabetic retinopathy competition (2015), here as a ratio, which also evens out illumination.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from dr_core.domain.photograph import BoolArray, FieldOfView, Float32Array, FundusPhotograph, UInt8Array
from dr_core.imaging.shrink import shrink

PREPROCESSING_VERSION = "field-1"
# Most cameras crop the field above and below; what all of them show is the middle three quarters.
VISIBLE_SHARE = 0.75
# The rim is blurred and reflects the flash.
RIM_SHARE = 0.97
LOCAL_MEAN_SIGMA = 0.2  # of the radius: wider than a disc, narrower than the field
RATIO_OFFSET = 0.12  # keeps the dark blue channel's noise from being amplified
CONTRAST_FLOOR = 0.02
CONTRAST_SPAN = 4.0  # standard deviations of green that fill the network's range
NEUTRAL, HALF_RANGE = 128.0, 127.0


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
        grid_y, grid_x = heat.shape[0] / self.input_size.height_px, heat.shape[1] / self.input_size.width_px
        scale_y, scale_x = self.scale_rc[0] * grid_y, self.scale_rc[1] * grid_x
        middle_y, middle_x = heat.shape[0] / 2 - 0.5, heat.shape[1] / 2 - 0.5
        matrix = np.array(
            [
                [scale_x, 0.0, middle_x - scale_x * self.center_rc[1]],
                [0.0, scale_y, middle_y - scale_y * self.center_rc[0]],
            ]
        )
        height, width = self.photograph_shape
        placed = cv2.warpAffine(
            heat.astype(np.float32),
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        rows = (np.arange(height) - self.center_rc[0]) * self.scale_rc[0]
        columns = (np.arange(width) - self.center_rc[1]) * self.scale_rc[1]
        radius = self.input_size.width_px / 2
        inside = (np.abs(rows)[:, None] <= self.input_size.height_px / 2) & (
            rows[:, None] ** 2 + columns[None, :] ** 2 <= radius**2
        )
        return np.asarray(np.where(inside, placed, 0.0), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class ModelInput:
    """What the network sees of one photograph.

    Attributes:
        tensor: (height_px, width_px, 3) float32 RGB in [-1, 1]; 0 where there is no retina.
        crop: the way back to the photograph.
    """

    tensor: Float32Array
    crop: InputCrop


def prepare_input(photograph: FundusPhotograph, field_of_view: FieldOfView, size: InputSize) -> ModelInput:
    """Cut the field of view out of `photograph` and normalise it.

    Args:
        photograph: the decoded photograph.
        field_of_view: its field, in the same pixels.
        size: what the model wants.

    Returns:
        The network's input and the way back.
    """
    disc = normalise_field(photograph.pixels, field_of_view, size.width_px)
    top = (size.width_px - size.height_px) // 2
    visible = disc[top : top + size.height_px]
    scale_y = size.width_px / 2 / field_of_view.radius_px
    crop = InputCrop(
        field_of_view.center_rc,
        (scale_y, scale_y / field_of_view.aspect),
        (photograph.pixels.shape[0], photograph.pixels.shape[1]),
        size,
    )
    return ModelInput(to_tensor(visible), crop)


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
        (diameter_px, diameter_px, 3) uint8, where 128 is the local mean and what lies outside the retina.
    """
    disc, visible = cut_disc(pixels, field_of_view, diameter_px)
    return _normalise_colour(disc, visible)


def cut_disc(pixels: UInt8Array, field_of_view: FieldOfView, diameter_px: int) -> tuple[UInt8Array, BoolArray]:
    """Scale the field to a disc of constant size, squeeze undone, colours untouched.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        field_of_view: its field.
        diameter_px: wanted diameter.

    Returns:
        (diameter_px, diameter_px, 3) uint8, and (diameter_px, diameter_px) bool, True where it shows retina.
    """
    scale_y = diameter_px / 2 / field_of_view.radius_px
    scale_x = scale_y / field_of_view.aspect
    center_y, center_x = field_of_view.center_rc
    source = pixels
    if min(scale_y, scale_x) < 1.0:
        # Area averaging before the sub-pixel shift: a warp alone would alias single vessels and microaneurysms.
        size = (max(1, round(pixels.shape[1] * min(1.0, scale_x))), max(1, round(pixels.shape[0] * min(1.0, scale_y))))
        source = shrink(pixels, size)
    done_y, done_x = source.shape[0] / pixels.shape[0], source.shape[1] / pixels.shape[1]
    left_y, left_x = scale_y / done_y, scale_x / done_x
    moved_y, moved_x = (center_y + 0.5) * done_y - 0.5, (center_x + 0.5) * done_x - 0.5
    middle = diameter_px / 2 - 0.5
    matrix = np.array([[left_x, 0.0, middle - left_x * moved_x], [0.0, left_y, middle - left_y * moved_y]])
    target = (diameter_px, diameter_px)
    interpolation = cv2.INTER_CUBIC if max(left_x, left_y) > 1.1 else cv2.INTER_LINEAR
    disc = np.asarray(cv2.warpAffine(source, matrix, target, flags=interpolation), dtype=np.uint8)
    inside = _draw_rim(diameter_px).copy()
    # Rows and columns of the disc that fall outside the photograph show nothing.
    at_y = (np.arange(diameter_px) - matrix[1, 2]) / left_y
    at_x = (np.arange(diameter_px) - matrix[0, 2]) / left_x
    inside[(at_y < 1) | (at_y > source.shape[0] - 2)] = False
    inside[:, (at_x < 1) | (at_x > source.shape[1] - 2)] = False
    return disc, inside


@lru_cache(maxsize=8)
def _draw_rim(diameter_px: int) -> BoolArray:
    """Return (diameter_px, diameter_px) bool, True within `RIM_SHARE` of the radius; shared, so not to be written."""
    rows = (np.arange(diameter_px) - (diameter_px / 2 - 0.5)) / (diameter_px / 2)
    inside = np.asarray(rows[:, None] ** 2 + rows[None, :] ** 2 <= RIM_SHARE**2, dtype=np.bool_)
    inside.flags.writeable = False
    return inside


def _normalise_colour(disc: UInt8Array, visible: BoolArray) -> UInt8Array:
    """Express each pixel by its ratio to the local mean, in units of the field's own green contrast."""
    if not visible.any():
        return np.full_like(disc, NEUTRAL)
    mask = visible.view(np.uint8)
    offset = np.float32(255.0 * RATIO_OFFSET)
    base = _local_mean(np.asarray(cv2.copyTo(disc, mask), dtype=np.uint8), mask, float(offset))
    # (value - mean) / (mean + offset) is this quotient less 1, and what follows allows for that.
    quotient = disc + offset
    cv2.divide(quotient, base, dst=quotient)
    contrast = max(CONTRAST_FLOOR, float(cv2.meanStdDev(cv2.extractChannel(quotient, 1), mask=mask)[1][0, 0]))
    gain = HALF_RANGE / (CONTRAST_SPAN * contrast)
    scaled = cv2.addWeighted(quotient, gain, quotient, 0.0, NEUTRAL - gain, dtype=cv2.CV_8U)
    normalised = np.full_like(disc, NEUTRAL)
    cv2.copyTo(cv2.max(scaled, np.ones_like(disc)), mask, normalised)
    return normalised


def _local_mean(disc: UInt8Array, mask: UInt8Array, offset: float) -> Float32Array:
    """Return `offset` plus the Gaussian mean of `disc` over the pixels where `mask` is 1, (S, S, 3) float32.

    Args:
        disc: (S, S, 3) uint8, 0 where `mask` is.
        mask: (S, S) uint8, 0 or 1.
        offset: what is added, in levels.
    """
    size = disc.shape[0]
    # The mean is smooth, so a quarter of the resolution carries it at a sixteenth of the cost.
    small = (max(8, size // 4), max(8, size // 4))
    sigma = LOCAL_MEAN_SIGMA * small[0] / 2
    values = cv2.resize(disc, small, interpolation=cv2.INTER_AREA)
    weight = cv2.resize(mask.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    # Blurred as one picture of four channels.
    blurred = cv2.GaussianBlur(np.dstack([values.astype(np.float32), weight]), (0, 0), sigma)
    mean = blurred[..., :3] / np.maximum(blurred[..., 3:], 1e-3) + np.float32(offset)
    return np.asarray(cv2.resize(mean, (size, size), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
