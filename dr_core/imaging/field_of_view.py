"""Find the camera's circular field in a fundus photograph.

The boundary between dark surround and retina is sampled along rows and columns, and a circle (or, where the photograph
was squeezed, an upright ellipse) is fitted to it by RANSAC (Fischler and Bolles, 1981) and least squares. Cropped tops
and bottoms, registration notches, burnt-in text and dark crescents are outliers of that fit.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dr_core.domain.errors import NotAFundusPhotograph
from dr_core.domain.photograph import BoolArray, FieldOfView, UInt8Array
from dr_core.imaging.retina_likeness import require_retina

ANALYSIS_SIZE_PX = 384
MIN_SIDE_PX = 64
# Share of the way from the surround's level to the retina's bright level at which the retina begins.
EDGE_LEVEL = 0.10
EDGE_STEP_RANGE = (5.0, 24.0)
RANSAC_TRIALS = 160
# A boundary point lies on the curve when it is this share of the radius away from it at most.
INLIER_TOLERANCE = 0.02
MIN_EDGE_POINTS = 24
JUDGED_POINTS = 120
ARC_BINS = 36
MIN_EDGE_FIT = 0.45
MIN_ARC_COVERAGE = 0.25
# Where only the four corners are dark, little of the arc is seen, and what is seen has to fit well.
MIN_CORNER_FIT = 0.8
MIN_CORNER_COVERAGE = 0.1
# A surround this bright in every channel is a white page, not a camera's mask.
WHITE_LEVEL = 235
ASPECT_RANGE = (0.55, 1.6)
# An ellipse has one freedom more than a circle, and is believed only when it explains this much more of the boundary.
ELLIPSE_GAIN = 0.06
RADIUS_RANGE = (0.22, 0.95)  # of the longer side

NOT_A_FUNDUS = (
    "No retina was found in this picture. Upload a colour fundus photograph that shows the round field of the camera."
)

Points = NDArray[np.float64]


@dataclass(frozen=True)
class _Ellipse:
    """Upright ellipse in analysis pixels, with the share of boundary points that lie on it."""

    x: float
    y: float
    radius_y: float
    aspect: float
    edge_fit: float
    arc_coverage: float


def find_field_of_view(pixels: UInt8Array) -> FieldOfView:
    """Find the circular field of a fundus photograph.

    Args:
        pixels: (H, W, 3) uint8 RGB.

    Returns:
        The field, in pixels of `pixels`.

    Raises:
        ValueError: `pixels` has another shape or dtype.
        NotAFundusPhotograph: no round, lit field on a dark surround, or one that holds no retina.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ValueError(f"pixels must be (H, W, 3) uint8. Received: {pixels.shape} {pixels.dtype}")
    height, width = pixels.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        raise NotAFundusPhotograph(
            f"The picture is only {width} x {height} pixels. Upload the photograph as the camera saved it."
        )
    scale = min(1.0, ANALYSIS_SIZE_PX / max(height, width))
    small = pixels
    if scale < 1.0:
        target = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = np.asarray(cv2.resize(pixels, target, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    lit = _segment_lit_area(small)
    points = _sample_boundary(lit)
    ellipse = _fit_field(points, small.shape[0], small.shape[1])
    if ellipse is None:
        raise NotAFundusPhotograph(NOT_A_FUNDUS)
    field = _to_field_of_view(ellipse, scale, (height, width))
    require_retina(pixels, field)
    return field


def _segment_lit_area(pixels: UInt8Array) -> BoolArray:
    """Return the largest lit region of `pixels`, holes filled."""
    blackened = pixels.max(axis=2)
    blackened[pixels.min(axis=2) > WHITE_LEVEL] = 0
    level = cv2.GaussianBlur(blackened, (0, 0), 1.2).astype(np.float32)
    border = np.concatenate([level[0], level[-1], level[:, 0], level[:, -1]])
    surround = float(np.percentile(border, 5))
    bright = float(np.percentile(level, 95))
    step = float(np.clip(EDGE_LEVEL * (bright - surround), *EDGE_STEP_RANGE))
    lit = (level > surround + step).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    lit = cv2.morphologyEx(lit, cv2.MORPH_OPEN, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(lit)
    if count < 2:
        return np.zeros(level.shape, dtype=np.bool_)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(labels == largest, dtype=np.bool_)


def _sample_boundary(lit: BoolArray) -> Points:
    """Return (N, 2) x, y of the outermost lit pixels of each row and column, those on the picture's edge left out."""
    height, width = lit.shape
    found: list[Points] = []
    rows = np.flatnonzero(lit.any(axis=1))
    if rows.size:
        left = lit[rows].argmax(axis=1)
        right = width - 1 - lit[rows, ::-1].argmax(axis=1)
        found += [np.column_stack([left, rows]), np.column_stack([right, rows])]
    columns = np.flatnonzero(lit.any(axis=0))
    if columns.size:
        top = lit[:, columns].argmax(axis=0)
        bottom = height - 1 - lit[::-1, columns].argmax(axis=0)
        found += [np.column_stack([columns, top]), np.column_stack([columns, bottom])]
    if not found:
        return np.zeros((0, 2))
    points = np.concatenate(found).astype(np.float64)
    margin = 2
    inside = (
        (points[:, 0] >= margin)
        & (points[:, 0] < width - margin)
        & (points[:, 1] >= margin)
        & (points[:, 1] < height - margin)
    )
    return np.asarray(np.unique(points[inside], axis=0), dtype=np.float64)


def _fit_field(points: Points, height: int, width: int) -> _Ellipse | None:
    """Fit a circle, or an ellipse where that explains clearly more of the boundary; None when neither fits."""
    if len(points) < MIN_EDGE_POINTS:
        return None
    circle = _fit_by_ransac(points, (height, width), squeezed=False)
    best = circle
    ellipse = None
    if circle is None or circle.edge_fit < 1.0 - ELLIPSE_GAIN:
        ellipse = _fit_by_ransac(points, (height, width), squeezed=True)
    if ellipse is not None and (circle is None or ellipse.edge_fit > circle.edge_fit + ELLIPSE_GAIN):
        best = ellipse
    if best is None:
        return None
    round_field = best.edge_fit >= MIN_EDGE_FIT and best.arc_coverage >= MIN_ARC_COVERAGE
    corners_only = best.edge_fit >= MIN_CORNER_FIT and best.arc_coverage >= MIN_CORNER_COVERAGE
    return best if round_field or corners_only else None


def _fit_by_ransac(points: Points, shape: tuple[int, int], *, squeezed: bool) -> _Ellipse | None:
    """Fit x^2 + b y^2 + d x + e y + f = 0 (b = 1 unless `squeezed`) to most of `points`."""
    # Centred, scaled coordinates keep the normal equations well conditioned.
    unit = max(shape) / 2
    centred = (points - [shape[1] / 2, shape[0] / 2]) / unit
    size = 4 if squeezed else 3
    random = np.random.default_rng(0)
    picks = random.integers(0, len(points), (RANSAC_TRIALS, size))
    design, target = _equations(centred, squeezed=squeezed)
    systems, targets = design[picks], target[picks]
    solvable = np.abs(np.linalg.det(systems)) > 1e-9
    if not solvable.any():
        return None
    trials = _read_curves(np.linalg.solve(systems[solvable], targets[solvable][..., None])[..., 0])
    judged = centred[:: max(1, len(centred) // JUDGED_POINTS)]
    votes = (_distance_to_curves(judged, trials) < INLIER_TOLERANCE).sum(axis=1)
    curve = trials[int(np.argmax(votes))][None]
    for _ in range(3):
        chosen = _distance_to_curves(centred, curve)[0] < INLIER_TOLERANCE
        if chosen.sum() < MIN_EDGE_POINTS // 2:
            return None
        curve = _read_curves(np.linalg.lstsq(design[chosen], target[chosen], rcond=None)[0][None])
    x, y, radius_y, aspect = (float(value) for value in curve[0])
    smallest, largest = (2 * share for share in RADIUS_RANGE)
    if not (smallest < radius_y < largest and smallest < radius_y * aspect < largest):
        return None
    chosen = _distance_to_curves(centred, curve)[0] < INLIER_TOLERANCE
    angles = np.arctan2(centred[chosen, 1] - y, (centred[chosen, 0] - x) / aspect)
    coverage = len(np.unique(np.floor(angles / (2 * np.pi) * ARC_BINS))) / ARC_BINS
    return _Ellipse(
        x * unit + shape[1] / 2, y * unit + shape[0] / 2, radius_y * unit, aspect, float(chosen.mean()), coverage
    )


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


def _draw_mask(ellipse: _Ellipse, height: int, width: int) -> BoolArray:
    rows, columns = np.ogrid[:height, :width]
    radial = ((columns - ellipse.x) / ellipse.aspect) ** 2 + (rows - ellipse.y) ** 2
    return np.asarray(radial <= ellipse.radius_y**2, dtype=np.bool_)


def _to_field_of_view(ellipse: _Ellipse, scale: float, shape: tuple[int, int]) -> FieldOfView:
    # Pixel centres stand at +0.5, so scaling back needs the half-pixel shift.
    full = _Ellipse(
        (ellipse.x + 0.5) / scale - 0.5,
        (ellipse.y + 0.5) / scale - 0.5,
        ellipse.radius_y / scale,
        ellipse.aspect,
        ellipse.edge_fit,
        ellipse.arc_coverage,
    )
    mask = _draw_mask(full, shape[0], shape[1])
    return FieldOfView((full.y, full.x), full.radius_y, full.aspect, mask, full.edge_fit)
