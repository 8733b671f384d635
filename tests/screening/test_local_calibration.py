"""Temperature, threshold and honest figures: known cases, and simulated clinics that the statistics must serve."""

import numpy as np
import pytest

from benchmarks.simulated_clinics import make_clinic, refer
from dr_core.domain.errors import ConfigurationError
from dr_core.model.calibration import GRADE_FROM, adapt
from dr_core.screening.clinic_settings import SHIFTS, TEMPERATURES
from dr_core.screening.local_calibration import (
    LocalCalibration,
    calibrate_locally,
    check_sample,
    choose_threshold,
    needed_referable,
)

SHIFTED = {"shift": -0.8, "confidence": 2.0}
CLINICS = 100


def calibrate(probabilities, grades, *, wanted: float = 0.9) -> LocalCalibration:
    return calibrate_locally(probabilities, grades, wanted_sensitivity=wanted, released_threshold=0.4)


def measure_held_out(found: LocalCalibration, generator: np.random.Generator) -> tuple[float, float]:
    probabilities, grades = make_clinic(generator, 4000, **SHIFTED)
    called = refer(probabilities, found)
    return called[grades >= 2].mean(), (~called)[grades < 2].mean()


@pytest.fixture(scope="module")
def clinics() -> list[tuple[LocalCalibration, float, float]]:
    """Calibrations of 150 photographs each, with the true sensitivity and specificity on new ones."""
    made = []
    for seed in range(CLINICS):
        generator = np.random.default_rng(seed)
        found = calibrate(*make_clinic(generator, 150, **SHIFTED))
        made.append((found, *measure_held_out(found, generator)))
    return made


def test_shifted_camera_loses_sensitivity_and_calibration_restores_it(clinics):
    before = np.mean([found.before.sensitivity.value for found, _, _ in clinics])
    true = np.mean([sensitivity for _, sensitivity, _ in clinics])
    assert before < 0.80
    assert 0.89 <= true <= 0.93


def test_stated_sensitivity_and_specificity_are_those_of_new_photographs(clinics):
    stated = np.mean(
        [(found.after.sensitivity.value, found.after.specificity.value) for found, _, _ in clinics], axis=0
    )
    true = np.mean([(sensitivity, specificity) for _, sensitivity, specificity in clinics], axis=0)
    assert stated == pytest.approx(true, abs=0.02)


def test_intervals_hold_the_truth_and_the_lower_end_nearly_always(clinics):
    sensitivity = [found.after.sensitivity.low <= true <= found.after.sensitivity.high for found, true, _ in clinics]
    specificity = [found.after.specificity.low <= true <= found.after.specificity.high for found, _, true in clinics]
    safe = [found.after.sensitivity.low <= true for found, true, _ in clinics]
    assert np.mean(sensitivity) >= 0.85
    assert np.mean(specificity) >= 0.90
    assert np.mean(safe) >= 0.94


def test_temperature_of_an_overconfident_model_is_found():
    generator = np.random.default_rng(5)
    found = calibrate(*make_clinic(generator, 2000, confidence=2.0))
    assert found.after.temperature == pytest.approx(2.0, rel=0.1)
    assert found.after.surprise < found.before.surprise


@pytest.mark.parametrize("wanted", [0.8, 0.9])
def test_camera_that_shows_too_much_refers_as_few_as_it_states(wanted):
    stated, true, before = [], [], []
    for seed in range(20):
        generator = np.random.default_rng(seed)
        found = calibrate(*make_clinic(generator, 150, shift=1.0), wanted=wanted)
        probabilities, grades = make_clinic(generator, 2000, shift=1.0)
        stated.append(found.after.specificity.value)
        true.append((~refer(probabilities, found))[grades < 2].mean())
        before.append(found.before.specificity.value)
    assert np.mean(before) < 0.5
    assert np.mean(true) > 0.8
    assert np.mean(stated) == pytest.approx(np.mean(true), abs=0.025)


def test_shift_of_a_model_that_sees_too_little_is_found():
    generator = np.random.default_rng(6)
    probabilities, grades = make_clinic(generator, 2000)
    usual = calibrate(probabilities, grades)
    found = calibrate(adapt(probabilities, 1.0, -1.0), grades)
    assert found.after.shift - usual.after.shift == pytest.approx(1.0, abs=0.15)
    assert SHIFTS[0] < found.after.shift < SHIFTS[-1]
    assert found.after.surprise < found.before.surprise


def test_threshold_ends_where_the_grade_itself_refers():
    assert choose_threshold(np.linspace(0.8, 0.99, 40), 0.9) == GRADE_FROM
    found = calibrate(*make_clinic(np.random.default_rng(2), 150), wanted=0.5)
    assert found.after.threshold == GRADE_FROM
    assert found.after.sensitivity.value > 0.6


def test_honest_model_is_left_nearly_alone():
    temperatures = [calibrate(*make_clinic(np.random.default_rng(s), 100)).after.temperature for s in range(20)]
    assert np.mean(temperatures) == pytest.approx(1.0, abs=0.08)


def test_prior_holds_a_sample_that_says_nothing_of_temperature():
    probabilities = np.full((60, 5), 0.2)
    found = calibrate(probabilities, np.arange(60) % 5)
    assert found.after.temperature == 1.0
    assert found.after.surprise == pytest.approx(np.log(5))


def test_prior_keeps_a_model_that_is_always_right_from_certainty():
    grades = np.arange(100) % 5
    probabilities = np.full((100, 5), 0.025)
    probabilities[np.arange(100), grades] = 0.9
    found = calibrate(probabilities, grades)
    assert TEMPERATURES[0] <= found.after.temperature < 0.6
    assert found.auc == 1.0
    assert found.after.sensitivity.value == found.after.specificity.value == 1.0


@pytest.mark.parametrize(
    ("count", "wanted", "rank"), [(9, 0.9, 1), (19, 0.9, 2), (39, 0.9, 4), (19, 0.95, 1), (40, 0.9, 4), (20, 0.5, 10)]
)
def test_threshold_is_the_conformal_rank(count, wanted, rank):
    scores = np.linspace(0.1, 0.9, count)
    assert choose_threshold(np.random.default_rng(1).permutation(scores), wanted) == pytest.approx(
        scores[rank - 1], abs=1e-6
    )


def test_threshold_is_reached_by_its_own_photograph_and_by_its_ties():
    for score in np.random.default_rng(3).random(200):
        assert 0 < choose_threshold(np.full(30, score), 0.9) <= score


def test_too_few_referable_for_any_promise_means_everybody_is_referred():
    assert choose_threshold(np.full(8, 0.7), 0.9) == 1e-6
    assert choose_threshold(np.zeros(30), 0.9) == 1e-6


def test_ties_are_called_referable():
    probabilities = np.tile([0.3, 0.2, 0.3, 0.1, 0.1], (60, 1))
    found = calibrate(probabilities, np.r_[np.zeros(30, dtype=int), np.full(30, 2)])
    assert found.after.sensitivity.value == 1.0
    assert found.after.specificity.value == 0.0
    assert found.auc == 0.5


def test_every_photograph_is_counted_once():
    probabilities, grades = make_clinic(np.random.default_rng(9), 120)
    found = calibrate(probabilities, grades)
    for stage in (found.before, found.after):
        assert stage.true_positives + stage.false_negatives == (grades >= 2).sum()
        assert stage.true_negatives + stage.false_positives == (grades < 2).sum()
        assert sum(part.count for part in stage.reliability) == 120
    assert found.before.temperature == 1.0
    assert found.graded_count == 120


def test_order_of_the_photographs_does_not_matter():
    generator = np.random.default_rng(4)
    probabilities, grades = make_clinic(generator, 90, **SHIFTED)
    order = generator.permutation(90)
    one, other = calibrate(probabilities, grades), calibrate(probabilities[order], grades[order])
    assert one.after.threshold == other.after.threshold
    assert one.after.sensitivity == other.after.sensitivity


@pytest.mark.parametrize(
    ("referable", "others", "words"),
    [
        (12, 100, "add 8 more with referable DR"),
        (40, 3, "add 17 more without referable DR"),
        (20, 20, "add 10 more of any grade"),
        (15, 5, "add 5 more with referable DR .*, 15 more without referable DR .* and 10 more of any grade"),
        (0, 0, "add 20 more with referable DR"),
    ],
)
def test_too_few_photographs_are_told_how_many_more(referable, others, words):
    with pytest.raises(ConfigurationError, match=words):
        check_sample(np.r_[np.full(referable, 3), np.zeros(others, dtype=int)].astype(np.int64), 0.9)


def test_more_sensitivity_needs_more_referable_photographs():
    assert [needed_referable(wanted) for wanted in (0.5, 0.9, 0.95, 0.98, 0.99)] == [20, 20, 20, 50, 100]
    with pytest.raises(ConfigurationError, match="add 20 more with referable DR"):
        check_sample(np.r_[np.full(30, 2), np.zeros(90, dtype=int)], 0.98)


@pytest.mark.parametrize("wanted", [0.4, 1.0, float("nan")])
def test_impossible_sensitivity_is_refused(wanted):
    with pytest.raises(ConfigurationError, match="sensitivity must lie between"):
        check_sample(np.arange(100) % 5, wanted)


def test_programmers_mistakes_are_told():
    with pytest.raises(ValueError, match="grades must be"):
        check_sample(np.full(100, 5), 0.9)
    with pytest.raises(ValueError, match="probabilities must be"):
        calibrate(np.ones((99, 5)), np.arange(100) % 5)


def test_one_grade_that_was_held_for_impossible_does_not_decide_alone():
    probabilities, grades = make_clinic(np.random.default_rng(3), 200, **SHIFTED)
    usual = calibrate(probabilities, grades)
    worst = int(np.argmax(grades))
    probabilities[worst] = (1.0, 0.0, 0.0, 0.0, 0.0)
    found = calibrate(probabilities, grades)
    assert found.after.temperature == pytest.approx(usual.after.temperature, rel=0.5)
    assert TEMPERATURES[0] < found.after.temperature < TEMPERATURES[-1]
