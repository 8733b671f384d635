"""One app server and one headless Chromium for the whole browser suite; a fresh browser session for each test."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from benchmarks.served_app import serve_app
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from tests.browser.chromium import find_chromium

STEP_TIMEOUT_MS = 60_000
# Opened at the address of a page, Streamlit looks for its server below that address before it looks at the root.
PROBES = tuple(
    f"{page}/_stcore/{name}"
    for page in ("batch", "calibrate", "dataset", "model_card")
    for name in ("health", "host-config")
)
VIEWPORT = {"width": 1360, "height": 900}
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class App:
    """A running RetinaDesk.

    Attributes:
        url: where it answers, without a slash at the end.
        log: what the server printed.
        server_folder: the one folder on the server that Batch may read.
    """

    url: str
    log: Path
    server_folder: Path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """RetinaDesk as `make run` starts it, on a free port."""
    folder = tmp_path_factory.mktemp("app")
    server_folder = folder / "served"
    server_folder.mkdir()
    with serve_app(folder, RETINADESK_ROOTS=str(server_folder)) as served:
        yield App(served.url, served.log, server_folder)
    printed = served.log.read_text()
    assert "Traceback" not in printed, printed


@pytest.fixture(scope="session")
def good_jpeg() -> bytes:
    """A clear drawn photograph of a right eye, 1024 x 768, as a JPEG file."""
    return encode_jpeg(draw_fundus(FundusDrawing(1024, 768, seed=2, microaneurysms=6)))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Headless Chromium; without one the suite fails and says what to install."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGS)
        expect.set_options(timeout=STEP_TIMEOUT_MS)
        yield browser
        browser.close()


@pytest.fixture
def open_session(app: App, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """A function that opens RetinaDesk in a browser session of its own, at a path if one is given.

    A script error, an error on the console, or a request to anybody but the app, in any of them, fails the test.
    """
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def note_console(message: ConsoleMessage) -> None:
        url = message.location.get("url", "")
        if message.type == "error" and not url.endswith(PROBES):
            troubles.append(f"console: {message.text} ({url})")

    def note_request(request: Request) -> None:
        if not request.url.startswith((app.url, "data:", "blob:")):
            troubles.append(f"request to a stranger: {request.url}")

    def open_one(path: str = "/") -> Page:
        context = chromium.new_context(viewport=VIEWPORT, accept_downloads=True, base_url=app.url)
        context.set_default_timeout(STEP_TIMEOUT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", note_console)
        page.on("pageerror", lambda error: troubles.append(f"script: {error}"))
        page.on("request", note_request)
        page.goto(path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not troubles


@pytest.fixture
def page(open_session: Callable[..., Page]) -> Page:
    """RetinaDesk's first page in a fresh browser session."""
    return open_session()
