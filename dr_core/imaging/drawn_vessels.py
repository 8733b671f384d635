"""Grows the retinal vessels of a drawn fundus photograph: four arcades of artery and vein, and their branches.

Points are (row, column) in field radii from the centre of a right eye's field; see `dr_core.imaging.drawing`.
"""

import math
from dataclasses import dataclass

import numpy as np

from dr_core.domain.photograph import AnyArray, Float32Array

__all__ = ["Vessel", "grow_vessels"]

STEP = 0.010
MIN_WIDTH = 0.0022
MAX_BRANCH_ORDER = 3
AVASCULAR_RADIUS = 0.11

# Each trunk is a Bezier curve of four (row, column) points: where it leaves the disc, from the disc's centre; two
# controls; and its end. Then the calibre of its vein; the artery beside it is thinner.
TRUNKS = (
    ((-0.020, -0.012), (-0.46, 0.46), (-0.70, -0.10), (-0.34, -0.95), 0.0215),
    ((0.020, -0.016), (0.50, 0.46), (0.72, -0.06), (0.42, -0.95), 0.0205),
    ((-0.020, 0.004), (-0.24, 0.60), (-0.52, 0.70), (-0.80, 0.66), 0.0140),
    ((0.020, 0.004), (0.22, 0.62), (0.46, 0.72), (0.76, 0.70), 0.0140),
)
ARTERY_TO_VEIN = 0.72
SWAY = ((0.010, 2.3), (0.006, 5.1), (0.003, 9.7))  # amplitude in field radii, turns over the whole trunk
# Small vessels that run from the disc straight to the macula or to the nasal side: heading in degrees, calibre.
TWIGS = ((172.0, 0.0060), (194.0, 0.0055), (12.0, 0.0065), (-18.0, 0.0060))


@dataclass(frozen=True, eq=False)
class Vessel:
    """One unbranched vessel.

    Attributes:
        kind: ``artery`` or ``vein``.
        points: (n, 2) float32 (row, column), in field radii.
        widths: (n,) float32 calibre at each point, in field radii, tapering.
    """

    kind: str
    points: Float32Array
    widths: Float32Array


def grow_vessels(
    rng: np.random.Generator, *, disc_rc: tuple[float, float], fovea_rc: tuple[float, float]
) -> list[Vessel]:
    """Return every vessel of one eye, drawn at random around `disc_rc`, sparing the fovea's avascular zone."""
    fovea = np.array(fovea_rc)
    vessels: list[Vessel] = []
    for kind, offset in (("vein", 0.014), ("artery", -0.014)):
        for start, bend, reach, end, vein_width in TRUNKS:
            controls = np.array([np.add(disc_rc, start), bend, reach, end])
            controls[0, 1] += 0.6 * offset
            controls[1:] += rng.normal(0.0, 0.035, (3, 2)) + offset * 2.2
            width = vein_width * (1.0 if kind == "vein" else ARTERY_TO_VEIN)
            trunk = _grow_trunk(rng, kind, controls, width=width)
            vessels += [trunk, *_branch(rng, trunk, fovea, order=1)]
        for heading_deg, width in TWIGS:
            heading = math.radians(heading_deg + rng.normal(0.0, 14.0))
            origin = np.add(disc_rc, (-0.04 * math.sin(heading), 0.04 * math.cos(heading)))
            twig = _walk(rng, Vessel(kind, origin[None, :], np.array([width])), fovea, heading=heading)
            vessels += [twig, *_branch(rng, twig, fovea, order=2)]
    return [vessel for vessel in vessels if len(vessel.points) > 1]


def _grow_trunk(rng: np.random.Generator, kind: str, controls: AnyArray, *, width: float) -> Vessel:
    """A cubic Bezier curve with the sway of a real vessel on it."""
    t = np.linspace(0.0, 1.0, 140)[:, None]
    a, b, c, d = controls
    points = (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
    tangent = np.gradient(points, axis=0)
    normal = tangent[:, ::-1] * (1, -1) / np.linalg.norm(tangent, axis=1, keepdims=True)
    sway = np.zeros_like(t)
    for size, turns in SWAY:
        sway += size * np.sin(2 * math.pi * (rng.uniform(0.8, 1.2) * turns * t + rng.uniform()))
    points += normal * sway * np.minimum(1.0, 4 * t)
    widths = width * (1.0 - 0.70 * t[:, 0] ** 0.8)
    return Vessel(kind, points.astype(np.float32), widths.astype(np.float32))


def _walk(rng: np.random.Generator, origin: Vessel, fovea: AnyArray, *, heading: float) -> Vessel:
    """A vessel that wanders from the last point of `origin`, keeps its course, and ends thin or near the fovea."""
    points, width = [np.asarray(origin.points[-1], float)], float(origin.widths[-1])
    length = rng.uniform(0.6, 1.2) * 46.0 * width + 0.05
    course, bend = heading + rng.normal(0.0, 0.25), 0.0
    for _ in range(int(length / STEP)):
        if np.hypot(*(fovea - points[-1])) < AVASCULAR_RADIUS or np.hypot(*points[-1]) > 1.05:
            break
        bend = 0.85 * bend + rng.normal(0.0, 0.028) + 0.012 * math.sin(course - heading)
        heading += bend
        points.append(points[-1] + STEP * np.array([-math.sin(heading), math.cos(heading)]))
    taper = 1.0 - 0.80 * np.arange(len(points)) * STEP / length
    return Vessel(
        origin.kind, np.array(points, np.float32), np.maximum(0.5 * MIN_WIDTH, width * taper).astype(np.float32)
    )


def _branch(rng: np.random.Generator, parent: Vessel, fovea: AnyArray, *, order: int) -> list[Vessel]:
    """Side branches of `parent` on alternating sides, and theirs, down to `MAX_BRANCH_ORDER`."""
    grown: list[Vessel] = []
    if order > MAX_BRANCH_ORDER:
        return grown
    side = rng.choice([-1, 1])
    index = int(rng.integers(10, 24)) if order == 1 else int(rng.integers(5, 14))
    while index < len(parent.points) - 3:
        width = float(parent.widths[index]) * rng.uniform(0.36, 0.74)
        if width >= MIN_WIDTH:
            row_step, column_step = parent.points[index + 1] - parent.points[index - 1]
            heading = math.atan2(-row_step, column_step) + side * math.radians(rng.uniform(24, 56))
            root = Vessel(parent.kind, parent.points[index : index + 1], np.array([width], np.float32))
            child = _walk(rng, root, fovea, heading=heading)
            grown += [child, *_branch(rng, child, fovea, order=order + 1)]
        side = -side
        index += int(rng.integers(7, 24))
    return grown
