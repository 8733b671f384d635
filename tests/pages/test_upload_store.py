"""Uploaded bytes are let go of as soon as a page has done with them, and those of other sessions are left alone."""

import tomllib
from types import SimpleNamespace

import pytest
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from dr_core.imaging.decode import MAX_BYTES
from pages.components import upload_store
from pages.components.upload_limits import ARCHIVE_LIMIT_MB, LIST_LIMIT_MB, PHOTOGRAPH_LIMIT_MB
from pages.components.upload_store import keep_uploads_off_disk, note_uploads, release_noted, release_uploads
from tests.apart import run_apart
from tests.conftest import ROOT


@pytest.fixture
def store(monkeypatch) -> MemoryUploadedFileManager:
    """Streamlit's store with two files of this session and one of another."""
    manager = MemoryUploadedFileManager("/upload")
    for session, name in (("mine", "a"), ("mine", "b"), ("yours", "c")):
        manager.add_file(session, UploadedFileRec(name, f"{name}.jpg", "image/jpeg", b"photograph"))
    context = SimpleNamespace(uploaded_file_mgr=manager, session_id="mine")
    monkeypatch.setattr(upload_store, "get_script_run_ctx", lambda: context)
    monkeypatch.setattr(upload_store.st, "session_state", {})
    return manager


def open_file(store: MemoryUploadedFileManager, name: str) -> UploadedFile:
    (record,) = store.get_files("mine", [name])
    return UploadedFile(record, FileURLs())


def test_files_that_were_read_are_gone_and_others_stay(store):
    release_uploads([open_file(store, "a")])
    assert [record.file_id for record in store.get_files("mine", ["a", "b"])] == ["b"]
    assert store.get_files("yours", ["c"])


def test_noted_files_are_let_go_of_on_the_next_page_once(store):
    note_uploads([open_file(store, "a"), open_file(store, "b")])
    release_noted()
    assert store.get_files("mine", ["a", "b"]) == []
    release_noted()
    assert store.get_files("yours", ["c"])


def test_a_store_that_cannot_let_go_is_left_alone(monkeypatch):
    context = SimpleNamespace(uploaded_file_mgr=object(), session_id="mine")
    monkeypatch.setattr(upload_store, "get_script_run_ctx", lambda: context)
    release_uploads([SimpleNamespace(file_id="a")])


def test_no_widget_promises_more_than_the_server_takes():
    allowed = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["server"][
        "maxUploadSize"
    ]
    assert allowed >= max(ARCHIVE_LIMIT_MB, PHOTOGRAPH_LIMIT_MB, LIST_LIMIT_MB)
    assert PHOTOGRAPH_LIMIT_MB * 1024 * 1024 == MAX_BYTES


def test_uploads_do_not_touch_the_disk(monkeypatch):
    monkeypatch.setattr(MultiPartParser, "spool_max_size", MultiPartParser.spool_max_size)
    keep_uploads_off_disk()
    body = (
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="eye.jpg"\r\n\r\n'
        + bytes(5_000_000)
        + b"\r\n--x--\r\n"
    )

    async def stream():
        yield body

    parser = MultiPartParser(Headers({"content-type": "multipart/form-data; boundary=x"}), stream())
    with run_apart(parser.parse())["f"].file as received:
        assert len(received.read()) == 5_000_000
        assert not received._rolled
