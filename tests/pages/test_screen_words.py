"""What the buttons of the two eyes say, and the headings that lead through the page."""

from dr_core.domain.quality import Defect, QualityReport
from dr_core.model.classifier import Classifier
from tests.pages.screen_app import HEALTHY, FixedClassifier, check, draw, new_session, open_page, upload


def list_labels(app) -> list[str]:
    return [button.label for button in app.button if button.key in ("eye_shown_D", "eye_shown_S")]


def test_the_buttons_of_two_eyes_say_grade_and_verdict_before_they_are_opened(good):
    app = upload(open_page(), ("p_OS.jpg", draw(1)), ("p_OD.jpg", draw(2)))
    assert list_labels(app) == ["Right eye (OD) · Moderate NPDR · refer", "Left eye (OS) · Moderate NPDR · refer"]


def test_a_readers_grade_goes_onto_the_button_and_the_same_eye_stays_open(good):
    app = upload(open_page(), ("p_OS.jpg", draw(1)), ("p_OD.jpg", draw(2)))
    check(app.button(key="eye_shown_S").click().run())
    key = next(button.key for button in app.button if button.key.startswith("reading_") and button.key.endswith("_0"))
    check(app.button(key=key).click().run())
    assert list_labels(app)[1] == "Left eye (OS) · No apparent DR · needs a second reader"
    assert app.session_state["eye_shown"] == "Left eye (OS)"


def test_an_eye_without_a_grade_says_what_is_to_be_done(good, use_quality):
    use_quality(QualityReport(False, 0.1, (Defect.BLUR,)))
    app = upload(open_page(), ("p_OS.jpg", draw(1)), ("p_OD.jpg", b"a letter"))
    assert list_labels(app) == ["Left eye (OS) · retake or refer", "Eye not stated · not graded"]


def test_a_healthy_eye_is_called_not_referable(use_quality, monkeypatch):
    use_quality(QualityReport(True, 0.9))
    monkeypatch.setattr(Classifier, "load", lambda model_dir=None, operating_point=None: FixedClassifier(HEALTHY))
    app = upload(open_page(), ("p_OS.jpg", draw(1)), ("p_OD.jpg", draw(2)))
    assert list_labels(app)[0] == "Right eye (OD) · No apparent DR · not referable"


def test_each_page_has_one_heading_of_the_first_level_and_a_name_of_its_own(fake_model, visited_server):
    app = new_session().run()
    for page, title in (("screen", "Screen one patient"), ("dataset", "Dataset"), ("model_card", "Model")):
        check(app.switch_page(f"pages/{page}.py").run())
        assert [heading.value for heading in app.title] == [title]


def test_an_ungradable_photographs_verdict_is_its_heading(good, use_quality):
    use_quality(QualityReport(False, 0.1, (Defect.BLUR,)))
    app = upload(open_page(), ("p_OD.jpg", draw(1)))
    assert any(element.value == "## Retake or refer" for element in app.markdown)
