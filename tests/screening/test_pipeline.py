"""One photograph's way: graded, ungradable or failed, never an exception, and always traceable."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dr_core import __version__
from dr_core.domain.grades import Grade
from dr_core.domain.guideline import find_follow_up
from dr_core.domain.photograph import Laterality
from dr_core.domain.results import Prediction, ReviewReason, Status
from dr_core.domain.second_look import needs_reader
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg, encode_png
from dr_core.imaging.preprocess import PREPROCESSING_VERSION, ModelInput
from dr_core.model.spec import SideSpec
from dr_core.reports.referral import describe_review
from dr_core.screening import pipeline
from dr_core.screening.pipeline import Screening, screen_photograph
from tests.fakes import FakeClassifier, make_prediction, make_side

HOSTILE = {
    "empty": b"",
    "text": b"This is no photograph.",
    "header": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "pixel": encode_png(np.zeros((1, 1, 3), dtype=np.uint8)),
    "black": encode_png(np.zeros((200, 300, 3), dtype=np.uint8)),
    "grey disc": encode_png(np.repeat(np.tri(300, 300, dtype=np.uint8)[..., None] * 90, 3, axis=2)),
}


@pytest.fixture(scope="module")
def blurred_jpeg() -> bytes:
    return encode_jpeg(draw_fundus(FundusDrawing(480, 360, blur=0.06, light=0.4)))


@pytest.fixture(scope="module")
def graded(lesions_jpeg: bytes) -> Screening:
    return screen_photograph(lesions_jpeg, "eye_OS.jpg", classifier=FakeClassifier())


def test_a_good_photograph_is_graded(graded):
    result = graded.result
    assert result.status is Status.GRADED
    assert result.name == "eye_OS.jpg"
    assert result.laterality is Laterality.OS
    assert (result.width_px, result.height_px) == (640, 480)
    assert result.error == ""
    assert result.elapsed_s > 0
    assert result.quality is not None
    assert result.quality.gradable


def test_a_batch_gets_what_a_page_gets(graded, lesions_jpeg):
    in_batch = screen_photograph(lesions_jpeg, "eye_OS.jpg", classifier=FakeClassifier(), alone=False)
    assert in_batch.result.quality == graded.result.quality
    assert in_batch.result.decision == graded.result.decision


def test_decision_follows_the_models_thresholds(graded):
    decision = graded.result.decision
    assert decision is not None
    assert decision.grade is Grade.MODERATE_NPDR
    assert decision.referable
    assert decision.referable_threshold == 0.5
    assert decision.follow_up == find_follow_up(Grade.MODERATE_NPDR)


def test_provenance_names_bytes_model_and_versions(graded, lesions_jpeg):
    spec, found = FakeClassifier().spec, graded.result.provenance
    assert found.photograph_sha256 == hashlib.sha256(lesions_jpeg).hexdigest()
    assert (found.model_name, found.model_sha256) == (spec.name, spec.sha256)
    assert found.preprocessing_version == PREPROCESSING_VERSION
    assert found.package_version == __version__
    created = datetime.fromisoformat(found.created_utc)
    assert created.tzinfo == UTC
    assert abs((datetime.now(UTC) - created).total_seconds()) < 3600


def test_heatmap_lies_in_the_photographs_frame(graded):
    heat = graded.heatmap()
    assert graded.photograph is not None
    assert graded.field_of_view is not None
    assert heat.shape == graded.photograph.pixels.shape[:2]
    assert heat.dtype == np.float32
    assert 0.0 <= heat.min() < heat.max() <= 1.0
    # The fake's maps are 1 everywhere, so the heat shows the reach of the network: inside the field.
    assert heat[240, 320] == 1.0
    assert not heat[~graded.field_of_view.mask].any()


def test_heatmap_explains_the_grade_asked_for(graded):
    assert np.array_equal(graded.heatmap(Grade.NO_DR), graded.heatmap())
    assert np.array_equal(graded.heatmap(), graded.place_heatmap(np.ones((5, 5), dtype=np.float32)))


@pytest.mark.parametrize(
    ("top", "bottom", "asks"), [(0, 0, False), (0, 110, True), (0, 180, True), (70, 70, False), (110, 0, False)]
)
def test_a_field_that_ends_at_the_bottom_alone_asks_for_a_person(fundus_pixels, top, bottom, asks):
    pixels = fundus_pixels.copy()
    pixels[:top] = pixels[len(pixels) - bottom :] = 0
    result = screen_photograph(encode_png(pixels), "eye.png", classifier=FakeClassifier(), grade_ungradable=True).result
    assert result.error == ""
    assert result.decision is not None
    assert (ReviewReason.CUT_BELOW in result.decision.review) is asks
    assert needs_reader(result) or not asks


@pytest.mark.parametrize("alone", [True, False])
def test_a_photograph_with_more_blue_than_green_asks_for_a_person(monkeypatch, lesions_jpeg, alone):
    measure = pipeline.measure_quality
    monkeypatch.setattr(
        pipeline, "measure_quality", lambda *given, **more: replace(measure(*given, **more), blueness=0.01)
    )
    result = screen_photograph(lesions_jpeg, "eye.jpg", classifier=FakeClassifier(), alone=alone).result
    assert ReviewReason.BLUE in result.decision.review
    assert "more blue than green" in describe_review(result)


def test_an_ungradable_photograph_gets_no_grade(blurred_jpeg):
    classifier = FakeClassifier()
    screening = screen_photograph(blurred_jpeg, "blurred.jpg", classifier=classifier)
    result = screening.result
    assert result.status is Status.UNGRADABLE
    assert result.prediction is None
    assert result.decision is None
    assert result.quality is not None
    assert result.quality.defects
    with pytest.raises(ValueError, match="Received: status ungradable"):
        screening.heatmap()
    with pytest.raises(ValueError, match="Received: status ungradable"):
        screening.place_heatmap(np.ones((3, 3), dtype=np.float32))


def test_research_gets_probabilities_of_an_ungradable_photograph_but_no_grade(blurred_jpeg):
    screening = screen_photograph(blurred_jpeg, "b.jpg", classifier=FakeClassifier(), grade_ungradable=True)
    assert screening.result.status is Status.UNGRADABLE
    assert screening.result.prediction is not None
    assert screening.result.decision is None
    with pytest.raises(ValueError, match="Received: status ungradable"):
        screening.heatmap()
    assert screening.heatmap(Grade.NO_DR).max() == 1.0


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_bad_photograph_fails_with_a_remedy_and_never_raises(kind):
    classifier = FakeClassifier()
    data = HOSTILE[kind]
    result = screen_photograph(data, f"{kind}_OD.jpg", classifier=classifier).result
    assert result.status is Status.FAILED
    assert result.error.endswith(".")
    assert result.name == f"{kind}_OD.jpg"
    assert result.quality is result.prediction is result.decision is None
    assert result.provenance.photograph_sha256 == hashlib.sha256(data).hexdigest()
    assert result.provenance.model_name == "fake-v1"
    assert classifier.calls == 0


def test_a_picture_of_something_else_keeps_its_pixels_and_size_for_the_page():
    screening = screen_photograph(HOSTILE["black"], "cat_OD.png", classifier=FakeClassifier())
    assert screening.photograph is not None
    assert screening.field_of_view is None
    assert (screening.result.width_px, screening.result.height_px) == (300, 200)
    assert screening.result.laterality is Laterality.OD
    with pytest.raises(ValueError, match="Received: status failed"):
        screening.heatmap()


class RetinaJudge(FakeClassifier):
    """Gives every picture the same log odds of a retina; refuses below `limit`, or nothing without one."""

    def __init__(self, log_odds: float | None, limit: float | None) -> None:
        super().__init__()
        side = SideSpec((1.0, 0.0, 0.0), 0.5, 9.0, 0.9, oedema_validated=True, retina_log_odds=limit)
        self.spec = replace(self.spec, side=side)
        self._side = make_side(retina_log_odds=log_odds)

    def predict(self, inputs: Sequence[ModelInput]) -> list[Prediction]:
        super().predict(inputs)
        return [make_prediction(side=self._side) for _ in inputs]


@pytest.mark.parametrize("grade_ungradable", [False, True])
def test_a_picture_in_which_the_network_sees_no_retina_fails_and_gets_no_grade(lesions_jpeg, grade_ungradable):
    classifier = RetinaJudge(-2.1, limit=-2.0)
    screening = screen_photograph(lesions_jpeg, "a_OS.jpg", classifier=classifier, grade_ungradable=grade_ungradable)
    result = screening.result
    assert classifier.calls == 1
    assert result.status is Status.FAILED
    assert result.error.startswith("No retina was found in this picture")
    assert result.error.endswith("Upload a colour fundus photograph, the right way up.")
    assert result.quality is result.prediction is result.decision is result.seen_laterality is None
    assert (result.width_px, result.height_px, result.laterality) == (640, 480, Laterality.OS)
    assert screening.photograph is not None
    assert screening.field_of_view is screening.model_input is None


@pytest.mark.parametrize(("log_odds", "limit"), [(-2.0, -2.0), (5.0, -2.0), (None, None)])
def test_a_retina_passes_and_so_does_everything_under_a_model_without_that_output(lesions_jpeg, log_odds, limit):
    result = screen_photograph(lesions_jpeg, "a.jpg", classifier=RetinaJudge(log_odds, limit)).result
    assert result.status is Status.GRADED


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200), name=st.text(max_size=30))
def test_random_bytes_under_any_name_give_one_failed_row(data, name):
    result = screen_photograph(data, name, classifier=FakeClassifier()).result
    assert result.status is Status.FAILED
    assert result.name == name
