"""Photographs whose lesions readers outlined, and their outlines in the geometry of the network's input."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.photograph import BoolArray, FieldOfView, UInt8Array
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import normalise_field
from dr_core.training.manifest import leads_out, quote_cell

# Bits of the masks, in the order of LESIONS; the optic disc's, 16, is no lesion.
MASK_BITS = (1, 2, 4, 8)


@dataclass(frozen=True, eq=False)
class LesionPhotograph:
    """One photograph whose lesions were outlined.

    Attributes:
        path: of the photograph.
        grading_split: where the same photograph stands in the grading set; empty when it is not part of it.
        disc: (S, S, 3) uint8, as `normalise_field` returns it.
        lesions: (S, S, 4) bool in the same geometry, `LESIONS` in their order; no outlined pixel is lost.
    """

    path: Path
    grading_split: str
    disc: UInt8Array
    lesions: BoolArray


def read_lesion_photographs(
    data_dir: Path, diameter_px: int, *, splits: Sequence[str] = ("train",)
) -> list[LesionPhotograph]:
    """Read the photographs of ``lesions.csv`` in `data_dir`.

    Args:
        data_dir: holds lesions.csv.
        diameter_px: width of the network's input.
        splits: grading splits to read; the empty string stands for photographs that were never graded.

    Raises:
        ConfigurationError: there is no such list, a column or a mask is missing, or a path leads out of the folder.
    """
    try:
        with (data_dir / "lesions.csv").open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["grading_split"] in splits]
        return [_read_photograph(row, data_dir, diameter_px) for row in rows]
    except (OSError, KeyError) as error:
        raise ConfigurationError(
            f"The outlined lesions cannot be read ({error}). Point --data at the folder with lesions.csv and its masks."
        ) from error


def _read_photograph(row: dict[str, str], data_dir: Path, diameter_px: int) -> LesionPhotograph:
    for name in (row["image"], row["mask"]):
        if leads_out(name):
            raise ConfigurationError(
                f"lesions.csv lists {quote_cell(name)}, which leads out of the folder. Write paths relative to it."
            )
    path = data_dir / row["image"]
    pixels = decode_photograph(path.read_bytes(), path.name).pixels
    flags = cv2.imdecode(np.fromfile(data_dir / row["mask"], dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if flags is None or flags.shape[0] * pixels.shape[1] != flags.shape[1] * pixels.shape[0]:
        raise ConfigurationError(f"The mask of {path.name} is not of the photograph's proportions. Fetch it again.")
    field = find_field_of_view(pixels)
    lesions = cut_lesions(np.asarray(flags, dtype=np.uint8), field, pixels.shape[0], diameter_px)
    return LesionPhotograph(path, row["grading_split"], normalise_field(pixels, field, diameter_px), lesions)


def cut_lesions(flags: UInt8Array, field: FieldOfView, photograph_height: int, diameter_px: int) -> BoolArray:
    """Bring a mask into the disc's geometry by maximum, so that even a lesion of one pixel stays.

    Args:
        flags: (h, w) uint8 of bit flags over the whole photograph.
        field: the photograph's field.
        photograph_height: height in pixels that `field` refers to.
        diameter_px: of the disc.

    Returns:
        (diameter_px, diameter_px, 4) bool.
    """
    scale = diameter_px / 2 / field.radius_px
    wanted = sum(MASK_BITS)
    # Where the mask is coarser than the disc, it is enlarged first: single pixels would leave holes.
    enlarge = max(1.0, scale * photograph_height / flags.shape[0], scale / field.aspect)
    if enlarge > 1.0:
        flags = np.asarray(
            cv2.resize(flags, None, fx=enlarge, fy=enlarge, interpolation=cv2.INTER_NEAREST), dtype=np.uint8
        )
    rows, columns = np.nonzero(flags & wanted)
    grid = photograph_height / flags.shape[0]
    down = np.floor(((rows + 0.5) * grid - 0.5 - field.center_rc[0]) * scale + diameter_px / 2)
    across = np.floor(((columns + 0.5) * grid - 0.5 - field.center_rc[1]) * scale / field.aspect + diameter_px / 2)
    inside = (np.minimum(down, across) >= 0) & (np.maximum(down, across) < diameter_px)
    disc = np.zeros((diameter_px, diameter_px), dtype=np.uint8)
    target = (down[inside].astype(np.int64), across[inside].astype(np.int64))
    np.bitwise_or.at(disc, target, flags[rows[inside], columns[inside]])
    return np.stack([(disc & bit) > 0 for bit in MASK_BITS], axis=-1)
