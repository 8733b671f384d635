"""Every method gives a finite map with progress, and says what it misses."""

import numpy as np
import pytest

from dr_core.domain.errors import ModelAltered
from dr_core.domain.grades import Grade
from dr_core.domain.photograph import FundusPhotograph
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import ModelInput, prepare_input
from dr_core.model.classifier import Classifier
from dr_core.model.explain import ExplanationMethod, explain, find_graders_spec, offer_methods
from dr_core.model.spec import load_spec
from tests.fakes import make_prediction, make_side

COMPUTED = [method for method in ExplanationMethod if method is not ExplanationMethod.LESION_EVIDENCE]


@pytest.fixture
def prepared(fundus_photograph: FundusPhotograph, tiny_classifier: Classifier) -> ModelInput:
    field = find_field_of_view(fundus_photograph.pixels)
    return prepare_input(fundus_photograph, field, tiny_classifier.spec.input_size)


@pytest.mark.parametrize("method", COMPUTED)
def test_every_method_gives_a_map_and_finishes_its_progress(
    method: ExplanationMethod, prepared: ModelInput, tiny_classifier: Classifier
) -> None:
    shares: list[float] = []
    spec = tiny_classifier.spec
    heat = explain(prepared, Grade.MODERATE_NPDR, method=method, spec=spec, progress=shares.append)
    assert heat.ndim == 2
    assert heat.dtype == np.float32
    assert np.isfinite(heat).all()
    assert 0.0 <= heat.min() <= heat.max() <= 1.0
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize("method", list(ExplanationMethod))
def test_every_caption_says_what_the_map_misses(method: ExplanationMethod) -> None:
    assert method.value in method.caption
    assert "microaneurysms" in method.caption or "whether or not they are diseased" in method.caption


def test_lesion_evidence_comes_first_where_the_model_maps_lesions_and_is_absent_where_it_does_not() -> None:
    assert offer_methods(make_prediction(side=make_side()))[0] is ExplanationMethod.LESION_EVIDENCE
    assert list(offer_methods(make_prediction())) == COMPUTED


def test_lesion_evidence_is_not_computed_from_gradients(prepared: ModelInput, tiny_classifier: Classifier) -> None:
    with pytest.raises(ValueError, match="Received: "):
        explain(prepared, Grade.NO_DR, method=ExplanationMethod.LESION_EVIDENCE, spec=tiny_classifier.spec)


def test_an_altered_keras_file_explains_nothing(prepared: ModelInput, tiny_model_dir, tmp_path) -> None:
    import shutil

    folder = tmp_path / "models"
    shutil.copytree(tiny_model_dir, folder)
    path = folder / "tiny.keras"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelAltered, match="SHA-256"):
        explain(prepared, Grade.NO_DR, method=ExplanationMethod.SALIENCY, spec=load_spec(folder))


def test_a_model_that_was_replaced_after_it_graded_explains_nothing(tiny_classifier: Classifier) -> None:
    spec = tiny_classifier.spec
    folder = spec.runtime.path.parent
    assert find_graders_spec(spec.sha256, folder) == spec
    with pytest.raises(ModelAltered, match=r"replaced after the program started.* Start the program again"):
        find_graders_spec("00" * 32, folder)
