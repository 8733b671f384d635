"""Spoil photographs as bad shots are spoilt, so that the quality gate learns every defect from known examples."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from dr_core.domain.photograph import FieldOfView, FundusPhotograph, UInt8Array
from dr_core.imaging.decode import ANALYSIS_SIDE_PX, decode_photograph
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.training.dataset import LabelledPhotograph

SPOILT = ("blur", "dark", "bright", "uneven", "haze")


def spoil_photographs(
    photographs: Sequence[LabelledPhotograph], count: int, chance: np.random.Generator
) -> Iterator[tuple[FundusPhotograph, FieldOfView]]:
    """Yield every kind of spoilt copy of `count` of the gradable `photographs`, each with its field.

    The field is that of the good copy: what is spoilt is the light, not the camera's mask.
    """
    gradable = [photograph for photograph in photographs if photograph.gradable is not False]
    for index in chance.permutation(len(gradable))[:count]:
        data = gradable[index].path.read_bytes()
        photograph = decode_photograph(data, "", longest_side_px=ANALYSIS_SIDE_PX)
        field = find_field_of_view(photograph.pixels)
        for kind in SPOILT:
            yield replace(photograph, pixels=spoil_photograph(photograph.pixels, field, kind, chance)), field


def spoil_photograph(pixels: UInt8Array, field: FieldOfView, kind: str, chance: np.random.Generator) -> UInt8Array:
    """Return a photograph as a bad shot would have given it.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        field: its field of view.
        kind: one of `SPOILT`.
        chance: decides how bad it is; always bad enough that no reader could grade it.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: there is no such kind.
    """
    values = pixels.astype(np.float32)
    inside = field.mask[..., None]
    if kind == "blur":
        values = np.asarray(cv2.GaussianBlur(values, (0, 0), 2 * field.radius_px * chance.uniform(0.012, 0.035)))
    elif kind == "dark":
        values = values * np.float32(chance.uniform(0.1, 0.25))
    elif kind == "bright":
        values = np.where(inside, values * chance.uniform(1.8, 3) + chance.uniform(40, 110), values)
    elif kind == "haze":
        values = np.where(inside, values * chance.uniform(0.12, 0.25) + chance.uniform(70, 140), values)
    elif kind == "uneven":
        values = values * _slant_light(pixels.shape[:2], field, chance)[..., None]
    else:
        raise ValueError(f"kind must be one of {SPOILT}. Received: {kind}")
    return np.clip(values, 0, 255).astype(np.uint8)


def _slant_light(shape: tuple[int, ...], field: FieldOfView, chance: np.random.Generator) -> np.ndarray:
    """Return (H, W) gains that leave one side of the field in the dark."""
    angle = chance.uniform(0, 2 * math.pi)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    along = (columns - field.center_rc[1]) * np.cos(angle) + (rows - field.center_rc[0]) * np.sin(angle)
    light = 1 / (1 + np.exp(-along / field.radius_px * chance.uniform(4, 8) + chance.uniform(-0.5, 0.8)))
    return np.asarray(chance.uniform(0.03, 0.12) + 0.95 * light)
