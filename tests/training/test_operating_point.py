"""What follows the network is fitted as stated."""

import numpy as np
import pytest

from dr_core.training.operating_point import WANTED_SENSITIVITY, choose_operating_point, fit_grade_cuts, fit_temperature


def draw_logits(count: int = 600, *, sharpness: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    grades = random.integers(0, 5, count)
    centre = grades + random.normal(0, 0.8, count)
    return -sharpness * np.abs(centre[:, None] - np.arange(5)[None, :]), grades


def test_temperature_undoes_a_known_scaling() -> None:
    logits, grades = draw_logits()
    assert fit_temperature(logits * 2, grades) == pytest.approx(2 * fit_temperature(logits, grades), rel=0.1)


def test_cut_points_find_a_shifted_scale() -> None:
    random = np.random.default_rng(5)
    grades = random.integers(0, 5, 1000)
    expected = 0.7 * grades + 0.4 + random.uniform(-0.1, 0.1, 1000)
    cuts = fit_grade_cuts(expected, grades, np.full(1000, "one"))
    assert (np.asarray(expected[:, None] >= cuts[None, :]).sum(axis=1) == grades).mean() > 0.99
    assert np.all(np.diff(cuts) > 0)


def test_threshold_finds_the_wanted_share_of_referable_eyes() -> None:
    logits, grades = draw_logits()
    point = choose_operating_point(logits, grades, np.full(len(grades), "one"))
    scaled = np.exp(logits / point.temperature)
    p_referable = (scaled / scaled.sum(axis=1, keepdims=True))[:, 2:].sum(axis=1)
    found = (p_referable[grades >= 2] >= point.referable_threshold).mean()
    assert WANTED_SENSITIVITY <= found <= WANTED_SENSITIVITY + 0.02


def test_a_split_without_severe_eyes_is_refused() -> None:
    logits, grades = draw_logits()
    mild = grades < 3
    with pytest.raises(ValueError, match="grade 3"):
        choose_operating_point(logits[mild], grades[mild], np.full(mild.sum(), "one"))
