"""What follows the network is fitted as stated."""

import numpy as np
import pytest

from dr_core.domain.grades import Grade
from dr_core.model.calibration import calibrate_boundaries, calibrate_logits, find_grade_set
from dr_core.training.metrics import calibration_error
from dr_core.training.operating_point import (
    WANTED_COVERAGE,
    WANTED_SENSITIVITY,
    choose_operating_point,
    fit_boundaries,
    fit_set_mass,
    fit_temperature,
)


def draw_logits(count: int = 600, *, sharpness: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    grades = random.integers(0, 5, count)
    centre = grades + random.normal(0, 0.8, count)
    return -sharpness * np.abs(centre[:, None] - np.arange(5)[None, :]), grades


def test_temperature_undoes_a_known_scaling() -> None:
    logits, grades = draw_logits()
    assert fit_temperature(logits * 2, grades) == pytest.approx(2 * fit_temperature(logits, grades), rel=0.1)


def test_threshold_finds_the_wanted_share_of_referable_eyes() -> None:
    logits, grades = draw_logits()
    point = choose_operating_point(logits, grades, np.full(len(grades), "one"))
    p = calibrate_boundaries(calibrate_logits(logits, point.temperature), point.boundaries)
    p_referable = p[:, 2:].sum(axis=1)
    found = (p_referable[grades >= 2] >= point.referable_threshold).mean()
    assert WANTED_SENSITIVITY <= found <= WANTED_SENSITIVITY + 0.02


def test_a_split_without_severe_eyes_is_refused() -> None:
    logits, grades = draw_logits()
    mild = grades < 3
    with pytest.raises(ValueError, match="grade 3"):
        choose_operating_point(logits[mild], grades[mild], np.full(mild.sum(), "one"))


def test_boundaries_become_honest_one_by_one() -> None:
    logits, _ = draw_logits(8000, sharpness=1.0)
    honest = calibrate_logits(logits, 1.0)
    random = np.random.default_rng(8)
    grades = (random.random(len(honest))[:, None] > honest.cumsum(axis=1)).sum(axis=1)
    # Each boundary crooked in its own way; none so much that the boundaries cross.
    crooked = calibrate_boundaries(honest, [(0.7, 0.9), (1.3, 0.3), (0.8, -0.6), (1.2, -0.4)])
    fitted = calibrate_boundaries(crooked, fit_boundaries(crooked, grades))
    for boundary in (1, 2, 3):
        before, after = (
            float(calibration_error(grades >= boundary, p[:, boundary:].sum(1))) for p in (crooked, fitted)
        )
        assert after < 0.03
        assert after < before


def test_grade_sets_cover_the_worst_source_too() -> None:
    logits, grades = draw_logits(3000, sharpness=1.0)
    sources = np.where(np.arange(3000) % 3 == 0, "hard", "easy")
    hard = sources == "hard"
    logits[hard] = np.random.default_rng(9).permutation(logits[hard])
    p = calibrate_logits(logits, 1.0)
    reported = p.argmax(axis=1)
    mass = fit_set_mass(p, reported, grades, sources)
    held = np.array(
        [
            grade in find_grade_set(row, Grade(int(start)), mass)
            for row, start, grade in zip(p, reported, grades, strict=True)
        ]
    )
    assert held[hard].mean() >= WANTED_COVERAGE
    assert held[~hard].mean() >= held[hard].mean()
