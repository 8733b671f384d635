"""Fit a circle or an upright ellipse to points of which many may lie elsewhere (RANSAC, Fischler and Bolles, 1981)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ellipse", "Points", "fit_ellipse"]

RANSAC_TRIALS = 160
# Trials are made so many at a time, and end as soon as this share of the boundary lies on one curve.
TRIALS_AT_ONCE = 20
SURE_SHARE = 0.97
# A boundary point lies on the curve when it is this share of the radius away from it at most.
INLIER_TOLERANCE = 0.02
MIN_EDGE_POINTS = 24
JUDGED_POINTS = 120
ARC_BINS = 36
ASPECT_RANGE = (0.55, 1.6)
RADIUS_RANGE = (0.22, 0.95)  # of the longer side

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Ellipse:
    """Upright ellipse in analysis pixels, with the share of boundary points that lie on it."""

    x: float
    y: float
    radius_y: float
    aspect: float
    edge_fit: float
    arc_coverage: float


def fit_ellipse(points: Points, shape: tuple[int, int], *, squeezed: bool) -> Ellipse | None:
    """Fit x^2 + b y^2 + d x + e y + f = 0 to most of `points`.

    Args:
        points: (N, 2) x, y in pixels.
        shape: (H, W) of the picture.
        squeezed: whether b is free; it is 1, which makes a circle, otherwise.

    Returns:
        The curve, the same one for the same points; None where too few of them lie on any.
    """
    if len(points) < MIN_EDGE_POINTS:
        return None
    # Centred, scaled coordinates keep the normal equations well conditioned.
    unit = max(shape) / 2
    centred = (points - [shape[1] / 2, shape[0] / 2]) / unit
    size = 4 if squeezed else 3
    random = np.random.default_rng(0)
    picks = random.integers(0, len(points), (RANSAC_TRIALS, size))
    design, target = _equations(centred, squeezed=squeezed)
    judged = centred[:: max(1, len(centred) // JUDGED_POINTS)]
    curve = _find_likeliest_curve(design[picks], target[picks], judged)
    if curve is None:
        return None
    for _ in range(3):
        chosen = _distance_to_curves(centred, curve)[0] < INLIER_TOLERANCE
        if chosen.sum() < MIN_EDGE_POINTS // 2:
            return None
        inliers = design[chosen]
        curve = _read_curves(np.linalg.lstsq(inliers.T @ inliers, inliers.T @ target[chosen], rcond=None)[0][None])
    x, y, radius_y, aspect = (float(value) for value in curve[0])
    smallest, largest = (2 * share for share in RADIUS_RANGE)
    if not (smallest < radius_y < largest and smallest < radius_y * aspect < largest):
        return None
    chosen = _distance_to_curves(centred, curve)[0] < INLIER_TOLERANCE
    angles = np.arctan2(centred[chosen, 1] - y, (centred[chosen, 0] - x) / aspect)
    coverage = len(np.unique(np.floor(angles / (2 * np.pi) * ARC_BINS))) / ARC_BINS
    return Ellipse(
        x * unit + shape[1] / 2, y * unit + shape[0] / 2, radius_y * unit, aspect, float(chosen.mean()), coverage
    )


def _find_likeliest_curve(systems: Points, targets: Points, judged: Points) -> Points | None:
    """Return the (1, 4) curve of those through `targets` that most of `judged` lie on; None where none is a curve.

    Args:
        systems: (T, k, k) linear systems, one for each trial.
        targets: (T, k) their right-hand sides.
        judged: (N, 2) points.
    """
    best, most = None, -1
    for first in range(0, len(systems), TRIALS_AT_ONCE):
        some = slice(first, first + TRIALS_AT_ONCE)
        solvable = np.abs(np.linalg.det(systems[some])) > 1e-9
        if not solvable.any():
            continue
        trials = _read_curves(np.linalg.solve(systems[some][solvable], targets[some][solvable][..., None])[..., 0])
        votes = (_distance_to_curves(judged, trials) < INLIER_TOLERANCE).sum(axis=1)
        if votes.max() > most:
            most, best = int(votes.max()), trials[int(np.argmax(votes))][None]
        if most >= SURE_SHARE * len(judged):
            break
    return best


def _equations(points: Points, *, squeezed: bool) -> tuple[Points, Points]:
    """Return the linear system (N, 3 or 4), (N,) whose solution is the curve's coefficients."""
    x, y = points[:, 0], points[:, 1]
    linear = [x, y, np.ones_like(x)]
    if squeezed:
        return np.column_stack([y * y, *linear]), -x * x
    return np.column_stack(linear), -x * x - y * y


def _read_curves(solutions: Points) -> Points:
    """Turn (T, 3 or 4) coefficients into (T, 4) x, y, vertical radius, aspect; NaN where they are no ellipse."""
    if solutions.shape[1] == 3:
        solutions = np.column_stack([np.ones(len(solutions)), solutions])
    b, d, e, f = solutions.T
    with np.errstate(divide="ignore", invalid="ignore"):
        aspect = np.sqrt(np.where((b >= ASPECT_RANGE[0] ** 2) & (b <= ASPECT_RANGE[1] ** 2), b, np.nan))
        x, y = -d / 2, -e / (2 * b)
        radius_y = np.sqrt(x * x + b * y * y - f) / aspect
    return np.column_stack([x, y, radius_y, aspect])


def _distance_to_curves(points: Points, curves: Points) -> Points:
    """Return (T, N) distances of N points to T curves as shares of the radius; infinite where there is no ellipse."""
    x, y, radius_y, aspect = (column[:, None] for column in curves.T)
    radial = np.hypot((points[:, 0] - x) / aspect, points[:, 1] - y) / radius_y
    return np.where(np.isfinite(radial), np.abs(radial - 1), np.inf)
