"""The closed form is Grad-CAM."""

from dataclasses import replace

import numpy as np
import pytest

from dr_core.domain.grades import Grade
from dr_core.domain.photograph import FundusPhotograph
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import prepare_input
from dr_core.model.calibration import make_prediction
from dr_core.model.cam import class_activation_map, scale_to_unit
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


def test_closed_form_equals_tf_keras_vis(fundus_photograph: FundusPhotograph, tiny_classifier: Classifier) -> None:
    from dr_core.model.explain import ExplanationMethod, explain

    size = tiny_classifier.spec.input_size
    prepared = prepare_input(fundus_photograph, find_field_of_view(fundus_photograph.pixels), size)
    prepared = replace(prepared, tensor=np.ascontiguousarray(prepared.tensor))
    (prediction,) = tiny_classifier.predict([prepared])
    folder = tiny_classifier.spec.runtime.path.parent
    for grade in Grade:
        theirs = explain(prepared, grade, method=ExplanationMethod.GRAD_CAM, model_dir=folder)
        np.testing.assert_allclose(class_activation_map(prediction, grade), theirs, atol=2e-5)
