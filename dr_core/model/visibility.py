"""Read from the network's map of hidden cells how much of the retina a photograph does not show."""

import cv2
import numpy as np

from dr_core.domain.photograph import BoolArray, Float32Array
from dr_core.domain.quality import HiddenRetina

__all__ = ["CENTER_SHARE", "measure_hidden"]

# Cells that show less retina than this lie on the field's border, and are not counted.
SHOWN_SHARE = 0.9
# Of the field's radius: the middle, in which a fovea that the photograph was aimed at lies.
CENTER_SHARE = 0.3
# A cell counts together with its neighbours, so that a lesion of one cell hides nothing.
AROUND = (3, 3)
MOST_SURE = 30.0
BESIDE = (5, 5)


def measure_hidden(log_odds: Float32Array, tensor: Float32Array) -> HiddenRetina:
    """Count the cells that more likely hide the retina than not.

    Args:
        log_odds: (h, w, 1) float32 of each cell of `tensor` being hidden.
        tensor: (H, W, 3) float32, the network's input; 0 in all channels where there is no retina.

    Returns:
        The share of hidden cells, of the whole field and of its middle, 0 where no cell shows retina; and the cells.
    """
    height, width = log_odds.shape[:2]
    shown = cv2.bitwise_not(cv2.inRange(tensor, (0.0,) * 3, (0.0,) * 3))
    whole = np.asarray(cv2.resize(shown, (width, height), interpolation=cv2.INTER_AREA)) >= 255 * SHOWN_SHARE
    around = np.asarray(cv2.blur(log_odds[..., 0], AROUND), dtype=np.float32)
    hidden = around > 0
    rows, columns = ((np.arange(side) + 0.5) / width * 2 - side / width for side in (height, width))
    middle = whole & (rows[:, None] ** 2 + columns[None, :] ** 2 < CENTER_SHARE**2)
    return HiddenRetina(_share(hidden, whole), _share(hidden, middle), _fill_border(around, whole))


def _fill_border(log_odds: Float32Array, whole: BoolArray) -> Float32Array:
    """Return (h, w) probabilities; cells on the border, of which nothing was learned, go by those beside them."""
    cells = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -MOST_SURE, MOST_SURE)))
    counted = whole.astype(np.float32)
    near = cv2.blur(cells * counted, BESIDE) / np.maximum(cv2.blur(counted, BESIDE), 1e-6)
    return np.asarray(np.where(whole, cells, near), dtype=np.float32)


def _share(hidden: np.ndarray, counted: np.ndarray) -> float:
    return float(hidden[counted].mean()) if counted.any() else 0.0
