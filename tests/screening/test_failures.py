"""A photograph that failed still gets a complete row."""

import pytest

from dr_core import __version__
from dr_core.domain.photograph import FundusPhotograph, Laterality
from dr_core.domain.results import Status
from dr_core.imaging.preprocess import PREPROCESSING_VERSION
from dr_core.screening.failures import report_failure, trace_origin
from tests.fakes import FakeClassifier


def test_origin_names_photograph_model_and_versions():
    spec = FakeClassifier().spec
    origin = trace_origin("a1" * 32, spec)
    assert (origin.photograph_sha256, origin.model_name, origin.model_sha256) == ("a1" * 32, spec.name, spec.sha256)
    assert (origin.preprocessing_version, origin.package_version) == (PREPROCESSING_VERSION, __version__)
    assert origin.created_utc.endswith("+00:00")


def test_failure_without_a_photograph_tells_the_reason_and_nothing_else():
    result = report_failure("eye.jpg", "Empty. Export it again.", trace_origin("", FakeClassifier().spec))
    assert (result.name, result.status, result.error) == ("eye.jpg", Status.FAILED, "Empty. Export it again.")
    assert (result.laterality, result.width_px, result.height_px) == (None, 0, 0)
    assert (result.quality, result.prediction, result.decision) == (None, None, None)


def test_failure_of_a_decoded_photograph_keeps_its_size_and_eye(fundus_photograph: FundusPhotograph):
    eye = FundusPhotograph(fundus_photograph.pixels, "eye_od.jpg", "c3" * 32, Laterality.OD, 4000, 3000)
    result = report_failure("eye_od.jpg", "No retina.", trace_origin("c3" * 32, FakeClassifier().spec), photograph=eye)
    assert (result.laterality, result.width_px, result.height_px) == (Laterality.OD, 4000, 3000)
    assert result.elapsed_s == pytest.approx(0.0)
