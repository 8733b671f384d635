"""A finished batch on its page: the table and its filters, and the photograph that is chosen."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.batch_app import grade_files, shown_text


@pytest.fixture
def page(open_batch) -> AppTest:
    return open_batch()


def choose_first_row(monkeypatch, page: AppTest) -> None:
    """What a click on the table's canvas does, which AppTest cannot; the browser suite clicks."""
    monkeypatch.setattr("pages.components.batch_results.choose_row", lambda job, table, revision: 1)
    page.run()


def test_filters_narrow_the_table(page, registry, fundus_jpeg):
    grade_files(page, registry, {"left.jpg": fundus_jpeg, "right.jpg": fundus_jpeg, "broken.jpg": b"x"})
    page.text_input(key="batch_text").set_value("LEFT").run()
    assert list(page.dataframe[0].value["File"]) == ["left.jpg"]
    page.text_input(key="batch_text").set_value("")
    page.multiselect(key="batch_statuses").set_value(["failed"]).run()
    assert list(page.dataframe[0].value["File"]) == ["broken.jpg"]
    page.segmented_control(key="batch_referable").set_value("Referable").run()
    assert "No photograph fits" in page.info[0].value


def test_details_can_be_asked_for_and_rows_to_check_found(page, registry, fundus_jpeg):
    grade_files(page, registry, {"a.jpg": fundus_jpeg})
    assert not page.checkbox(key="batch_details").value
    page.checkbox(key="batch_details").check().run()
    assert not page.exception
    page.segmented_control(key="batch_referable").set_value("To check").run()
    assert "No photograph fits" in page.info[0].value


def test_chosen_row_shows_photograph_and_heatmap(page, registry, fundus_jpeg, monkeypatch):
    grade_files(page, registry, {"![x](http://x).jpg": fundus_jpeg, "broken.jpg": b"x"})
    choose_first_row(monkeypatch, page)
    assert not page.exception
    text = shown_text(page)
    assert "## Row 1" in text
    assert "Grade 2: Moderate NPDR" in text
    assert "Where the network looked" in text
    assert "![x](http://x).jpg" in [element.value for element in page.text]
    assert "![x](http://x)" not in "\n".join(element.value for element in page.markdown)


def test_chosen_failed_row_says_why(page, registry, monkeypatch):
    grade_files(page, registry, {"broken.jpg": b"x"})
    assert "No photograph was graded" in shown_text(page)
    choose_first_row(monkeypatch, page)
    assert not page.exception
    assert "Not graded" in page.error[0].value


def test_photograph_that_is_gone_or_changed_says_so(page, registry, fundus_jpeg, lesions_jpeg, monkeypatch):
    job = grade_files(page, registry, {"a.jpg": fundus_jpeg})
    path = Path(job.find_source(1).path)
    path.write_bytes(lesions_jpeg)
    choose_first_row(monkeypatch, page)
    assert "has changed since" in page.warning[0].value
    path.unlink()
    page.run()
    assert "no longer there" in page.warning[0].value
    assert "Grade 2: Moderate NPDR" in shown_text(page)
    assert not page.exception
