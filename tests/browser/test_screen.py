"""The Screen page in a real browser: from an upload to grade, heatmap and report."""

import hashlib
import json

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dr_core.domain.photograph import Laterality
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.reports.csv import CSV_COLUMNS, READING_COLUMNS
from tests.browser.driving import (
    download,
    grade_heading,
    photograph_file,
    press_shortcut,
    read_csv,
    read_pictures,
    seen_text,
    upload,
    wait_until,
)
from tests.dicom_files import wrap_jpeg


def test_uploaded_photograph_shows_its_grade_and_its_heatmap(page: Page, good_jpeg: bytes):
    upload(page, photograph_file("visit_OD.jpg", good_jpeg))
    expect(grade_heading(page)).to_be_visible()
    expect(seen_text(page, "Referable DR:")).to_be_visible()
    expect(seen_text(page, "ICO 2017")).to_be_visible()
    expect(page.get_by_role("heading", name="Where the network looked")).to_be_visible()
    original, overlay = read_pictures(page, "heatmap_view")
    assert original.shape == overlay.shape
    difference = np.abs(original.astype(int) - overlay.astype(int)).max(axis=2)
    assert (difference > 20).mean() > 0.0005
    height, width = difference.shape
    assert difference[: height // 10, : width // 10].max() < 20


def test_downloads_say_what_the_page_says(page: Page, good_jpeg: bytes):
    upload(page, photograph_file("visit_OD.jpg", good_jpeg))
    expect(grade_heading(page)).to_be_visible()
    heading = grade_heading(page).inner_text().strip()
    (row,) = read_csv(download(page, "download_csv"))
    assert tuple(row) == CSV_COLUMNS
    assert (row["file"], row["status"], row["eye"]) == ("visit_OD.jpg", "graded", "OD")
    assert row["sha256"] == hashlib.sha256(good_jpeg).hexdigest()
    assert heading.startswith(f"Grade {row['grade']}: {row['grade_name']}")
    (record,) = json.loads(download(page, "download_json"))
    assert row["sha256"] in json.dumps(record)
    assert download(page, "download_pdf").startswith(b"%PDF-")
    assert download(page, "download_overlay").startswith(b"\x89PNG")


def test_dicom_file_without_extension_shows_its_grade_and_its_eye(page: Page, good_jpeg: bytes):
    upload(page, {"name": "IM000001", "mimeType": "application/dicom", "buffer": wrap_jpeg(good_jpeg, eye="L")})
    expect(grade_heading(page)).to_be_visible()
    expect(page.get_by_role("radio", name="Left (OS)")).to_be_checked()
    assert read_csv(download(page, "download_csv"))[0]["eye"] == "OS"
    assert "Secretname" not in page.content() + download(page, "download_json").decode()


def test_a_key_gives_the_readers_grade_which_decides_and_is_exported(page: Page, good_jpeg: bytes):
    upload(page, photograph_file("visit_OD.jpg", good_jpeg))
    expect(grade_heading(page)).to_be_visible()
    page.get_by_role("textbox", name="Reader").fill("A. Reader 2")
    page.keyboard.press("Enter")
    page.mouse.click(5, 400)
    press_shortcut(page, "4")
    expect(page.get_by_role("heading", name="Referable DR: yes, by the reader's grade")).to_be_visible()
    expect(seen_text(page, "Read as 4 Proliferative DR by A. Reader 2")).to_be_visible()
    (row,) = read_csv(download(page, "download_csv"))
    assert tuple(row) == (*CSV_COLUMNS, *READING_COLUMNS)
    assert (row["reader_grade"], row["reader"]) == ("4", "A. Reader 2")
    (record,) = json.loads(download(page, "download_json"))
    assert record["reading"]["follow_up"]["interval"] == "in less than 1 month"
    bundle = json.loads(download(page, "download_fhir"))
    observations = [item["resource"] for item in bundle["entry"] if item["resource"]["resourceType"] == "Observation"]
    assert [item["status"] for item in observations] == ["preliminary", "final"]
    assert observations[1]["valueCodeableConcept"]["text"] == "Proliferative DR"


def test_both_eyes_are_read_together(page: Page, good_jpeg: bytes):
    left = encode_jpeg(draw_fundus(FundusDrawing(1024, 768, eye=Laterality.OS, seed=4)))
    upload(page, [photograph_file("a_OD.jpg", good_jpeg), photograph_file("a_OS.jpg", left)])
    expect(page.get_by_role("heading", name="Both eyes together")).to_be_visible()
    rows = read_csv(download(page, "download_csv"))
    assert [row["eye"] for row in rows] == ["OD", "OS"]


def test_sample_photograph_lets_a_newcomer_try(page: Page):
    page.get_by_role("button", name="Try a sample").click()
    expect(grade_heading(page)).to_be_visible()
    page.get_by_role("button", name="Blurred", exact=True).click()
    expect(seen_text(page, "Retake or refer")).to_be_visible()
    expect(grade_heading(page)).to_have_count(0)


def test_broken_file_is_refused_with_a_sentence(page: Page):
    upload(page, photograph_file("broken.jpg", b"This is no photograph.\n" * 50))
    expect(page.get_by_text("Not graded.")).to_be_visible()
    expect(grade_heading(page)).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_truncated_file_is_refused_with_a_sentence(page: Page, good_jpeg: bytes):
    upload(page, photograph_file("truncated.jpg", good_jpeg[: len(good_jpeg) // 3]))
    expect(page.get_by_text("Not graded.")).to_be_visible()
    expect(grade_heading(page)).to_have_count(0)


def test_picture_without_a_retina_is_refused(page: Page):
    noise = np.random.default_rng(1).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    upload(page, photograph_file("holiday.jpg", encode_jpeg(noise)))
    expect(page.get_by_text("Not graded.")).to_be_visible()
    expect(seen_text(page, "fundus")).to_be_visible()


def test_file_name_is_shown_letter_by_letter_and_never_run(page: Page, good_jpeg: bytes):
    name = "<img src=x onerror=document.title='run'>**bold**.jpg"
    upload(page, photograph_file(name, good_jpeg))
    expect(grade_heading(page)).to_be_visible()
    expect(seen_text(page, "**bold**.jpg")).to_be_visible()
    expect(page.locator("strong", has_text="bold")).to_have_count(0)
    expect(page.locator('img[src="x"]')).to_have_count(0)
    assert page.title() != "run"


def test_two_sessions_at_once_see_their_own_photographs_alone(open_session, good_jpeg: bytes):
    other_jpeg = encode_jpeg(draw_fundus(FundusDrawing(1024, 768, seed=11, haemorrhages=10)))
    first, second = open_session(), open_session()
    upload(first, photograph_file("Ada_OD.jpg", good_jpeg))
    upload(second, photograph_file("Bob_OS.jpg", other_jpeg))
    for page, own, other, data in ((first, "Ada_OD", "Bob_OS", good_jpeg), (second, "Bob_OS", "Ada_OD", other_jpeg)):
        expect(grade_heading(page)).to_be_visible()
        expect(seen_text(page, own)).to_be_visible()
        expect(page.get_by_text(other)).to_have_count(0)
        (row,) = read_csv(download(page, "download_csv"))
        assert row["sha256"] == hashlib.sha256(data).hexdigest()
        assert row["file"].startswith(own)


def test_full_resolution_keeps_the_spot_that_the_reader_looks_at(page: Page):
    large = cv2.resize(draw_fundus(FundusDrawing(800, 600, seed=3)), (3200, 2400))
    upload(page, photograph_file("large_OD.jpg", encode_jpeg(large)))
    viewer = page.locator(".st-key-photograph_view")
    image = viewer.locator("figure > * > img")
    expect(image).to_have_count(1)
    viewer.get_by_role("button", name="Zoom in").click(click_count=3)

    def look() -> dict[str, float]:
        box = image.evaluate("image => image.getBoundingClientRect().toJSON()")
        return {side: box[side] for side in ("left", "top", "width", "height")}

    before = look()
    assert image.evaluate("image => image.naturalWidth") == 1600
    page.get_by_text("Full resolution", exact=True).click()
    wait_until(page, lambda: image.evaluate("image => image.naturalWidth") == 3200)
    assert look() == pytest.approx(before, abs=2)


def test_both_panes_zoom_in_step_and_keep_the_zoom(page: Page, good_jpeg: bytes):
    upload(page, photograph_file("visit_OD.jpg", good_jpeg))
    viewer = page.locator(".st-key-heatmap_view")
    images = viewer.locator("figure > * > img")
    expect(images).to_have_count(2)

    def widths() -> list[float]:
        return images.evaluate_all("images => images.map(image => image.getBoundingClientRect().width)")

    fitted, _ = widths()
    viewer.get_by_role("button", name="Zoom in").click()
    wait_until(page, lambda: widths()[0] > fitted + 5)
    left, right = widths()
    assert left == pytest.approx(right, abs=1)
    page.get_by_role("slider", name="Opacity").first.press("ArrowRight")
    expect(page.get_by_text("30 %").first).to_be_visible()
    assert widths() == pytest.approx([left, right], abs=1)
