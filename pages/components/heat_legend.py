"""What is drawn over a photograph, explained in its corner; heat in the colours in which it lies over this retina."""

import base64
from dataclasses import dataclass

import numpy as np

from dr_core.domain.photograph import FieldOfView, UInt8Array
from dr_core.imaging.encode import encode_png
from dr_core.imaging.overlay import overlay_cam

__all__ = ["HATCH_LEGEND", "Legend", "describe_colors", "make_line_legend", "make_overlay_legend"]

BAR_WIDTH_PX, BAR_HEIGHT_PX = 120, 10


@dataclass(frozen=True)
class Legend:
    """What is drawn over a picture; stands in its corner.

    Attributes:
        meaning: in a few words.
        low: left end of the bar.
        high: right end of the bar.
        bar: the colours in between as a data URI; empty where there is no bar.
    """

    meaning: str
    low: str = ""
    high: str = ""
    bar: str = ""


HATCH_LEGEND = Legend("Hatched: hidden from view")


def make_overlay_legend(meaning: str, ground: UInt8Array, field: FieldOfView | None) -> Legend:
    """Return a bar from no heat to the most, over the retina's own colour, at full strength so that it can be read.

    Args:
        meaning: of the heat.
        ground: the photograph as it is shown under the heat, (H, W, 3) uint8 RGB.
        field: where its retina is.
    """
    retina = ground[field.mask] if field is not None and field.mask.any() else ground.reshape(-1, 3)
    bar = np.empty((BAR_HEIGHT_PX, BAR_WIDTH_PX, 3), dtype=np.uint8)
    bar[:] = np.median(retina, axis=0).astype(np.uint8)
    heat = np.broadcast_to(np.linspace(0, 1, BAR_WIDTH_PX, dtype=np.float32), bar.shape[:2])
    picture = encode_png(overlay_cam(bar, np.ascontiguousarray(heat), opacity=1.0))
    return Legend(meaning, "none", "most", "data:image/png;base64," + base64.b64encode(picture).decode("ascii"))


def make_line_legend(meaning: str, *, level: float) -> Legend:
    """Return what the line of an outlined map encloses."""
    return Legend(f"Inside the line: {meaning[0].lower()}{meaning[1:]}, {level:.0%} or more")


def describe_colors(*, of_lesions: bool) -> str:
    """Say in a sentence what the colours of an overlay tell, and what they do not."""
    kinds = " The colour does not tell one kind of lesion from another: choose one under Lesions shown."
    return f"Clear is none, green some, yellow most.{kinds if of_lesions else ''}"
