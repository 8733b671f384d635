"""Bring every photograph to one geometry and one colour, so that a camera's framing tells the network nothing.

The field of view becomes a circle of constant size (a squeeze is undone), of which the same part is always visible: the
rows within `VISIBLE_SHARE` of the radius above and below the centre. Colour is normalised by the local mean, as Graham
proposed for the Kaggle diabetic retinopathy competition (2015), here as a ratio, which also evens out illumination.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from dr_core.domain.photograph import BoolArray, FieldOfView, Float32Array, FundusPhotograph, UInt8Array

PREPROCESSING_VERSION = "field-1"
# Most cameras crop the field above and below; what all of them show is the middle three quarters.
VISIBLE_SHARE = 0.75
# The rim is blurred and reflects the flash.
RIM_SHARE = 0.97
LOCAL_MEAN_SIGMA = 0.2  # of the radius: wider than a disc, narrower than the field
RATIO_OFFSET = 0.12  # keeps the dark blue channel's noise from being amplified
CONTRAST_FLOOR = 0.02
CONTRAST_SPAN = 4.0  # standard deviations of green that fill the network's range


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
    return (normalised.astype(np.float32) - 128.0) / 127.0


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
        source = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    done_y, done_x = source.shape[0] / pixels.shape[0], source.shape[1] / pixels.shape[1]
    left_y, left_x = scale_y / done_y, scale_x / done_x
    moved_y, moved_x = (center_y + 0.5) * done_y - 0.5, (center_x + 0.5) * done_x - 0.5
    middle = diameter_px / 2 - 0.5
    matrix = np.array([[left_x, 0.0, middle - left_x * moved_x], [0.0, left_y, middle - left_y * moved_y]])
    target = (diameter_px, diameter_px)
    interpolation = cv2.INTER_CUBIC if max(left_x, left_y) > 1.1 else cv2.INTER_LINEAR
    disc = np.asarray(cv2.warpAffine(source, matrix, target, flags=interpolation), dtype=np.uint8)
    rows = (np.arange(diameter_px) - middle) / (diameter_px / 2)
    inside = rows[:, None] ** 2 + rows[None, :] ** 2 <= RIM_SHARE**2
    # Rows and columns of the disc that fall outside the photograph show nothing.
    at_y = (np.arange(diameter_px) - matrix[1, 2]) / left_y
    at_x = (np.arange(diameter_px) - matrix[0, 2]) / left_x
    inside &= ((at_y >= 1) & (at_y <= source.shape[0] - 2))[:, None]
    inside &= ((at_x >= 1) & (at_x <= source.shape[1] - 2))[None, :]
    return disc, np.asarray(inside, dtype=np.bool_)


def _normalise_colour(disc: UInt8Array, visible: BoolArray) -> UInt8Array:
    """Express each pixel by its ratio to the local mean, in units of the field's own green contrast."""
    weight = visible.astype(np.float32)
    values = disc.astype(np.float32) / 255.0 * weight[..., None]
    base = _local_mean(values, weight)
    ratio = (values - base) / (base + RATIO_OFFSET)
    green = ratio[..., 1][visible]
    contrast = max(CONTRAST_FLOOR, float(green.std())) if green.size else CONTRAST_FLOOR
    scaled = np.clip(ratio / (CONTRAST_SPAN * contrast), -1.0, 1.0) * weight[..., None]
    return np.asarray(np.rint(scaled * 127.0 + 128.0), dtype=np.uint8)


def _local_mean(values: Float32Array, weight: Float32Array) -> Float32Array:
    """Return the Gaussian mean of (S, S, 3) `values` over the pixels that `weight` lets count."""
    size = values.shape[0]
    # The mean is smooth, so a quarter of the resolution carries it at a sixteenth of the cost.
    small = (max(8, size // 4), max(8, size // 4))
    sigma = LOCAL_MEAN_SIGMA * small[0] / 2
    blurred = cv2.GaussianBlur(cv2.resize(values, small, interpolation=cv2.INTER_AREA), (0, 0), sigma)
    counted = cv2.GaussianBlur(cv2.resize(weight, small, interpolation=cv2.INTER_AREA), (0, 0), sigma)
    mean = blurred / np.maximum(counted, 1e-3)[..., None]
    return np.asarray(cv2.resize(mean, (size, size), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
