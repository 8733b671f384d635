"""Scatters the lesions of diabetic retinopathy over a drawn fundus photograph, as outlines to be filled.

Outlines are (n, 2) float32 (row, column) in field radii from the centre of the field; see `dr_core.imaging.drawing`.
"""

import math

import numpy as np

from dr_core.domain.photograph import AnyArray

__all__ = ["scatter_blood", "scatter_cotton_wool", "scatter_exudates"]

OUTLINE_POINTS = 22
FLECKS_PER_RING = 35


def scatter_blood(rng: np.random.Generator, *, microaneurysms: int, haemorrhages: int) -> list[AnyArray]:
    """Small round dots, and larger ragged blots, over the posterior pole."""
    dots = [_blob(rng, _polar_point(rng, 0.12, 0.75), rng.uniform(0.004, 0.007), 0.06) for _ in range(microaneurysms)]
    blots = [_blob(rng, _polar_point(rng, 0.20, 0.85), _skewed(rng, 0.008, 0.034), 0.34) for _ in range(haemorrhages)]
    return dots + blots


def scatter_exudates(rng: np.random.Generator, *, count: int, macula_rc: tuple[float, float]) -> list[AnyArray]:
    """Waxy flecks on broken rings (circinate exudates) beside the macula."""
    rings = []
    for _ in range(math.ceil(count / FLECKS_PER_RING)):
        middle = np.add(macula_rc, _polar_point(rng, 0.18, 0.42))
        rings.append((middle, rng.uniform(0.07, 0.14), rng.uniform(0.0, 2 * math.pi)))
    blobs = []
    for _ in range(count):
        middle, radius, opening = rings[rng.integers(len(rings))]
        angle = opening + rng.uniform(0.0, 4.4)
        reach = radius * rng.normal(1.0, 0.26)
        point = middle + reach * np.array([math.sin(angle), math.cos(angle)])
        blobs.append(_blob(rng, point, _skewed(rng, 0.003, 0.017), 0.34))
    return blobs


def scatter_cotton_wool(rng: np.random.Generator, *, count: int) -> list[AnyArray]:
    """Soft patches near the arcades, each of three overlapping outlines."""
    blobs = []
    for _ in range(count):
        middle = _polar_point(rng, 0.42, 0.70)
        lobes = middle + rng.normal(0.0, 0.022, (3, 2))
        blobs += [_blob(rng, lobe, rng.uniform(0.022, 0.040), 0.24) for lobe in lobes]
    return blobs


def _polar_point(rng: np.random.Generator, nearest: float, farthest: float) -> AnyArray:
    """A point between two distances from the origin, equally likely everywhere on that ring."""
    reach = math.sqrt(rng.uniform(nearest**2, farthest**2))
    angle = rng.uniform(0.0, 2 * math.pi)
    return np.array([reach * math.sin(angle), reach * math.cos(angle)], np.float32)


def _skewed(rng: np.random.Generator, smallest: float, largest: float) -> float:
    """A radius, small far more often than large."""
    return float(smallest + (largest - smallest) * rng.beta(1.2, 3.2))


def _blob(rng: np.random.Generator, center_rc: AnyArray, radius: float, raggedness: float) -> AnyArray:
    """A closed outline around `center_rc`: a circle with low harmonics on it, stretched by up to half."""
    angles = np.linspace(0.0, 2 * math.pi, OUTLINE_POINTS, endpoint=False)
    reach = np.ones(OUTLINE_POINTS)
    for harmonic in range(2, 6):
        reach += raggedness * rng.normal(0.0, 1.0 / harmonic) * np.cos(harmonic * angles + rng.uniform(0, 2 * math.pi))
    outline = radius * np.clip(reach, 0.3, 2.0)[:, None] * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    turn = rng.uniform(0.0, math.pi)
    axis = np.array([math.sin(turn), math.cos(turn)])
    outline += raggedness * rng.uniform(0.0, 2.0) * (outline @ axis)[:, None] * axis
    return np.asarray(center_rc + outline, dtype=np.float32)
