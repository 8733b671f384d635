"""Twenty browser sessions that upload at the same time to one served app, against one that is alone.

Every session has its own drawn photograph, and reads the photograph's SHA-256 back from its own page: all must be
served, and none may see another's result. Browser sessions and server share the machine, so the times include the
browsers' own work. The 95th percentile has to stay under as many times the lone session's as there are sessions.

    python benchmarks/app_load.py --json OUT
"""

import argparse
import asyncio
import hashlib
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
# Another package's tests may be installed under the name `tests`, so the finder of the browser goes by its own name.
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "tests" / "browser"))

from chromium import find_chromium
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from playwright.async_api import Error as BrowserError

from benchmarks.measuring import (
    JPEG_QUALITY,
    Goal,
    add_json_argument,
    describe_machine,
    find_percentile,
    report,
    write_json,
)
from benchmarks.served_app import serve_app
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg

CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
TIMEOUT_MS = 170_000
LONE_ROUNDS = 3


@dataclass(frozen=True)
class Upload:
    """One session's photograph."""

    name: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Hex digest of the bytes."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Served:
    """What one session got: how long it took, and the checksums on its page; an error if it was not served."""

    seconds: float
    own: bool
    others: int
    error: str = ""


def main() -> int:
    """Measure, print and write; exit status 1 when a session was not served or saw a stranger's result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sessions", type=int, default=20, metavar="N", help="sessions at once (default: %(default)s)")
    parser.add_argument("--width", type=int, default=1536, metavar="PX", help="width of the photographs")
    add_json_argument(parser)
    arguments = parser.parse_args()
    machine = describe_machine()
    uploads = [draw_upload(number, arguments.width) for number in range(arguments.sessions)]
    with tempfile.TemporaryDirectory(prefix="retinadesk-bench-") as folder, serve_app(Path(folder)) as app:
        lone, together = asyncio.run(measure(app.url, uploads))
    lone_s = statistics.median(served.seconds for served in lone)
    done = [served for served in together if not served.error]
    times_s = [served.seconds for served in done] or [float(TIMEOUT_MS)]
    strangers = sum(served.others for served in together)
    ratio = find_percentile(times_s, 95) / lone_s
    goals = [
        Goal("sessions served with their own result", sum(served.own for served in done), len(uploads), at_least=True),
        Goal("results of others on a page", strangers, 0, at_least=False),
        Goal("95th percentile in single uploads", ratio, len(uploads), at_least=False),
    ]
    rows = [
        ["one alone", lone_s, max(served.seconds for served in lone), 1.0],
        [f"{len(uploads)} at once, p50", find_percentile(times_s, 50), "", find_percentile(times_s, 50) / lone_s],
        [f"{len(uploads)} at once, p95", find_percentile(times_s, 95), max(times_s), ratio],
    ]
    columns = ("sessions", "upload to grade s", "slowest s", "times one alone")
    report("The app under load", columns, rows, goals, machine)
    for served in [*lone, *together]:
        if served.error:
            print(f"Not served: {served.error}")
    write_json(arguments.json, machine, goals, lone_s=[served.seconds for served in lone], together_s=times_s)
    return 0 if all(goal.met for goal in goals[:2]) else 1


def draw_upload(number: int, width_px: int) -> Upload:
    """Draw the photograph of session `number`."""
    pixels = draw_fundus(FundusDrawing(width_px, round(width_px * 0.75), seed=number + 1))
    return Upload(f"session_{number:02d}_OD.jpg", encode_jpeg(pixels, quality=JPEG_QUALITY))


async def measure(url: str, uploads: list[Upload]) -> tuple[list[Served], list[Served]]:
    """Return what lone sessions got, one after the other, and what all got at once."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGS)
        everybody = {upload.sha256 for upload in uploads}
        lone = []
        for upload in uploads[: LONE_ROUNDS + 1]:
            context, page = await open_page(browser, url)
            lone.append(await upload_one(page, upload, everybody))
            await context.close()
        opened = await asyncio.gather(*(open_page(browser, url) for _ in uploads))
        pages = [page for _, page in opened]
        together = await asyncio.gather(
            *(upload_one(page, upload, everybody) for page, upload in zip(pages, uploads, strict=True))
        )
        await browser.close()
    # The first lone session also loads the model.
    return lone[1:] or lone, list(together)


async def open_page(browser: Browser, url: str) -> tuple[BrowserContext, Page]:
    """Open the app in a session of its own, ready for an upload."""
    context = await browser.new_context(base_url=url)
    context.set_default_timeout(TIMEOUT_MS)
    page = await context.new_page()
    await page.goto("/")
    await page.get_by_test_id("stFileUploaderDropzoneInput").wait_for(state="attached")
    return context, page


async def upload_one(page: Page, upload: Upload, everybody: set[str]) -> Served:
    """Upload, wait for the grade, and look whose checksum the page shows."""
    started = time.perf_counter()
    try:
        widget = page.get_by_test_id("stFileUploaderDropzoneInput")
        await widget.set_input_files({"name": upload.name, "mimeType": "image/jpeg", "buffer": upload.data})
        await page.get_by_role("heading", name="Grade ").filter(has_text=":").wait_for()
        seconds = time.perf_counter() - started
        await page.get_by_text("Provenance").first.click()
        await page.get_by_text(upload.sha256[:12]).first.wait_for()
        text = await page.locator("body").inner_text()
    except BrowserError as error:
        return Served(time.perf_counter() - started, own=False, others=0, error=str(error).splitlines()[0])
    others = sum(sha256[:12] in text for sha256 in everybody - {upload.sha256})
    return Served(seconds, own=upload.name in text, others=others)


if __name__ == "__main__":
    sys.exit(main())
