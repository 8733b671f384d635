"""The Batch page in a real browser: folder in, CSV out, found again by its link and by nobody without it."""

import hashlib
import io
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.reports.csv import CSV_COLUMNS
from tests.browser.conftest import App
from tests.browser.driving import download, photograph_file, press_shortcut, read_csv, upload

WIDGET_LABELS = {
    "Files": "Photographs (JPEG, PNG, TIFF or DICOM)",
    "ZIP file": "ZIP file with photographs",
    "Folder on the server": "Path of the folder on the server",
}
LINK = re.compile(r".*\?job=[\w-]{40,}$")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photographs, one of them in a subfolder, a broken one, and a file that is no photograph."""
    folder = tmp_path_factory.mktemp("clinic")
    (folder / "monday").mkdir()
    names = ("a_OD.jpg", "a_OS.jpg", "=cmd.jpg", "monday/b_OD.jpg")
    for seed, name in enumerate(names, start=1):
        (folder / name).write_bytes(encode_jpeg(draw_fundus(FundusDrawing(800, 600, seed=seed))))
    (folder / "broken.jpg").write_bytes(b"no photograph")
    (folder / "notes.txt").write_text("notes")
    return folder


def choose_kind(page: Page, kind: str) -> None:
    """Say where the photographs are, and wait for the widget that takes them."""
    page.get_by_test_id("stButtonGroup").get_by_text(kind, exact=True).click()
    expect(page.get_by_text(WIDGET_LABELS[kind], exact=True).first).to_be_visible()


def start_batch(page: Page) -> None:
    page.get_by_role("button", name="Start grading").click()
    expect(page.get_by_role("heading", name="Results")).to_be_visible()


def check_report(rows: list[dict[str, str]], folder: Path) -> None:
    """Every photograph of `folder` has one row that fits it."""
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.jpg")}
    assert len(rows) == len(digests) == 5
    assert tuple(rows[0]) == CSV_COLUMNS
    assert {row["sha256"] for row in rows if row["sha256"]} >= digests - {hashlib.sha256(b"no photograph").hexdigest()}
    assert sum("=cmd.jpg" in row["file"] for row in rows) == 1
    assert not any(row["file"].startswith("=") for row in rows)
    for row in rows:
        if "broken" in row["file"]:
            assert row["status"] == "failed"
            assert row["error"]
            assert row["grade"] == ""
        else:
            assert row["status"] == "graded", row["defects"]
            assert sum(float(row[f"p_grade_{grade}"]) for grade in range(5)) == pytest.approx(1.0, abs=1e-4)
            assert (row["width"], row["height"]) == ("800", "600")


def test_folder_is_graded_and_its_csv_has_one_row_a_photograph(open_session, folder: Path):
    page = open_session("/batch")
    upload(page, folder)
    start_batch(page)
    check_report(read_csv(download(page, "batch_csv")), folder)
    expect(page.get_by_text("Other files, not graded: 1.")).to_be_visible()
    assert len(download(page, "batch_fhir").splitlines()) == 5
    packed = zipfile.ZipFile(io.BytesIO(download(page, "batch_overlays")))
    assert packed.testzip() is None
    assert sum(name.endswith((".jpg", ".png")) for name in packed.namelist()) == 4


def test_zip_is_graded(open_session, folder: Path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, path.relative_to(folder))
    page = open_session("/batch")
    choose_kind(page, "ZIP file")
    upload(page, {"name": "clinic.zip", "mimeType": "application/zip", "buffer": packed.getvalue()})
    start_batch(page)
    check_report(read_csv(download(page, "batch_csv")), folder)


def test_folder_on_the_server_is_graded_only_under_the_allowed_roots(open_session, app: App, folder: Path):
    page = open_session("/batch")
    choose_kind(page, "Folder on the server")
    path_box = page.get_by_role("textbox", name="Path of the folder on the server")
    path_box.fill(str(folder))
    path_box.press("Tab")
    page.get_by_role("button", name="Start grading").click()
    expect(page.get_by_text("No such folder under the allowed folders")).to_be_visible()
    inside = app.server_folder / "ward"
    inside.mkdir()
    (inside / "c_OD.jpg").write_bytes((folder / "a_OD.jpg").read_bytes())
    path_box.fill(str(inside))
    path_box.press("Tab")
    start_batch(page)
    (row,) = read_csv(download(page, "batch_csv"))
    assert row["status"] == "graded"


def test_batch_is_found_again_by_its_link_and_by_nobody_without_it(open_session, folder: Path):
    owner = open_session("/batch")
    choose_kind(owner, "Files")
    upload(owner, [photograph_file("secret_OD.jpg", (folder / "a_OD.jpg").read_bytes())])
    start_batch(owner)
    expect(owner).to_have_url(LINK)
    link = owner.url
    owner.reload()
    expect(owner.get_by_role("heading", name="Results")).to_be_visible()

    stranger = open_session("/batch")
    expect(stranger.get_by_role("heading", name="Grade many photographs")).to_be_visible()
    expect(stranger.get_by_text("Results", exact=True)).to_have_count(0)
    guesser = open_session("/batch?job=" + "A" * 43)
    expect(guesser.get_by_text("There is no batch under this link")).to_be_visible()

    colleague = open_session(link)
    expect(colleague.get_by_role("heading", name="Results")).to_be_visible()
    (row,) = read_csv(download(colleague, "batch_csv"))
    assert row["file"].endswith("secret_OD.jpg")


def test_work_goes_on_while_the_page_is_away(open_session, folder: Path):
    page = open_session("/batch")
    upload(page, folder)
    page.get_by_role("button", name="Start grading").click()
    expect(page).to_have_url(LINK)
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    expect(page.get_by_role("heading", name="Results")).to_be_visible()
    check_report(read_csv(download(page, "batch_csv")), folder)


def test_row_of_the_table_opens_its_photograph_and_heatmap(open_session, folder: Path):
    page = open_session("/batch")
    choose_kind(page, "Files")
    upload(page, [photograph_file("d_OD.jpg", (folder / "a_OD.jpg").read_bytes())])
    start_batch(page)
    table = page.get_by_test_id("stDataFrame")
    table.locator(".dvn-scroller").click(position={"x": 12, "y": 60})
    expect(page.get_by_role("heading", name="Row 1")).to_be_visible()
    expect(page.get_by_role("heading", name="Where the network looked")).to_be_visible()
    assert download(page, "batch_pdf_1").startswith(b"%PDF-")


def test_batch_is_read_with_keys_alone(open_session, folder: Path):
    page = open_session("/batch")
    choose_kind(page, "Files")
    data = (folder / "a_OD.jpg").read_bytes()
    upload(page, [photograph_file(name, data) for name in ("f_OD.jpg", "g_OD.jpg")])
    start_batch(page)
    expect(page.get_by_role("button", name="Next")).to_be_enabled()
    for row, key, said in ((1, "0", "0 No apparent DR"), (2, "u", "ungradable")):
        press_shortcut(page, "n")
        expect(page.get_by_role("heading", name=f"Row {row}")).to_be_visible()
        expect(
            page.locator(f".st-key-batch_reading_{row}_panel").get_by_role("button", name="Ungradable")
        ).to_be_enabled()
        press_shortcut(page, key)
        expect(page.get_by_text(f"Read as {said}", exact=False)).to_be_visible()
    expect(page.get_by_text("Read by a person: 2 of 2.", exact=False)).to_be_visible()
    rows = read_csv(download(page, "batch_csv"))
    assert [row["reader_grade"] for row in rows] == ["0", "U"]
    assert all(row["grade"] for row in rows)


def test_deleted_batch_is_gone(open_session, folder: Path):
    page = open_session("/batch")
    choose_kind(page, "Files")
    upload(page, [photograph_file("e_OD.jpg", (folder / "a_OD.jpg").read_bytes())])
    start_batch(page)
    expect(page).to_have_url(LINK)
    link = page.url
    page.get_by_role("button", name="Delete", exact=False).first.click()
    page.get_by_role("button", name="Delete this batch").click()
    expect(page.get_by_role("heading", name="Grade many photographs")).to_be_visible()
    page.goto(link)
    expect(page.get_by_text("There is no batch under this link")).to_be_visible()


def test_answers_wait_for_the_reader_whose_grades_become_a_list(open_session, folder: Path):
    page = open_session("/batch")
    choose_kind(page, "Files")
    upload(page, [photograph_file("h_OD.jpg", (folder / "a_OD.jpg").read_bytes())])
    page.get_by_text("Read first").click()
    start_batch(page)
    expect(page.get_by_text("You read first", exact=False)).to_be_visible()
    expect(page.locator(".st-key-batch_csv button").first).to_be_disabled()
    press_shortcut(page, "n")
    expect(page.get_by_text("Your grade first", exact=False)).to_be_visible()
    expect(page.get_by_role("heading", name="grade", exact=False).filter(has_text=":")).to_have_count(0)
    press_shortcut(page, "3")
    expect(page.get_by_role("heading", name="Program's grade", exact=False)).to_be_visible()
    assert download(page, "batch_graded_list").decode() == "file,grade\r\nh_OD.jpg,3\r\n"
    assert read_csv(download(page, "batch_csv"))[0]["read_blind"] == "yes"
