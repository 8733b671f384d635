"""What several browser tests do with a page: give it files, wait, and read what it shows."""

import base64
import csv
import io
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Locator, Page, expect

READ_SOURCE = """async image => {
    const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
    return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));
}"""

FilePayload = dict[str, str | bytes]


def photograph_file(name: str, data: bytes) -> FilePayload:
    """A file for an upload widget, as Playwright wants it."""
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def upload(page: Page, files: FilePayload | list[FilePayload] | Path) -> None:
    """Give files, or a folder, to the page's upload widget."""
    widget = page.get_by_test_id("stFileUploaderDropzoneInput")
    expect(widget).to_have_count(1)
    widget.set_input_files(files)


def seen_text(page: Page, text: str) -> Locator:
    """The first place where `text` can be seen, as opposed to labels for screen readers."""
    return page.get_by_text(text).filter(visible=True).first


def wait_until(page: Page, happened: Callable[[], bool], *, timeout_s: float = 60.0) -> None:
    """Wait for what Playwright's own assertions cannot express."""
    deadline = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < deadline, f"It did not happen within {timeout_s:.0f} s."
        page.wait_for_timeout(100)


def grade_heading(page: Page) -> Locator:
    """The heading that says the grade, such as "Grade 2: Moderate NPDR"."""
    return page.get_by_role("heading", name="Grade ", exact=False).filter(has_text=":")


def read_pictures(page: Page, key: str) -> list[np.ndarray]:
    """The pictures in a viewer, (H, W, 3) uint8 RGB each, once the browser has drawn them."""
    images = page.locator(f".st-key-{key} figure > * > img")
    expect(images.first).to_be_visible()
    pictures = []
    for image in images.all():
        image.evaluate("image => image.decode()")
        encoded = base64.b64decode(image.evaluate(READ_SOURCE))
        pictures.append(cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB))
    return pictures


def press_shortcut(page: Page, key: str) -> None:
    """Press a key once the page has come to rest: React binds a shortcut a moment after its button is drawn."""
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    page.evaluate("() => new Promise(rested => requestAnimationFrame(() => setTimeout(rested, 100)))")
    page.keyboard.press(key)


def download(page: Page, key: str) -> bytes:
    """Press a download button and return the file's bytes."""
    # A rerun that is going on makes the file anew, under another address.
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    with page.expect_download() as waiting:
        page.locator(f".st-key-{key} button").filter(visible=True).click()
    return Path(waiting.value.path()).read_bytes()


def read_csv(data: bytes) -> list[dict[str, str]]:
    """Rows of a CSV report."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))
