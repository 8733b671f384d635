"""A person's own grade, on the Screen page and in a batch: it decides, it is exported, and it stays with its eye."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dr_core.domain.grades import Grade
from dr_core.domain.reading import Reading
from dr_core.model.classifier import Classifier
from dr_core.screening.display import screen_for_display
from dr_core.screening.job import BatchJob
from dr_core.screening.jobs import JobRegistry
from dr_core.screening.pipeline import HiddenPlaces, Screening
from pages.components import batch_results
from pages.components.text import WORD_JOINER
from tests.pages import screen_app
from tests.pages.batch_app import counts, grade_files
from tests.pages.batch_app import shown_text as batch_text
from tests.pages.screen_app import open_page, upload


def read_text(app: AppTest) -> str:
    """Text as it is shown: what a reader typed is escaped."""
    return screen_app.read_text(app).replace("\\", "")


def press(app: AppTest, letter: str) -> AppTest:
    (button,) = (button for button in app.button if button.key.endswith(f"_{letter}") and "reading_" in button.key)
    button.click().run()
    assert not app.exception
    return app


def type_in(app: AppTest, field: str, text: str) -> None:
    (box,) = (box for box in app.text_input if box.key.endswith(f"_{field}") and "reading_" in box.key)
    box.set_value(text).run()
    assert not app.exception


def test_a_readers_grade_decides_about_referral_and_follow_up(good, lesions_jpeg):
    app = upload(open_page(), ("eye_OD.jpg", lesions_jpeg))
    type_in(app, "reader", "A. Reader")
    text = read_text(press(app, "4"))
    assert "Program's grade 2: Moderate NPDR" in text
    assert "Referable DR: yes, by the reader's grade" in text
    assert "Read as 4 Proliferative DR by A. Reader" in text
    assert "in less than 1 month" in text
    text = read_text(press(app, "1"))
    assert "needs a second reader" in text
    assert "Traffic light: amber" in text
    type_in(app, "note", "one haemorrhage")
    assert "Note: one haemorrhage" in read_text(app)
    text = read_text(press(app, "clear"))
    assert "by the reader's grade" not in text
    assert "Referable DR: yes" in text


def test_an_ungradable_photograph_can_be_read_all_the_same(use_classifier, use_quality, fundus_jpeg):
    from dr_core.domain.quality import Defect, QualityReport

    use_quality(QualityReport(False, 0.1, (Defect.BLUR,)))
    use_classifier()
    app = upload(open_page(), ("eye.jpg", fundus_jpeg))
    text = read_text(press(app, "3"))
    assert "Referable DR: yes, by the reader's grade" in text
    assert "The program gave no grade." in text


def test_a_reading_stays_with_its_eye_and_goes_with_the_patient(good, fundus_jpeg, lesions_jpeg):
    app = upload(open_page(), ("eye_OD.jpg", lesions_jpeg), ("eye_OS.jpg", fundus_jpeg))
    press(app, "4")
    assert "Proliferative DR by the reader's grade" in read_text(app)
    app.button(key="eye_shown_S").click().run()
    text = read_text(app)
    assert "Read as" not in text
    # The grade is in no report yet: the page asks before it goes.
    app.button(key="next_patient").click().run()
    assert any("in no report yet" in warning.value for warning in app.warning)
    app.button(key="stay_with_patient").click().run()
    assert "by the reader's grade" in read_text(app)
    app.button(key="next_patient").click().run()
    app.button(key="next_patient_all_the_same").click().run()
    app = upload(app, ("eye_OD.jpg", lesions_jpeg))
    assert "Read as" not in read_text(app)


@pytest.fixture
def page(open_batch) -> AppTest:
    return open_batch()


def step(page: AppTest, key: str) -> AppTest:
    page.button(key=f"batch_step_{key}").click().run()
    assert not page.exception
    return page


def test_a_batch_is_read_from_one_photograph_to_the_next(page, registry, fundus_jpeg, lesions_jpeg):
    files = {"a.jpg": fundus_jpeg, "b.jpg": lesions_jpeg, "c.jpg": fundus_jpeg}
    job = grade_files(page, registry, files)
    assert page.button(key="batch_step_B").disabled
    assert "## Row 1" in batch_text(step(page, "N"))
    press(page, "0")
    assert "## Row 1" in batch_text(page)
    assert counts(page)["Referable"] == "2"
    assert "Read by a person: 1 of 3." in batch_text(page)
    assert list(page.dataframe[0].value["Reader"]) == ["0 No apparent DR", "", ""]
    assert "## Row 2" in batch_text(step(page, "N"))
    press(page, "U")
    assert "## Row 3" in batch_text(step(page, "N"))
    assert page.button(key="batch_step_N").disabled
    assert "## Row 2" in batch_text(step(page, "B"))
    from dr_core.reports.csv import render_csv

    rows = list(csv.DictReader(io.StringIO(render_csv(job.results).decode())))
    assert [row["reader_grade"] for row in rows] == ["0", "U", ""]


def test_a_photograph_that_its_grade_takes_out_of_the_table_stays_until_the_next_step(page, registry, fundus_jpeg):
    grade_files(page, registry, dict.fromkeys(("a.jpg", "b.jpg", "c.jpg"), fundus_jpeg))
    page.segmented_control(key="batch_referable").set_value("Not read").run()
    step(page, "N")
    press(page, "1")
    assert list(page.dataframe[0].value["Row"]) == [2, 3]
    assert "## Row 1" in batch_text(page)
    press(page, "2")
    assert "## Row 1" in batch_text(page)
    assert "## Row 2" in batch_text(step(page, "N"))
    press(page, "0")
    press(step(page, "N"), "0")
    assert "No photograph fits" in page.info[0].value
    assert "## Row 3" in batch_text(page)


def test_a_key_that_comes_while_the_photograph_changes_grades_nothing(page, registry, fundus_jpeg):
    job = grade_files(page, registry, {"a.jpg": fundus_jpeg, "b.jpg": fundus_jpeg})
    step(page, "N")
    late = next(button for button in page.button if button.key == "batch_reading_1_4")
    page.session_state["batch_place"] = replace(page.session_state["batch_place"], number=2, position=1)
    late.click().run()
    assert job.read_count == 0
    assert "while the photograph was changing" in page.toast[0].value


def test_another_readers_name_stays_with_the_grade(page, registry, fundus_jpeg):
    job = grade_files(page, registry, {"a.jpg": fundus_jpeg})
    step(page, "N")
    job.read(1, Reading(Grade.NO_DR, "2026-01-02T03:04:05+00:00", "Anna"))
    page.run()
    type_in(page, "note", "seen")
    type_in(page, "reader", "Bob")
    (result,) = job.results
    assert (result.reading.reader, result.reading.note, result.reading.grade) == ("Anna", "seen", Grade.NO_DR)
    press(page, "2")
    assert job.results[0].reading.reader == "Bob"


def test_what_a_reader_typed_is_shown_letter_by_letter(good, lesions_jpeg):
    app = press(upload(open_page(), ("eye_OD.jpg", lesions_jpeg)), "3")
    type_in(app, "note", "![p](http://evil.example/leak.png)")
    assert not any("![p](http" in element.value for element in app.markdown)
    assert "![p](http://evil.example/leak.png)" in read_text(app).replace(WORD_JOINER, "")


def read_first(page: AppTest, registry: JobRegistry, files: dict[str, bytes]) -> BatchJob:
    page.checkbox(key="batch_read_first").check().run()
    return grade_files(page, registry, files)


ANSWERS = ("Moderate NPDR", "Referable DR", "Where the network looked", "Photographs by outcome", "Quality.")


def test_answers_stay_hidden_until_their_photograph_is_read(page, registry, fundus_jpeg, lesions_jpeg):
    job = read_first(page, registry, {"a.jpg": fundus_jpeg, "b.jpg": lesions_jpeg, "c.jpg": b"x"})
    assert "You read first" in batch_text(page)
    assert counts(page) == {"Photographs": "3", "Read": "0", "To read": "2", "Failed": "1"}
    table = page.dataframe[0].value
    assert list(table["Status"]) == ["to read", "to read", "failed"]
    assert list(table["Grade label"]) == list(table["Referable"]) == list(table["Follow-up"]) == ["", "", ""]
    assert table["P(referable)"].isna().all()
    assert not [box for box in page.multiselect if box.key in ("batch_statuses", "batch_grades")]
    assert not [box for box in page.selectbox if box.key == "batch_sort"]
    text = batch_text(step(page, "N"))
    assert "Your grade first" in text
    assert not [answer for answer in ANSWERS if answer in text]
    text = batch_text(press(page, "2"))
    assert "Program's grade 2: Moderate NPDR" in text
    assert "Where the network looked" in text
    assert "Photographs by outcome" not in text
    assert list(page.dataframe[0].value["Grade label"])[:2] == ["2 Moderate NPDR", ""]
    assert "Your grade first" in batch_text(step(page, "N"))
    text = batch_text(press(page, "0"))
    assert "Photographs by outcome" in text
    assert "The program beside its readers" in text
    assert [result.reading.blind for result in job.results if result.reading] == [True, True]
    assert counts(page)["Graded"] == "2"


def test_what_is_hidden_is_not_marked_before_the_photograph_is_read(page, registry, fundus_jpeg, monkeypatch):
    def screen(data: bytes, name: str, *, classifier: Classifier) -> Screening:
        found = screen_for_display(data, name, classifier=classifier)
        return replace(found, hidden=HiddenPlaces(np.ones((9, 12), np.float32), found.model_input.crop))

    monkeypatch.setattr(batch_results, "screen_for_display", screen)
    read_first(page, registry, {"a.jpg": fundus_jpeg})
    step(page, "N")
    assert not page.toggle
    press(page, "2")
    assert [switch.label for switch in page.toggle if "hatched" in switch.key] == ["Mark what is hidden"]


def test_downloads_wait_for_the_last_reading_and_nothing_of_it_is_blind_once_all_is_shown(
    page, registry, fundus_jpeg, lesions_jpeg
):
    job = read_first(page, registry, {"a.jpg": fundus_jpeg, "b.jpg": lesions_jpeg})
    downloads = {button.proto.id.rsplit("-", 1)[-1]: button.proto.disabled for button in page.get("download_button")}
    assert downloads == {"batch_csv": True, "batch_fhir": True, "batch_overlays": True}
    page.button(key="batch_show_all").click().run()
    assert not page.exception
    assert "Photographs by outcome" in batch_text(page)
    assert list(page.dataframe[0].value["Grade label"]) == ["2 Moderate NPDR", "2 Moderate NPDR"]
    step(page, "N")
    press(page, "2")
    assert [result.reading.blind for result in job.results if result.reading] == [False]
    assert "The program beside its readers" not in batch_text(page)
    assert not any(button.proto.disabled for button in page.get("download_button"))


def test_an_ordinary_batch_hides_nothing_and_reads_nothing_blind(page, registry, fundus_jpeg):
    job = grade_files(page, registry, {"a.jpg": fundus_jpeg})
    assert "You read first" not in batch_text(page)
    step(page, "N")
    press(page, "2")
    assert [result.reading.blind for result in job.results if result.reading] == [False]
