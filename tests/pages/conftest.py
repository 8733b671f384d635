"""What the page tests share: fresh caches, models and a quality gate whose answers are known, and pages to open."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from benchmarks.simulated_clinics import make_clinic
from dr_core.domain.quality import QualityReport
from dr_core.model.classifier import Classifier
from dr_core.screening import clinic_sample
from dr_core.screening.jobs import JobRegistry, get_registry
from tests.fakes import FakeClassifier
from tests.made_clinics import plan_made_steps
from tests.pages.calibrate_app import COUNT
from tests.pages.screen_app import MODERATE, FixedClassifier, check, new_session


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
        monkeypatch.setattr(
            "dr_core.screening.pipeline.assess_quality", lambda photograph, field, opinion=None, **_: report
        )

    return use


@pytest.fixture
def good(
    use_classifier: Callable[..., FixedClassifier], use_quality: Callable[[QualityReport], None]
) -> FixedClassifier:
    """Every photograph is gradable, and moderate NPDR."""
    use_quality(QualityReport(True, 0.9))
    return use_classifier()


@pytest.fixture
def fake_model(monkeypatch: pytest.MonkeyPatch) -> FakeClassifier:
    """A model without weights in the released one's place, and no clinic's operating point."""
    classifier = FakeClassifier()
    monkeypatch.delenv("RETINADESK_OPERATING_POINT", raising=False)
    monkeypatch.setattr(Classifier, "load", lambda model_dir=None, operating_point=None: classifier)
    return classifier


@pytest.fixture
def visited_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest makes each run the first of its server, and that one is sent through app.py; later ones are not."""
    monkeypatch.setattr(PagesManager, "uses_pages_directory", False)
    monkeypatch.setattr("streamlit.testing.v1.app_test.PagesManager", type("VisitedPages", (PagesManager,), {}))


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobRegistry]:
    """The batches of a server that offers no folder of its own."""
    monkeypatch.setenv("RETINADESK_JOB_DIR", str(tmp_path / "jobs"))
    monkeypatch.delenv("RETINADESK_ROOTS", raising=False)
    registry = get_registry(tmp_path / "jobs", lifetime_s=24 * 3600)
    yield registry
    registry.close()


@pytest.fixture
def open_batch(fake_model: FakeClassifier, visited_server: None, registry: JobRegistry) -> Callable[..., AppTest]:
    """A function that opens the Batch page in a session of its own, at the link of a batch if one is given."""

    def open_one(job_id: str = "") -> AppTest:
        app = new_session().run()
        app.switch_page("pages/batch.py")
        if job_id:
            app.query_params["job"] = job_id
        return check(app.run())

    return open_one


@pytest.fixture
def open_calibrate(fake_model: FakeClassifier, visited_server: None, grades: np.ndarray) -> Callable[[], AppTest]:
    """A function that opens the Calibrate page in a session of its own."""
    return lambda: check(new_session().run().switch_page("pages/calibrate.py").run())


@pytest.fixture
def grades(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """The readers' grades of a clinic from which the model hides a part."""
    probabilities, grades = make_clinic(np.random.default_rng(2), COUNT, shift=-0.8, confidence=2.0, referable=0.4)
    monkeypatch.setattr(clinic_sample, "plan_steps", lambda classifier: plan_made_steps(probabilities))
    return grades
