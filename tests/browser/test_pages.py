"""Every page loads whole, on a laptop and on a tablet, and asks nobody but the app itself."""

import urllib.request

import pytest
from playwright.sync_api import expect

from dr_core.domain.intended_use import INTENDED_USE
from tests.browser.conftest import App

PAGES = {"/": "Screen", "/batch": "Batch", "/calibrate": "Calibrate", "/dataset": "Dataset", "/model_card": "Model"}
MARKS = {
    "/": "How it works",
    "/batch": "Grade many photographs",
    "/calibrate": "Calibrate for this clinic",
    "/dataset": "Dataset",
    "/model_card": "Model",
}
# Headings of the first level where they are not the marks; on Screen a screen reader alone is told.
TITLES = MARKS | {"/": "Screen one patient"}
# A tablet, a laptop at 200% zoom, and a telephone.
WIDTHS = (820, 680, 390)


def test_health_endpoint_answers(app: App):
    with urllib.request.urlopen(f"{app.url}/_stcore/health", timeout=10) as answer:
        assert answer.status == 200
        assert answer.read() == b"ok"


@pytest.mark.parametrize("path", PAGES)
def test_page_loads_whole_names_itself_and_its_intended_use_and_fits_narrow_windows(open_session, path):
    page = open_session(path)
    expect(page.get_by_role("heading", name=MARKS[path]).first).to_be_visible()
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_text("unexpected error")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_text([TITLES[path]])
    expect(page).to_have_title(f"{PAGES[path]} - RetinaDesk")
    expect(page.get_by_role("link", name="Link to heading")).to_have_count(0)
    page.get_by_text("not a regulated medical device").first.click()
    expect(page.get_by_text(INTENDED_USE).first).to_be_visible()
    main = page.get_by_test_id("stMain")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 1180})
        page.wait_for_timeout(200)
        assert main.evaluate("main => main.scrollWidth <= main.clientWidth + 1"), width


def test_navigation_leads_to_every_page(page):
    for path, title in list(PAGES.items())[1:]:
        page.get_by_role("link", name=title).first.click()
        expect(page.get_by_role("heading", name=MARKS[path]).first).to_be_visible()
