"""The Screen page, driven through app.py: what it shows for good, poor and wrong photographs."""

import numpy as np

from dr_core.domain.grades import Grade
from dr_core.domain.intended_use import INTENDED_USE, MACULAR_OEDEMA_NOTE, NOT_VALIDATED_NOTE
from dr_core.domain.quality import Defect, QualityReport
from dr_core.domain.results import LESIONS
from dr_core.imaging.encode import encode_png
from dr_core.model.explain import ExplanationMethod
from dr_core.screening.pipeline import Screening
from tests.fakes import make_operating_point, make_side
from tests.pages.screen_app import HEALTHY, check, draw, draw_large, open_page, read_text, upload

NOT_A_FUNDUS = encode_png(np.random.default_rng(1).integers(0, 255, (300, 400, 3), dtype=np.uint8))


def test_the_first_page_says_what_it_is_for(good):
    text = read_text(open_page())
    assert INTENDED_USE in text
    assert "How it works" in text
    assert good.calls == 0


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
        "download_fhir",
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
    use_classifier()
    text = read_text(upload(open_page(), ("eye.jpg", fundus_jpeg)))
    assert "Ungradable: blur, dark." in text
    assert Defect.BLUR.advice in text
    assert "Retake or refer" in text
    assert "Traffic light: amber" in text
    assert not any(f"Grade {grade.value}" in text for grade in Grade)
    assert "Where the network looked" not in text


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
    eyes = [button.label.split(" · ")[0] for button in app.button if " · " in button.label]
    assert eyes == ["Right eye (OD)", "Left eye (OS)"]


def test_the_other_eye_is_one_key_away(good):
    app = upload(open_page(), ("p_OS.jpg", draw(1)), ("p_OD.jpg", draw(2)))
    assert app.session_state["eye_shown"] == "Right eye (OD)"
    check(app.button(key="eye_shown_S").click().run())
    assert app.session_state["eye_shown"] == "Left eye (OS)"
    assert good.calls == 2


def test_the_next_patients_right_eye_comes_first_again(good):
    app = upload(open_page(), ("p_OS.jpg", draw(1)), ("p_OD.jpg", draw(2)))
    check(app.button(key="eye_shown_S").click().run())
    check(app.button(key="next_patient").click().run())
    upload(app, ("q_OS.jpg", draw(3)), ("q_OD.jpg", draw(4)))
    assert app.session_state["eye_shown"] == "Right eye (OD)"


def test_the_user_may_set_the_eye(good):
    app = upload(open_page(), ("first.jpg", draw(1)), ("second.jpg", draw(2)))
    assert any("set the eye" in warning.value for warning in app.warning)
    first, second = app.segmented_control[0], app.segmented_control[1]
    first.set_value("Right (OD)")
    second.set_value("Left (OS)")
    check(app.run())
    assert not any("set the eye" in warning.value for warning in app.warning)
    assert any(button.label.startswith("Left eye (OS)") for button in app.button)


def test_a_third_photograph_is_sent_to_the_batch_page(good):
    app = upload(open_page(), *((f"{seed}.jpg", draw(seed)) for seed in (1, 2, 3)))
    assert any("Batch" in warning.value for warning in app.warning)
    assert good.calls == 2


def test_the_same_photograph_twice_is_shown_once(good, fundus_jpeg):
    app = upload(open_page(), ("a.jpg", fundus_jpeg), ("b.jpg", fundus_jpeg))
    assert any("given twice" in warning.value for warning in app.warning)
    assert "Both eyes together" not in read_text(app)


def test_a_photograph_given_twice_does_not_push_the_other_eye_out(good):
    app = upload(open_page(), ("p_OD.jpg", draw(1)), ("copy_OD.jpg", draw(1)), ("p_OS.jpg", draw(2)))
    assert any("given twice" in warning.value for warning in app.warning)
    assert not any("the first two" in warning.value for warning in app.warning)
    assert "Both eyes together" in read_text(app)


def test_outlines_are_an_alternative_to_the_overlay(good, fundus_jpeg):
    app = upload(open_page(), ("eye.jpg", fundus_jpeg))
    assert app.slider(key="opacity").value == 25
    check(app.segmented_control(key="drawn_as").set_value("Outlines").run())
    assert app.slider(key="level").value == 50


def test_a_slow_method_is_computed_when_chosen_and_once(good, fundus_jpeg, monkeypatch):
    asked = []

    def explain(model_input, grade, *, method, spec, progress=None):
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


def test_lesion_evidence_is_the_first_map_where_the_model_has_one(use_classifier, use_quality, fundus_jpeg):
    use_quality(QualityReport(True, 0.9))
    use_classifier(side=make_side())
    app = upload(open_page(), ("eye.jpg", fundus_jpeg))
    assert app.selectbox(key="method").value is ExplanationMethod.LESION_EVIDENCE
    assert ExplanationMethod.LESION_EVIDENCE.caption in read_text(app)
    for lesion in LESIONS:
        check(app.selectbox(key="lesion").set_value(lesion).run())
        assert not app.error
    check(app.selectbox(key="method").set_value(ExplanationMethod.GRAD_CAM).run())
    assert ExplanationMethod.GRAD_CAM.caption in read_text(app)


def test_lesion_evidence_is_not_offered_where_the_model_has_none(good, fundus_jpeg):
    app = upload(open_page(), ("eye.jpg", fundus_jpeg))
    assert ExplanationMethod.LESION_EVIDENCE.value not in app.selectbox(key="method").options


def test_what_asks_for_a_person_is_said_in_words_and_by_the_lamp(use_classifier, use_quality, fundus_jpeg):
    use_quality(QualityReport(True, 0.9))
    use_classifier(HEALTHY, side=make_side(unfamiliarity=20.0))
    text = read_text(upload(open_page(), ("eye_OS.jpg", fundus_jpeg)))
    assert "Referable DR: no; needs a reader" in text
    assert "Traffic light: amber" in text
    assert "Have a person read this photograph: several grades fit it, and it is unlike" in text
    assert "the reader's grade is among those named here" in text
    assert "Which eye?" in text
    assert "looks like a right eye (OD)" in text
    assert "hard exudates near the fovea: not seen (probability 0.12)" in text


def test_the_clinics_own_operating_point_is_quoted_with_its_figures(use_classifier, use_quality, fundus_jpeg):
    use_quality(QualityReport(True, 0.9))
    use_classifier(operating_point=make_operating_point())
    text = read_text(upload(open_page(), ("eye.jpg", fundus_jpeg))).replace("\\", "")
    assert "Operating point North clinic v2, measured on 182 of this clinic's photographs" in text
    assert "sensitivity 91% (84% to 96%), specificity 88% (79% to 94%)" in text
    # Once in the text under the banner, which speaks of results in general.
    assert text.count(NOT_VALIDATED_NOTE) == 1


def test_full_resolution_is_decoded_when_asked_for_and_let_go_afterwards(good):
    app = upload(open_page(), ("eye.jpg", draw_large()))
    (kept,) = app.session_state["photographs"].values()
    screening = kept["screening", "eye.jpg"]
    assert screening.photograph.pixels.shape[:2] == (1200, 1600)
    assert screening.field_of_view.mask.shape == (1200, 1600)
    assert sum(isinstance(thing, Screening) for thing in kept.values()) == 1
    assert "Shown at 1600 x 1200 of 2000 x 1500 pixels." in read_text(app)
    switch = next(toggle for toggle in app.toggle if toggle.label == "Full resolution")
    check(switch.set_value(True).run())
    check(app.button(key="rendering_F").click().run())
    full = [thing for what, thing in kept.items() if what[0] == "full"]
    assert [(pane.width_px, pane.height_px) for pane in full] == [(2000, 1500)]
    switch = next(toggle for toggle in app.toggle if toggle.label == "Full resolution")
    check(switch.set_value(False).run())
    assert not [what for what in kept if what[0] == "full"]


def test_a_photograph_that_fits_the_screen_has_no_switch_for_more(good, fundus_jpeg):
    app = upload(open_page(), ("eye.jpg", fundus_jpeg))
    assert not any(toggle.label == "Full resolution" for toggle in app.toggle)
    assert "640 x 480 pixels." in read_text(app)
