"""The Screen page for a keyboard, a screen reader and a reader with low vision: states, downloads and themes."""

import csv
import io

import pytest
from playwright.sync_api import Page, expect

from dr_core.domain.photograph import Laterality
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from tests.browser.driving import grade_heading, photograph_file, press_shortcut, upload

WHITE = "rgb(255, 255, 255)"
# In one turn of the browser's loop, as nobody could click: the page has not begun to draw itself anew.
CLICK_BOTH = """([first, second]) => {
    document.querySelector(`.st-key-${first} button`).click();
    document.querySelector(`.st-key-${second} button`).click();
}"""


def read_download(page: Page, act) -> list[dict[str, str]]:
    with page.expect_download() as waiting:
        act()
    return list(csv.DictReader(io.StringIO(waiting.value.path().read_text("utf-8"))))


@pytest.fixture
def both_eyes(page: Page, good_jpeg: bytes) -> Page:
    """Two photographs of one patient, graded."""
    left = encode_jpeg(draw_fundus(FundusDrawing(1024, 768, eye=Laterality.OS, seed=4)))
    upload(page, [photograph_file("a_OD.jpg", good_jpeg), photograph_file("a_OS.jpg", left)])
    expect(grade_heading(page)).to_be_visible()
    expect(page.get_by_role("button", name="FHIR")).to_be_visible()
    return page


def test_a_screen_reader_is_told_what_is_chosen(both_eyes: Page):
    page = both_eyes
    expect(page.get_by_role("button", name="Right eye (OD)", pressed=True)).to_be_visible()
    expect(page.get_by_role("button", name="Left eye (OS)", pressed=False)).to_be_visible()
    press_shortcut(page, "f")
    expect(page.get_by_role("button", name="Red-free", pressed=True)).to_be_visible()
    expect(page.get_by_role("button", name="Original", pressed=False)).to_be_visible()
    expect(page.get_by_role("img", name="Photograph, right eye (OD): Red-free")).to_have_count(2)
    for place in ("first", "second"):
        expect(page.get_by_role("radiogroup", name=f"Eye on the {place} photograph")).to_be_visible()


def test_a_download_pressed_at_once_after_a_change_holds_the_change(both_eyes: Page):
    page = both_eyes
    reading = page.locator("[class*='st-key-reading_'][class*='_2'] button").first
    name = reading.evaluate("b => b.closest('[class*=st-key-reading_]').className.match(/st-key-(\\S+)/)[1]")
    rows = read_download(page, lambda: page.evaluate(CLICK_BOTH, [name, "download_csv"]))
    assert rows[0]["reader_grade"] == "2"
    page.get_by_role("textbox", name="Note").fill("below the disc")
    rows = read_download(page, lambda: page.locator(".st-key-download_csv button").click())
    assert rows[0]["reader_note"] == "below the disc"
    expect(page.get_by_test_id("stDownloadButtonError")).to_have_count(0)


def test_colours_stay_light_in_a_dark_browser(open_session):
    page = open_session()
    page.emulate_media(color_scheme="dark")
    page.evaluate("() => localStorage.setItem('stActiveTheme-/-v2', JSON.stringify({ name: 'Dark' }))")
    page.reload()
    expect(page.get_by_role("heading", name="How it works")).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", WHITE)
    expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", "light only")


def test_forced_colours_keep_lamps_plots_what_is_chosen_and_what_a_maps_colours_mean(page: Page):
    page.emulate_media(forced_colors="active", color_scheme="dark")
    page.get_by_role("button", name="Try a sample").click()
    expect(grade_heading(page)).to_be_visible()
    expect(page.get_by_test_id("stPlotlyChart")).to_have_css("background-color", WHITE)
    expect(page.locator(".rd-lit").first).to_have_css("forced-color-adjust", "none")
    chosen = page.get_by_role("button", name="Original", pressed=True)
    other = page.get_by_role("button", name="Red-free", pressed=False)
    ground = "button => getComputedStyle(button).backgroundColor"
    assert chosen.evaluate(ground) != other.evaluate(ground)
    legend = page.locator(".st-key-heatmap_view .legend").filter(visible=True)
    expect(legend).to_have_text("Evidence for lesionsnonemost")
    page.get_by_text("Outlines", exact=True).click()
    expect(legend).to_have_text("Inside the line: evidence for lesions, 50% or more")
