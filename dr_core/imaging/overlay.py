"""Ways of looking at a photograph: heat over it or outlined, hidden parts hatched, red-free, and contrast-enhanced.

Every function takes and returns (H, W, 3) uint8 RGB, leaves its input untouched and keeps the size.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from dr_core.domain.photograph import AnyArray, BoolArray, FieldOfView, Float32Array, UInt8Array

__all__ = ["OPACITY", "OUTLINE_LEVEL", "enhance_contrast", "hatch_hidden", "outline_cam", "overlay_cam", "red_free"]

OPACITY = 0.25
OUTLINE_LEVEL = 0.5
# Viridis: its lightness rises steadily, so brighter reads as more, in colour blindness and on a grey printer too, and
# its green and yellow stand apart from the orange ground, where the reds of Turbo and Inferno pass for haemorrhage.
COLORS = np.ascontiguousarray(
    cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_VIRIDIS)[..., ::-1]
)
OUTLINE_COLOR = (94, 234, 212)
OUTLINE_SHADOW = (4, 47, 46)
OUTLINE_WIDTH_SHARE = 1 / 500
# White, which no heat map draws with, so that nobody takes the one for the other.
HATCH_COLOR, HATCH_SHADOW = (255, 255, 255), (30, 30, 30)
HATCH_PITCH_SHARE = 1 / 30
CLAHE_CLIP_LIMIT = 2.0
CLAHE_TILES = 8


def overlay_cam(pixels: UInt8Array, heat: Float32Array, *, opacity: float = OPACITY) -> UInt8Array:
    """Lay a coloured heat map over a photograph, so that cold areas stay clear.

    The colour at a pixel has the weight ``opacity * heat``: full opacity is reached at the peak alone.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        heat: (H, W) float in [0, 1]; NaN counts as cold.
        opacity: weight of the colour where the heat is 1, 0 to 1.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        TypeError: `pixels` is not uint8, or `heat` is not floating point.
        ValueError: shapes do not match, or a value is out of range.
    """
    _check_pixels(pixels)
    warmth = _check_heat(heat, pixels)
    _check_share("opacity", opacity)
    colors = cv2.applyColorMap(cv2.convertScaleAbs(warmth, alpha=255), COLORS)
    weight = warmth * np.float32(opacity)
    # Faster than the same sum in NumPy, which goes over three channels of floats for every term.
    return np.asarray(cv2.blendLinear(pixels, colors, 1 - weight, weight), dtype=np.uint8)


def outline_cam(pixels: UInt8Array, heat: Float32Array, *, level: float = OUTLINE_LEVEL) -> UInt8Array:
    """Draw the borders of the areas whose heat reaches `level`, and leave the rest of the photograph as it is.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        heat: (H, W) float in [0, 1]; NaN counts as cold.
        level: heat along the line, above 0 and at most 1.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        TypeError: `pixels` is not uint8, or `heat` is not floating point.
        ValueError: shapes do not match, or a value is out of range.
    """
    _check_pixels(pixels)
    warmth = _check_heat(heat, pixels)
    _check_share("level", level)
    if level == 0:
        raise ValueError(f"`level` must be above 0: every pixel reaches 0. Received: level={level}")
    drawn = pixels.copy()
    _draw_borders(drawn, warmth >= level, OUTLINE_COLOR, OUTLINE_SHADOW)
    return drawn


def hatch_hidden(pixels: UInt8Array, hidden: BoolArray) -> UInt8Array:
    """Hatch the parts of a photograph that do not show the retina, so that what lies between the lines stays visible.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        hidden: (H, W) bool.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        TypeError: `pixels` is not uint8.
        ValueError: shapes do not match.
    """
    _check_pixels(pixels)
    if hidden.shape != pixels.shape[:2]:
        raise ValueError(
            f"`hidden` must have the photograph's height and width, {pixels.shape[:2]}. Received: shape={hidden.shape}"
        )
    height, width = hidden.shape
    pitch_px = max(14, round(max(height, width) * HATCH_PITCH_SHARE))
    lined = pixels.copy()
    for color, width_px in ((HATCH_SHADOW, _find_line_px(pixels) + 2), (HATCH_COLOR, _find_line_px(pixels))):
        for start in range(0, width + height, pitch_px):
            cv2.line(lined, (start, 0), (start - height, height), color, width_px, cv2.LINE_AA)
    drawn = pixels.copy()
    drawn[hidden] = lined[hidden]
    _draw_borders(drawn, hidden, HATCH_COLOR, HATCH_SHADOW)
    return drawn


def _draw_borders(
    drawn: UInt8Array, areas: BoolArray, color: tuple[int, int, int], shadow: tuple[int, int, int]
) -> None:
    contours, _ = cv2.findContours(areas.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    width_px = _find_line_px(drawn)
    # A dark line under the bright one keeps the border visible on the disc as well as on dark retina.
    cv2.drawContours(drawn, contours, -1, shadow, width_px + 2, cv2.LINE_AA)
    cv2.drawContours(drawn, contours, -1, color, width_px, cv2.LINE_AA)


def _find_line_px(pixels: UInt8Array) -> int:
    longest_px = int(max(pixels.shape[:2]))
    return max(1, round(longest_px * OUTLINE_WIDTH_SHARE))


def red_free(pixels: UInt8Array) -> UInt8Array:
    """Show the green channel in grey, as a green filter before the lens does: vessels and blood stand out dark.

    Args:
        pixels: (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8 RGB with three equal channels.

    Raises:
        TypeError: `pixels` is not uint8.
        ValueError: `pixels` is not (H, W, 3) or is empty.
    """
    _check_pixels(pixels)
    return np.repeat(pixels[..., 1:2], 3, axis=2)


def enhance_contrast(pixels: UInt8Array, field_of_view: FieldOfView) -> UInt8Array:
    """Raise local contrast of the lightness inside the field of view (CLAHE; Zuiderveld, 1994).

    Colours keep their hue, and everything outside the field stays as it was. The surround is filled with the field's
    median beforehand: black tiles would otherwise brighten a rim of retina into an artefact.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        field_of_view: its mask has the shape (H, W).

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        TypeError: `pixels` is not uint8.
        ValueError: `pixels` is not (H, W, 3), is empty, or does not match the mask.
    """
    _check_pixels(pixels)
    mask = field_of_view.mask
    if mask.shape != pixels.shape[:2]:
        raise ValueError(
            f"The field's mask must have the photograph's height and width, {pixels.shape[:2]}. "
            f"Received: mask.shape={mask.shape}"
        )
    if not mask.any():
        return pixels.copy()
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
    lightness = lab[..., 0].copy()
    lightness[~mask] = np.median(lightness[mask])
    equalizer = cv2.createCLAHE(clipLimit=CLAHE_CLIP_LIMIT, tileGridSize=(CLAHE_TILES, CLAHE_TILES))
    lab[..., 0] = equalizer.apply(lightness)
    enhanced = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    result: UInt8Array = np.where(mask[..., np.newaxis], enhanced, pixels)
    return result


def _check_pixels(pixels: AnyArray) -> None:
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        raise TypeError(f"`pixels` must be a uint8 array. Received: {getattr(pixels, 'dtype', type(pixels).__name__)}")
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise ValueError(f"`pixels` must have the shape (height, width, 3). Received: shape={pixels.shape}")


def _check_heat(heat: AnyArray, pixels: UInt8Array) -> NDArray[np.float32]:
    if not isinstance(heat, np.ndarray) or not np.issubdtype(heat.dtype, np.floating):
        raise TypeError(
            f"`heat` must be a floating-point array. Received: {getattr(heat, 'dtype', type(heat).__name__)}"
        )
    if heat.shape != pixels.shape[:2]:
        raise ValueError(
            f"`heat` must have the photograph's height and width, {pixels.shape[:2]}. Received: shape={heat.shape}"
        )
    warmth = heat.astype(np.float32)
    cv2.patchNaNs(warmth, 0)
    lowest, highest = cv2.minMaxLoc(warmth)[:2]
    if lowest < 0 or highest > 1:
        raise ValueError(f"`heat` must lie in [0, 1]. Received: {lowest:g} to {highest:g}")
    return warmth


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"`{name}` must lie in [0, 1]. Received: {name}={value}")
