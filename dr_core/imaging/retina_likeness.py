"""Tell a retina from other round things on a dark ground: a coin, a clock face, an X-ray, a plate of food.

The limits are wide, because refusing a diseased retina is worse than grading a strange picture: of the 7,023
photographs to train and to choose on, ungradable ones included, five lie outside of them, dark or without any detail.
What passes here and is no retina is left to the network, which says how likely a retina is beside the grade.
"""

import cv2
import numpy as np

from dr_core.domain.errors import NotAFundusPhotograph
from dr_core.domain.photograph import BoolArray, FieldOfView, Float32Array, UInt8Array
from dr_core.imaging.disc import cut_disc

__all__ = ["NO_RETINA_COLOURS", "NO_RETINA_TEXTURE", "require_retina"]

DISC_PX = 128
RIM_PX = 7  # the rim is blurred and reflects the flash
# Hues between magenta-red and yellow; a retina has no others but for reflections and poor light.
WARM_HUES_DEG = (-30.0, 75.0)
MIN_WARM_SHARE = 0.30  # measured on photographs: 0.32 and more
COLOUR_SIGMA_PX = 4.0
COLOUR_NOISE_LEVELS = 1.0  # what a sensor's noise leaves of colour after that blur
# Blood, pigment and vessels colour a retina unevenly; one material in one light has a single hue from rim to rim.
MIN_HUE_SPREAD_DEG = 0.40  # measured: 0.68 and more, and 0.47 under a strongly red light
# Haze takes the same share of hue and of contrast: a hue that is even only because everything is tells nothing.
HAZED_HUE_DEG_PER_SPREAD = 5.5  # drawn retinas under a veil of their own colour: 6.2 and more
MIN_GREEN_SPREAD = 0.02  # measured: 0.030 and more
DETAIL_SIGMA_PX = 2.0
MAX_DETAIL_LEVELS = 12.5  # measured: up to 11.4, in a scarred myopic eye
DARK_OFFSET = 5.0  # keeps the ratio of a black disc finite

NO_RETINA_COLOURS = (
    "No retina was found in this picture: it has not the colours of one. Upload a colour fundus photograph, "
    "not a grey or red-free one."
)
NO_RETINA_TEXTURE = (
    "No retina was found in this picture: what it shows is round, but does not look like a retina. "
    "Upload a colour fundus photograph, the right way up."
)


def require_retina(pixels: UInt8Array, field_of_view: FieldOfView) -> None:
    """Refuse a field whose content cannot be a retina.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        field_of_view: the round field found in it.

    Raises:
        NotAFundusPhotograph: the field is grey or cold in colour, of one hue, flat, or textured far beyond any retina.
    """
    disc, visible = cut_disc(pixels, field_of_view, DISC_PX)
    inner = cv2.erode(visible.view(np.uint8), np.ones((RIM_PX, RIM_PX), np.uint8)).view(np.bool_)
    if not inner.any():
        raise NotAFundusPhotograph(NO_RETINA_TEXTURE)
    values = disc.astype(np.float32)
    # Colour is judged after a wide blur, for which half the resolution is enough.
    half = cv2.resize(values, (DISC_PX // 2, DISC_PX // 2), interpolation=cv2.INTER_AREA)
    colours = np.asarray(cv2.GaussianBlur(half, (0, 0), COLOUR_SIGMA_PX / 2), dtype=np.float32)
    shown = colours[inner[1::2, 1::2]]
    if _share_of_warm_colour(shown) < MIN_WARM_SHARE:
        raise NotAFundusPhotograph(NO_RETINA_COLOURS)
    green = values[..., 1][inner]
    spread = float(green.std()) / (float(green.mean()) + DARK_OFFSET)
    hue_spread_deg = _measure_hue_spread(shown)
    single_hue = hue_spread_deg < min(MIN_HUE_SPREAD_DEG, HAZED_HUE_DEG_PER_SPREAD * spread)
    if single_hue or spread < MIN_GREEN_SPREAD or _measure_detail(values, inner) > MAX_DETAIL_LEVELS:
        raise NotAFundusPhotograph(NO_RETINA_TEXTURE)


def _share_of_warm_colour(colours: Float32Array) -> float:
    """Return the share of (N, 3) `colours`, weighed by how colourful each is, that is red to yellow; 0 for grey."""
    along, across = _find_chroma(colours)
    chroma = np.maximum(cv2.magnitude(along, across).ravel() - COLOUR_NOISE_LEVELS, 0.0)
    # Warm hues span less than half a turn, so a colour is warm on the inner side of both limits: no angle is needed.
    first, last = np.radians(WARM_HUES_DEG, dtype=np.float32)
    warm = (across * np.cos(first) > along * np.sin(first)) & (across * np.cos(last) < along * np.sin(last))
    return float(chroma[warm].sum() / max(float(chroma.sum()), 1e-3))


def _measure_hue_spread(colours: Float32Array) -> float:
    """Return by how many degrees the hues of (N, 3) `colours` deviate from their middle."""
    hues = np.arctan2(*_find_chroma(colours)[::-1])
    middle = np.arctan2(np.sin(hues).mean(), np.cos(hues).mean())
    away = (hues - middle + np.pi) % (2 * np.pi) - np.pi
    return float(np.degrees(away.std()))


def _find_chroma(colours: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Return where (N, 3) `colours` lie in the colour plane of an HSI cone: red at 0 degrees, yellow at 60."""
    red, green, blue = np.ascontiguousarray(colours.T)
    return red - (green + blue) / 2, np.float32(np.sqrt(3.0) / 2) * (green - blue)


def _measure_detail(values: Float32Array, inner: BoolArray) -> float:
    """Return the deviation, in levels of a channel, of what a small blur takes away; the mean of the three."""
    detail = values - cv2.GaussianBlur(values, (0, 0), DETAIL_SIGMA_PX)
    return float(cv2.meanStdDev(detail, mask=inner.view(np.uint8))[1].mean())
