"""The closed form is Grad-CAM."""

from dataclasses import replace

import numpy as np
import pytest

from dr_core.domain.grades import Grade
from dr_core.domain.photograph import FundusPhotograph
from dr_core.domain.results import LESIONS, Prediction, SideFindings
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import prepare_input
from dr_core.model.calibration import make_prediction
from dr_core.model.cam import class_activation_map, default_map, lesion_evidence, scale_to_unit
from dr_core.model.classifier import Classifier


def test_map_is_the_positive_share_of_one_class() -> None:
    maps = np.zeros((2, 2, 5), np.float32)
    maps[..., 3] = [[2.0, -1.0], [1.0, 0.0]]
    prediction = make_prediction(np.full(5, 0.2), maps)
    assert class_activation_map(prediction, Grade.SEVERE_NPDR).tolist() == [[1.0, 0.0], [0.5, 0.0]]


def test_a_class_without_evidence_has_a_cold_map() -> None:
    prediction = make_prediction(np.full(5, 0.2), -np.ones((3, 4, 5), np.float32))
    assert not class_activation_map(prediction, Grade.NO_DR).any()


@pytest.mark.parametrize("values", [[[np.nan, 1.0]], [[0.0, 0.0]], [[1e-30, 1e-30]], [[5.0]]])
def test_scaling_stays_in_range(values: list[list[float]]) -> None:
    found = scale_to_unit(np.array(values, np.float32))
    assert np.isfinite(found).all()
    assert found.min() >= 0.0
    assert found.max() <= 1.0


def test_closed_form_of_the_released_model_equals_tf_keras_vis(
    fundus_photograph: FundusPhotograph, classifier: Classifier
) -> None:
    from dr_core.model.explain import ExplanationMethod, explain

    field = find_field_of_view(fundus_photograph.pixels)
    prepared = prepare_input(fundus_photograph, field, classifier.spec.input_size)
    (prediction,) = classifier.predict([prepared])
    theirs = explain(prepared, Grade.MODERATE_NPDR, method=ExplanationMethod.GRAD_CAM, spec=classifier.spec)
    assert theirs.any()
    np.testing.assert_allclose(class_activation_map(prediction, Grade.MODERATE_NPDR), theirs, atol=1e-4)


def lesions_at(*spots: tuple[int, int, int, float]) -> Prediction:
    maps = np.zeros((6, 8, len(LESIONS)), np.float32)
    for row, column, lesion, probability in spots:
        maps[row, column, lesion] = probability
    return make_prediction(np.full(5, 0.2), np.ones((1, 1, 5), np.float32), SideFindings(0.9, 0.1, 0.5, None, maps))


def test_lesion_evidence_is_strongest_where_kinds_lie_together() -> None:
    evidence = lesion_evidence(lesions_at((1, 1, 1, 0.9), (4, 5, 1, 0.9), (4, 6, 2, 0.9)))
    assert evidence.shape == (6, 8)
    assert evidence[4, 5] > evidence[1, 1] > 0.7
    assert evidence.max() < 1.0
    assert evidence[0, 7] == 0.0


def test_faint_lesions_stay_faint() -> None:
    assert lesion_evidence(lesions_at((2, 2, 2, 0.05))).max() < 0.1


def test_the_default_map_is_grad_cam_where_no_lesions_are_mapped() -> None:
    maps = np.zeros((2, 2, 5), np.float32)
    maps[0, 1, 2] = 3.0
    prediction = make_prediction(np.full(5, 0.2), maps)
    assert default_map(prediction, Grade.MODERATE_NPDR)[0, 1] == 1.0
    assert default_map(lesions_at((1, 1, 1, 0.9)), Grade.MODERATE_NPDR).shape == (6, 8)


def test_closed_form_equals_tf_keras_vis(fundus_photograph: FundusPhotograph, tiny_classifier: Classifier) -> None:
    from dr_core.model.explain import ExplanationMethod, explain

    size = tiny_classifier.spec.input_size
    prepared = prepare_input(fundus_photograph, find_field_of_view(fundus_photograph.pixels), size)
    prepared = replace(prepared, tensor=np.ascontiguousarray(prepared.tensor))
    (prediction,) = tiny_classifier.predict([prepared])
    for grade in Grade:
        theirs = explain(prepared, grade, method=ExplanationMethod.GRAD_CAM, spec=tiny_classifier.spec)
        np.testing.assert_allclose(class_activation_map(prediction, grade), theirs, atol=2e-5)
