"""The Screen page, driven through app.py: what it shows for good, poor and wrong photographs, and to whom."""

import re
import string
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dr_core.domain.errors import ModelNotFound
from dr_core.domain.grades import Grade
from dr_core.domain.intended_use import INTENDED_USE, MACULAR_OEDEMA_NOTE, NOT_VALIDATED_NOTE
from dr_core.domain.results import Defect, Prediction, QualityReport
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg, encode_png
from dr_core.imaging.preprocess import ModelInput
from dr_core.model.classifier import Classifier
from dr_core.model.explain import ExplanationMethod
from dr_core.model.spec import load_spec
from tests.conftest import ROOT

TIMEOUT_S = 120
NOT_A_FUNDUS = encode_png(np.random.default_rng(1).integers(0, 255, (300, 400, 3), dtype=np.uint8))
MODERATE = (0.05, 0.05, 0.7, 0.15, 0.05)
HEALTHY = (0.9, 0.05, 0.03, 0.01, 0.01)


class FixedClassifier:
    """Says the same of every photograph, so that a test knows what the page has to show."""

    def __init__(self, probabilities: tuple[float, float, float, float, float]) -> None:
        self.spec = load_spec()
        self.calls = 0
        self._probabilities = probabilities

    def predict(self, inputs: Sequence[ModelInput]) -> list[Prediction]:
        self.calls += 1
        maps = np.random.default_rng(2).random((4, 4, 5)).astype(np.float32)
        expected = float(np.dot(self._probabilities, range(5)))
        return [Prediction(self._probabilities, expected, sum(self._probabilities[2:]), maps) for _ in inputs]


@pytest.fixture(autouse=True)
def _fresh_caches() -> Iterator[None]:
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def use_classifier(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FixedClassifier]:
    def use(probabilities: tuple[float, float, float, float, float] = MODERATE) -> FixedClassifier:
        fixed = FixedClassifier(probabilities)
        monkeypatch.setattr(Classifier, "load", lambda model_dir=None: fixed)
        return fixed

    return use


@pytest.fixture
def use_quality(monkeypatch: pytest.MonkeyPatch) -> Callable[[QualityReport], None]:
    def use(report: QualityReport) -> None:
        monkeypatch.setattr("dr_core.screening.pipeline.assess_quality", lambda photograph, field: report)

    return use


@pytest.fixture
def good(use_classifier: Callable[..., FixedClassifier], use_quality: Callable[[QualityReport], None]):
    use_quality(QualityReport(True, 0.9))
    return use_classifier()


def open_page() -> AppTest:
    return check(AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S).run())


def check(app: AppTest) -> AppTest:
    assert not app.exception
    return app


def upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    app.file_uploader[0].set_value([(name, data, "image/jpeg") for name, data in files])
    return check(app.run())


def read_text(app: AppTest) -> str:
    elements = (app.markdown, app.caption, app.error, app.warning, app.html)
    return "\n".join(str(element.value) for kind in elements for element in kind)


def draw(seed: int) -> bytes:
    return encode_jpeg(draw_fundus(FundusDrawing(400, 300, seed=seed)))


def test_the_first_page_says_what_it_is_for(good):
    text = read_text(open_page())
    assert INTENDED_USE in text
    assert "How it works" in text
    assert good.calls == 0


def test_a_link_straight_to_a_page_still_passes_through_the_app(good):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S)
    check(app.switch_page("pages/screen.py").run())
    assert "not a diagnosis" in app.expander[0].label
    check(app.run())
    assert "not a diagnosis" in app.expander[0].label


def test_a_photograph_gets_quality_grade_referral_interval_and_heatmap(good, lesions_jpeg):
    app = upload(open_page(), ("eye_OD.jpg", lesions_jpeg))
    text = read_text(app)
    assert "Gradable" in text
    assert f"Grade 2: {Grade.MODERATE_NPDR.label}" in text
    assert "Referable DR: yes" in text
    assert "Traffic light: red" in text
    assert "within 3-6 months (ICO 2017" in text
    assert "PMC6202564" in text
    assert MACULAR_OEDEMA_NOTE in text
    assert NOT_VALIDATED_NOTE in text
    assert "Where the network looked" in text
    assert ExplanationMethod.GRAD_CAM.caption in text
    assert app.segmented_control[0].value == "Right (OD)"
    assert {button.key for button in app.download_button} >= {
        "download_pdf",
        "download_csv",
        "download_json",
        "download_overlay",
    }
    assert not app.error


def test_a_healthy_eye_is_told_in_words_and_by_the_lamp(use_classifier, use_quality, fundus_jpeg):
    use_quality(QualityReport(True, 0.9))
    use_classifier(HEALTHY)
    text = read_text(upload(open_page(), ("eye.jpg", fundus_jpeg)))
    assert "Referable DR: no" in text
    assert "Traffic light: green" in text
    assert "in 1-2 years" in text


def test_an_ungradable_photograph_gets_advice_and_neither_grade_nor_heatmap(use_classifier, use_quality, fundus_jpeg):
    use_quality(QualityReport(False, 0.1, (Defect.BLUR, Defect.DARK)))
    fixed = use_classifier()
    text = read_text(upload(open_page(), ("eye.jpg", fundus_jpeg)))
    assert "Ungradable: blur, dark." in text
    assert Defect.BLUR.advice in text
    assert "Retake or refer" in text
    assert "Traffic light: amber" in text
    assert not any(f"Grade {grade.value}" in text for grade in Grade)
    assert "Where the network looked" not in text
    assert fixed.calls == 0


def test_what_is_no_fundus_is_refused_with_a_sentence(good):
    app = upload(open_page(), ("holiday.png", NOT_A_FUNDUS))
    assert "No retina was found" in app.error[0].value
    assert "Grade" not in read_text(app).replace("Not graded", "")
    assert good.calls == 0


def test_a_broken_file_is_refused_with_a_sentence(good):
    app = upload(open_page(), ("eye.jpg", b"this is a letter"))
    assert "Not graded" in app.error[0].value
    assert not any(button.key == "download_pdf" for button in app.download_button)


def test_both_eyes_end_with_a_summary_of_the_visit(good):
    app = upload(open_page(), ("p_OS.jpg", draw(1)), ("p_OD.jpg", draw(2)))
    text = read_text(app)
    assert "Both eyes together" in text
    assert "The worse eye decides" in text
    labels = [button.label for button in app.button]
    assert labels.index("Right eye (OD)") < labels.index("Left eye (OS)")


def test_the_other_eye_is_one_key_away(good):
    app = upload(open_page(), ("p_OS.jpg", draw(1)), ("p_OD.jpg", draw(2)))
    assert app.session_state["eye_shown"] == "Right eye (OD)"
    check(app.button(key="eye_shown_2").click().run())
    assert app.session_state["eye_shown"] == "Left eye (OS)"
    assert good.calls == 2


def test_the_user_may_set_the_eye(good):
    app = upload(open_page(), ("first.jpg", draw(1)), ("second.jpg", draw(2)))
    assert any("set the eye" in warning.value for warning in app.warning)
    first, second = app.segmented_control[0], app.segmented_control[1]
    first.set_value("Right (OD)")
    second.set_value("Left (OS)")
    check(app.run())
    assert not any("set the eye" in warning.value for warning in app.warning)
    assert any(button.label == "Left eye (OS)" for button in app.button)


def test_a_third_photograph_is_sent_to_the_batch_page(good):
    app = upload(open_page(), *((f"{seed}.jpg", draw(seed)) for seed in (1, 2, 3)))
    assert any("Batch" in warning.value for warning in app.warning)
    assert good.calls == 2


def test_the_same_photograph_twice_is_shown_once(good, fundus_jpeg):
    app = upload(open_page(), ("a.jpg", fundus_jpeg), ("b.jpg", fundus_jpeg))
    assert any("given twice" in warning.value for warning in app.warning)
    assert "Both eyes together" not in read_text(app)


def test_a_rerun_computes_nothing_again(good, fundus_jpeg):
    app = upload(open_page(), ("eye.jpg", fundus_jpeg))
    for key in ("rendering_F", "rendering_E", "rendering_O"):
        check(app.button(key=key).click().run())
    check(app.slider(key="opacity").set_value(60).run())
    assert good.calls == 1


def test_outlines_are_an_alternative_to_the_overlay(good, fundus_jpeg):
    app = upload(open_page(), ("eye.jpg", fundus_jpeg))
    assert app.slider(key="opacity").value == 25
    check(app.segmented_control(key="drawn_as").set_value("Outlines").run())
    assert app.slider(key="level").value == 50


def test_a_slow_method_is_computed_when_chosen_and_once(good, fundus_jpeg, monkeypatch):
    asked = []

    def explain(model_input, grade, *, method, model_dir=None, progress=None):
        asked.append((method, grade))
        progress(0.5)
        return np.ones((5, 5), dtype=np.float32)

    monkeypatch.setattr("pages.components.heatmap_panel.explain", explain)
    app = upload(open_page(), ("eye.jpg", fundus_jpeg))
    assert asked == []
    check(app.selectbox(key="method").set_value(ExplanationMethod.SCORE_CAM).run())
    check(app.slider(key="opacity").set_value(40).run())
    assert asked == [(ExplanationMethod.SCORE_CAM, Grade.MODERATE_NPDR)]
    assert ExplanationMethod.SCORE_CAM.caption in read_text(app)


def test_any_class_can_be_explained(good, fundus_jpeg):
    app = upload(open_page(), ("eye.jpg", fundus_jpeg))
    chooser = next(box for box in app.selectbox if box.label == "Class explained")
    assert chooser.value is Grade.MODERATE_NPDR
    check(chooser.set_value(Grade.PROLIFERATIVE_DR).run())
    assert not app.error


def test_a_hostile_name_is_shown_letter_by_letter(good, fundus_jpeg):
    name = "**b** <img src=x onerror=alert(1)> [l](http://x) $m$ :red[r] \u202e.jpg"
    app = upload(open_page(), (name, fundus_jpeg))
    shown = next(element.value for element in app.markdown if ":material/image:" in element.value)
    bare = re.sub(r"\\.", "", shown.removeprefix(":material/image: "))
    assert not set(bare) & {*string.punctuation, "\u202e"}
    assert all("onerror" not in element.value for element in app.html)


def test_the_sample_needs_no_data_of_ones_own(good):
    app = check(open_page().button(key="try_sample").click().run())
    assert "sample_lesions" in read_text(app).replace("\\", "")
    assert "Grade 2" in read_text(app)
    check(app.button(key="close_sample").click().run())
    assert "How it works" in read_text(app)


def test_an_upload_puts_the_sample_away(good, fundus_jpeg):
    app = check(open_page().button(key="try_sample").click().run())
    upload(app, ("mine.jpg", fundus_jpeg))
    assert "sample_" not in read_text(app).replace("\\", "")


def test_without_a_model_nothing_is_graded_and_the_remedy_is_told(monkeypatch, fundus_jpeg):
    def fail(model_dir=None):
        raise ModelNotFound("The file model.keras is missing. Restore the models folder.")

    monkeypatch.setattr(Classifier, "load", fail)
    app = upload(open_page(), ("eye.jpg", fundus_jpeg))
    assert "Nothing can be graded" in app.error[0].value
    assert "Restore the models folder" in app.error[0].value
    assert not app.download_button


def test_an_unexpected_error_ends_in_a_sentence_and_a_log_without_patient_data(good, fundus_jpeg, monkeypatch, caplog):
    def fail(data, name):
        raise RuntimeError(name)

    monkeypatch.setattr("dr_core.screening.pipeline.decode_photograph", fail)
    app = upload(open_page(), ("Jane Doe.jpg", fundus_jpeg))
    assert "unexpected error" in app.error[0].value
    assert "RuntimeError" in caplog.text
    assert "Jane" not in caplog.text


def test_one_session_sees_nothing_of_another(good, fundus_jpeg):
    mine, yours = open_page(), open_page()
    upload(mine, ("mine.jpg", fundus_jpeg))
    check(yours.run())
    assert "mine" not in read_text(yours)
    assert "How it works" in read_text(yours)
    assert not yours.session_state["photographs"]


def test_a_photograph_that_was_removed_is_forgotten(good, fundus_jpeg):
    app = upload(open_page(), ("eye.jpg", fundus_jpeg))
    assert len(app.session_state["photographs"]) == 1
    app.file_uploader[0].set_value(None)
    check(app.run())
    assert not app.session_state["photographs"]


@pytest.mark.parametrize(
    ("sample", "graded"), [("sample_healthy.jpg", True), ("sample_lesions.jpg", True), ("sample_blurred.jpg", False)]
)
def test_samples_pass_or_fail_the_released_gate_and_model(sample, graded):
    app = check(open_page().button(key="try_sample").click().run())
    check(app.button(key=f"take_{sample}").click().run())
    text = read_text(app)
    assert not app.error
    assert any(f"Grade {grade.value}" in text for grade in Grade) is graded
    assert ("Retake or refer" in text) is not graded
