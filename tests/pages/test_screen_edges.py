"""The Screen page from its edges: samples, hostile names, errors, and what one session may know of another."""

import re
import string
from dataclasses import replace

import numpy as np
import pytest

from dr_core.domain.errors import ModelNotFound
from dr_core.domain.grades import Grade
from dr_core.domain.quality import Defect, HiddenRetina, QualityReport
from dr_core.model.classifier import Classifier
from pages.components import heatmap_panel
from tests.fakes import make_side
from tests.pages.screen_app import check, new_session, open_page, read_text, upload


def test_a_link_straight_to_a_page_still_passes_through_the_app(good):
    app = new_session()
    check(app.switch_page("pages/screen.py").run())
    assert "not a diagnosis" in app.expander[0].label
    check(app.run())
    assert "not a diagnosis" in app.expander[0].label


def test_a_rerun_computes_nothing_again(good, fundus_jpeg):
    app = upload(open_page(), ("eye.jpg", fundus_jpeg))
    for key in ("rendering_F", "rendering_E", "rendering_O"):
        check(app.button(key=key).click().run())
    check(app.slider(key="opacity").set_value(60).run())
    assert good.calls == 1


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
    def fail(model_dir=None, operating_point=None):
        raise ModelNotFound("The file model.keras is missing. Restore the models folder.")

    monkeypatch.setattr(Classifier, "load", fail)
    app = upload(open_page(), ("eye.jpg", fundus_jpeg))
    assert "Nothing can be graded" in app.error[0].value
    assert "Restore the models folder" in app.error[0].value
    assert not app.download_button


def test_an_unexpected_error_ends_in_a_sentence_and_a_log_without_patient_data(good, fundus_jpeg, monkeypatch, caplog):
    def fail(data, name, **options):
        raise RuntimeError(name)

    monkeypatch.setattr("dr_core.screening.pipeline.decode_photograph", fail)
    app = upload(open_page(), ("Jane Doe.jpg", fundus_jpeg))
    assert "unexpected error" in app.error[0].value
    assert "RuntimeError" in caplog.text
    assert "Jane" not in caplog.text


def test_an_unexpected_error_in_the_heatmap_leaves_no_patient_data_in_the_log_either(
    good, fundus_jpeg, monkeypatch, caplog
):
    def fail(*_, **__):
        raise RuntimeError(name)

    name = "Jane Doe.jpg"

    monkeypatch.setattr(heatmap_panel, "overlay_cam", fail)
    app = upload(open_page(), (name, fundus_jpeg))
    assert ["unexpected error" in error.value for error in app.error] == [True]
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


def test_next_patient_starts_with_nothing_of_the_last_one(good, fundus_jpeg):
    app = upload(open_page(), ("jane_od.jpg", fundus_jpeg))
    check(app.button(key="next_patient").click().run())
    assert not app.session_state["photographs"]
    assert not app.file_uploader[0].value
    assert "How it works" in read_text(app)
    upload(app, ("joan_od.jpg", fundus_jpeg))
    assert "joan" in read_text(app)
    assert "jane" not in read_text(app)


@pytest.mark.parametrize("page", ["pages/batch.py", "pages/dataset.py", "pages/model_card.py"])
def test_another_page_keeps_nothing_of_a_photograph(good, fundus_jpeg, page):
    app = upload(open_page(), ("eye.jpg", fundus_jpeg))
    check(app.switch_page(page).run())
    assert not app.session_state["photographs"]


@pytest.mark.parametrize("content", [None, b"{", b"{}"])
def test_an_operating_point_that_cannot_be_read_stops_the_page(good, fundus_jpeg, monkeypatch, tmp_path, content):
    path = tmp_path / "north.json"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("RETINADESK_OPERATING_POINT", str(path))
    app = upload(open_page(), ("eye.jpg", fundus_jpeg))
    assert "Nothing can be graded" in app.error[0].value
    assert "north" in app.error[0].value
    assert not app.download_button


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


@pytest.mark.parametrize("gradable", [True, False])
def test_hidden_parts_can_be_marked(use_classifier, use_quality, fundus_jpeg, gradable):
    use_quality(QualityReport(gradable, 0.9 if gradable else 0.1, (Defect.OBSTRUCTION,), 0.3))
    cells = np.zeros((9, 12), dtype=np.float32)
    cells[:4] = 1.0
    use_classifier(side=replace(make_side(), hidden=HiddenRetina(0.3, 0.0, cells)))
    app = upload(open_page(), ("eye.jpg", fundus_jpeg))
    (switch,) = [toggle for toggle in app.toggle if toggle.label == "Mark what is hidden"]
    assert switch.value is not gradable
    assert "About 30% of the retina cannot be seen." in read_text(app)
    check(switch.set_value(gradable).run())


def test_nothing_is_marked_where_nothing_is_hidden(good, fundus_jpeg):
    app = upload(open_page(), ("eye.jpg", fundus_jpeg))
    assert not any(toggle.label == "Mark what is hidden" for toggle in app.toggle)
