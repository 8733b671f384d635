"""Takes the README's pictures of the running app, with drawn photographs alone: ``make screenshots``.

Not a test; pytest runs it for its fixtures, and only when it is named.
"""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dr_core.domain.photograph import Laterality
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from tests.browser.driving import grade_heading, upload

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
WIDTH_PX = 1280
SETTLE_MS = 1500
PLOTS_ARE_DRAWN = """() => Array.from(document.querySelectorAll('[data-testid="stPlotlyChart"]'))
    .every(chart => chart.querySelector('.main-svg'))"""


def take(page: Page, name: str, *, height_px: int) -> None:
    """Save the page from its top, `height_px` high, once nothing moves any more."""
    page.set_viewport_size({"width": WIDTH_PX, "height": height_px})
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=20_000)
    page.wait_for_function(PLOTS_ARE_DRAWN)
    page.mouse.move(5, 300)
    page.wait_for_timeout(SETTLE_MS)
    IMAGES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=IMAGES / name)


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    """A folder of twelve different eyes, and one file that is broken."""
    folder = tmp_path / "ward"
    folder.mkdir()
    for number in range(6):
        for eye in Laterality:
            seed = 20 + 2 * number + (eye is Laterality.OS)
            drawing = FundusDrawing(
                1024, 768, eye=eye, seed=seed, microaneurysms=7 * number, haemorrhages=5 * number,
                hard_exudates=12 * max(0, number - 1), cotton_wool=max(0, number - 3), blur=0.03 * (seed == 25),
            )  # fmt: skip
            (folder / f"visit{number + 1:02d}_{eye}.jpg").write_bytes(encode_jpeg(draw_fundus(drawing)))
    (folder / "visit07_OD.jpg").write_bytes(b"interrupted copy")
    return folder


def test_screen(page: Page):
    page.get_by_role("button", name="Try a sample").click()
    expect(grade_heading(page)).to_be_visible()
    expect(page.locator(".st-key-heatmap_view figure > * > img")).to_have_count(2)
    take(page, "screen.png", height_px=1560)


def test_batch(open_session, ward: Path):
    page = open_session("/batch")
    upload(page, ward)
    page.get_by_role("button", name="Start grading").click()
    expect(page.get_by_role("heading", name="Results")).to_be_visible()
    take(page, "batch.png", height_px=1240)


@pytest.mark.parametrize(("path", "name"), [("/dataset", "dataset.png"), ("/model_card", "model.png")])
def test_page(open_session, path, name):
    page = open_session(path)
    expect(page.get_by_role("heading").first).to_be_visible()
    take(page, name, height_px=1100)
