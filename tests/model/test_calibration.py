"""Probabilities and decisions follow the frozen numbers, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from dr_core.domain.grades import Grade
from dr_core.domain.operating_point import LocalOperatingPoint, Proportion
from dr_core.domain.results import ReviewReason, SideFindings
from dr_core.model.calibration import (
    adapt,
    calibrate_boundaries,
    calibrate_logits,
    decide,
    find_grade_set,
    make_prediction,
    rank_mass,
    release,
    shift_boundaries,
    temper,
)
from dr_core.model.classifier import Classifier

NO_MAPS = np.zeros((1, 1, 5), np.float32)
SHARE = Proportion(0.9, 0.8, 0.95, 50)


def test_temperature_sharpens_and_softens_without_reordering() -> None:
    logits = np.array([0.0, 1.0, 3.0, 2.0, -1.0])
    plain, sharp, soft = (calibrate_logits(logits, t) for t in (1.0, 0.5, 2.0))
    assert sharp.max() > plain.max() > soft.max()
    for found in (plain, sharp, soft):
        assert found.sum() == pytest.approx(1.0)
        assert list(np.argsort(found)) == list(np.argsort(logits))


def test_large_logits_do_not_overflow() -> None:
    found = calibrate_logits(np.array([1e4, 0.0, 0.0, 0.0, -1e4]), 0.2)
    assert found.tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]


def test_prediction_sums_up_the_probabilities() -> None:
    prediction = make_prediction(np.array([0.1, 0.2, 0.3, 0.25, 0.15]), NO_MAPS)
    assert prediction.p_referable == pytest.approx(0.7)
    assert prediction.expected_grade == pytest.approx(0.2 + 0.6 + 0.75 + 0.6)


@pytest.mark.parametrize(
    ("probabilities", "grade"),
    [
        ((0.1, 0.1, 0.1, 0.6, 0.1), 3),
        ((0.4, 0.15, 0.3, 0.1, 0.05), 1),  # the longest bar is at one end, the middle grade is not
        ((0.5, 0.0, 0.0, 0.0, 0.5), 0),  # no boundary is more likely passed than not
        ((0.0, 0.0, 0.0, 0.0, 1.0), 4),
    ],
)
def test_the_grade_is_the_highest_that_is_more_likely_reached_than_not(
    classifier: Classifier, probabilities: tuple[float, ...], grade: int
) -> None:
    decision = decide(make_prediction(np.array(probabilities), NO_MAPS), classifier.spec)
    assert decision.grade == grade
    assert decision.follow_up.refer == (decision.referable or grade >= Grade.MODERATE_NPDR)


def test_referable_threshold_is_inclusive_and_independent_of_the_grade(classifier: Classifier) -> None:
    spec = replace(classifier.spec, referable_threshold=0.3)
    prediction = replace(make_prediction(np.array([0.7, 0.0001, 0.1, 0.1, 0.0999]), NO_MAPS), p_referable=0.3)
    decision = decide(prediction, spec)
    assert decision.grade is Grade.NO_DR
    assert decision.referable
    assert not decide(replace(prediction, p_referable=0.2999), spec).referable


def test_boundaries_at_slope_1_and_intercept_0_change_nothing() -> None:
    probabilities = np.random.default_rng(1).dirichlet(np.ones(5), 20)
    np.testing.assert_allclose(calibrate_boundaries(probabilities, [(1.0, 0.0)] * 4), probabilities, atol=1e-6)
    assert calibrate_boundaries(probabilities, ()) is probabilities


def test_calibrated_boundaries_never_cross() -> None:
    probabilities = np.random.default_rng(2).dirichlet(np.ones(5), 200)
    found = calibrate_boundaries(probabilities, [(0.5, -1.0), (1.5, 2.0), (1.0, 0.0), (0.3, 1.0)])
    assert found.min() >= 0.0
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_a_boundary_intercept_moves_its_own_probability() -> None:
    probabilities = np.array([0.3, 0.2, 0.2, 0.2, 0.1])
    found = calibrate_boundaries(probabilities, [(1.0, 0.0), (1.0, -0.5), (1.0, 0.0), (1.0, 0.0)])
    assert found[2:].sum() == pytest.approx(1 / (1 + np.exp(0.5)))
    assert found[1:].sum() == pytest.approx(0.7)


def test_tempering_softens_and_keeps_the_order() -> None:
    soft = temper(np.array([0.7, 0.1, 0.15, 0.04, 0.01]), 2.0)
    assert soft.sum() == pytest.approx(1.0)
    assert soft.max() < 0.7
    assert list(np.argsort(soft)) == [4, 3, 1, 2, 0]


def test_grade_sets_grow_to_the_likelier_neighbour_without_gaps() -> None:
    probabilities = np.array([0.05, 0.1, 0.4, 0.05, 0.4])
    assert rank_mass(probabilities, Grade.MODERATE_NPDR).tolist() == pytest.approx([0.95, 0.4, 0.0, 0.5, 0.55])
    assert find_grade_set(probabilities, Grade.MODERATE_NPDR, 0.0) == (Grade.MODERATE_NPDR,)
    assert find_grade_set(probabilities, Grade.MODERATE_NPDR, 0.45) == (Grade.MILD_NPDR, Grade.MODERATE_NPDR)
    assert find_grade_set(probabilities, Grade.MODERATE_NPDR, 1.0) == tuple(Grade)


def test_wide_sets_and_unfamiliar_photographs_ask_for_a_person(classifier: Classifier) -> None:
    spec = replace(classifier.spec, set_mass=0.99, coverage=0.9)
    side = SideFindings(0.9, 1.2, 0.5, None, np.zeros((1, 1, 4), np.float32))
    unsure = decide(make_prediction(np.array([0.2, 0.2, 0.3, 0.2, 0.1]), NO_MAPS, side), spec)
    assert unsure.review == (ReviewReason.WIDE_SET, ReviewReason.UNFAMILIAR)
    assert unsure.grade in unsure.grade_set
    sure = decide(make_prediction(np.array([0.995, 0.002, 0.001, 0.001, 0.001]), NO_MAPS), spec)
    assert sure.review == ()
    assert sure.grade_set == (Grade.NO_DR,)


def test_a_low_grade_above_the_threshold_is_referred_and_asks_for_a_person(classifier: Classifier) -> None:
    spec = replace(classifier.spec, referable_threshold=0.3)
    below = decide(make_prediction(np.array([0.4, 0.25, 0.25, 0.05, 0.05]), NO_MAPS), spec)
    assert (below.grade, below.referable) == (Grade.MILD_NPDR, True)
    assert below.follow_up.refer
    assert ReviewReason.DIVIDED in below.review
    above = decide(
        make_prediction(np.array([0.1, 0.3, 0.5, 0.05, 0.05]), NO_MAPS), replace(spec, referable_threshold=0.7)
    )
    assert (above.grade, above.referable) == (Grade.MODERATE_NPDR, False)
    assert above.follow_up.refer
    assert ReviewReason.DIVIDED in above.review


def test_a_local_operating_point_moves_the_threshold_and_is_quoted(classifier: Classifier) -> None:
    share = Proportion(0.9, 0.8, 0.95, 50)
    local = LocalOperatingPoint("Site", 2, "", classifier.spec.sha256, 1.0, 0.1, 0.9, share, share, 120)
    prediction = make_prediction(np.array([0.7, 0.15, 0.05, 0.05, 0.05]), NO_MAPS)
    assert not decide(prediction, replace(classifier.spec, referable_threshold=0.3)).referable
    decision = decide(prediction, classifier.spec, local)
    assert decision.referable
    assert decision.referable_threshold == 0.1
    assert decision.operating_point == "Site v2"


@pytest.mark.parametrize("temperature", [0.25, 0.5, 2.0, 4.0])
def test_tempering_can_be_taken_back(temperature: float) -> None:
    probabilities = np.array([0.965, 0.02, 0.01, 0.004, 0.001])
    assert temper(temper(probabilities, temperature), 1.0 / temperature) == pytest.approx(probabilities, rel=1e-9)
    assert temper(np.array([1.0, 0.0, 0.0, 0.0, 0.0]), temperature).tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("shift", [-3.0, -0.4, 1.0, 3.0])
def test_shift_moves_every_boundary_and_can_be_taken_back(shift: float) -> None:
    probabilities = np.random.default_rng(8).dirichlet(np.ones(5), 50)
    shifted = shift_boundaries(probabilities, shift)
    assert shifted.sum(axis=1) == pytest.approx(np.ones(50))
    for lowest in range(1, 5):
        before, after = (one[:, lowest:].sum(axis=1) for one in (probabilities, shifted))
        assert np.log(after / (1 - after)) - np.log(before / (1 - before)) == pytest.approx(np.full(50, shift))
    local = LocalOperatingPoint("Site", 1, "", "", 1.7, 0.3, 0.9, SHARE, SHARE, 120, shift)
    assert release(adapt(probabilities, 1.7, shift), local) == pytest.approx(probabilities, rel=1e-6)
    assert shift_boundaries(np.array([1.0, 0.0, 0.0, 0.0, 0.0]), shift).tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("shift", [-2.0, 0.0, 2.0])
@pytest.mark.parametrize("temperature", [0.25, 4.0])
def test_a_clinics_calibration_leaves_the_grades_that_fit_as_they_were(
    classifier: Classifier, temperature: float, shift: float
) -> None:
    spec = replace(classifier.spec, set_mass=0.85, coverage=0.9)
    local = LocalOperatingPoint("Site", 1, "", spec.sha256, temperature, 0.3, 0.9, SHARE, SHARE, 120, shift)
    for released in np.random.default_rng(4).dirichlet(np.ones(5), 200):
        own = decide(make_prediction(released, NO_MAPS), spec)
        here = decide(make_prediction(adapt(released, temperature, shift), NO_MAPS), spec, local)
        assert set(own.grade_set) <= set(here.grade_set)
        assert here.grade in here.grade_set
        assert own.grade is not here.grade or own.grade_set == here.grade_set
        assert here.grade_set == tuple(range(here.grade_set[0], here.grade_set[-1] + 1))
