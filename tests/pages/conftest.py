"""What the page tests share: fresh caches, and a classifier and a quality gate whose answers are known."""

from collections.abc import Callable, Iterator

import pytest
import streamlit as st

from dr_core.domain.results import QualityReport
from dr_core.model.classifier import Classifier
from tests.pages.screen_app import MODERATE, FixedClassifier


@pytest.fixture(autouse=True)
def _fresh_caches() -> Iterator[None]:
    """Tests replace the classifier, which the app caches for all sessions."""
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def use_classifier(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FixedClassifier]:
    """A function that puts a classifier with a fixed answer in the model's place."""

    def use(probabilities: tuple[float, float, float, float, float] = MODERATE, **options: object) -> FixedClassifier:
        fixed = FixedClassifier(probabilities, **options)
        monkeypatch.setattr(Classifier, "load", lambda model_dir=None, operating_point=None: fixed)
        return fixed

    return use


@pytest.fixture
def use_quality(monkeypatch: pytest.MonkeyPatch) -> Callable[[QualityReport], None]:
    """A function that puts a fixed verdict in the quality gate's place."""

    def use(report: QualityReport) -> None:
        monkeypatch.setattr("dr_core.screening.pipeline.assess_quality", lambda photograph, field, opinion=None: report)

    return use


@pytest.fixture
def good(
    use_classifier: Callable[..., FixedClassifier], use_quality: Callable[[QualityReport], None]
) -> FixedClassifier:
    """Every photograph is gradable, and moderate NPDR."""
    use_quality(QualityReport(True, 0.9))
    return use_classifier()
