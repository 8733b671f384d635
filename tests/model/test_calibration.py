"""Probabilities and decisions follow the frozen numbers, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from dr_core.domain.grades import Grade
from dr_core.model.calibration import calibrate_logits, decide, make_prediction
from dr_core.model.classifier import Classifier

NO_MAPS = np.zeros((1, 1, 5), np.float32)


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
    prediction = make_prediction(np.log([0.1, 0.2, 0.3, 0.25, 0.15]), NO_MAPS, 1.0)
    assert prediction.p_referable == pytest.approx(0.7)
    assert prediction.expected_grade == pytest.approx(0.2 + 0.6 + 0.75 + 0.6)


def test_without_cut_points_the_most_probable_grade_is_reported(classifier: Classifier) -> None:
    spec = replace(classifier.spec, grade_cuts=())
    decision = decide(make_prediction(np.log([0.1, 0.1, 0.1, 0.6, 0.1]), NO_MAPS, 1.0), spec)
    assert decision.grade is Grade.SEVERE_NPDR
    assert decision.follow_up.refer


@pytest.mark.parametrize(("expected", "grade"), [(0.39, 0), (0.4, 1), (1.59, 1), (2.1, 2), (2.9, 3), (3.5, 4)])
def test_cut_points_are_inclusive(classifier: Classifier, expected: float, grade: int) -> None:
    spec = replace(classifier.spec, grade_cuts=(0.4, 1.6, 2.4, 3.4))
    prediction = replace(make_prediction(np.zeros(5), NO_MAPS, 1.0), expected_grade=expected)
    assert decide(prediction, spec).grade == grade


def test_referable_threshold_is_inclusive_and_independent_of_the_grade(classifier: Classifier) -> None:
    spec = replace(classifier.spec, grade_cuts=(), referable_threshold=0.3)
    prediction = replace(make_prediction(np.log([0.7, 0.0001, 0.1, 0.1, 0.0999]), NO_MAPS, 1.0), p_referable=0.3)
    decision = decide(prediction, spec)
    assert decision.grade is Grade.NO_DR
    assert decision.referable
    assert not decide(replace(prediction, p_referable=0.2999), spec).referable
