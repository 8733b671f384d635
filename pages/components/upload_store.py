"""Where uploads are: in memory alone, and let go of; Streamlit itself holds them until the browser session ends."""

from collections.abc import Iterable

import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit import config
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

__all__ = ["keep_uploads_off_disk", "note_uploads", "release_noted", "release_uploads"]

NOTED_KEY = "noted_uploads"


def keep_uploads_off_disk() -> None:
    """Receive uploads in memory: what is larger than a megabyte would pass through a nameless temporary file."""
    # One megabyte more than is allowed, for what surrounds the file in the request.
    MultiPartParser.spool_max_size = (config.get_option("server.maxUploadSize") + 1) * 1024 * 1024


def note_uploads(files: Iterable[UploadedFile]) -> None:
    """Remember which files are in use on a page, so that `release_noted` can let go of them on another."""
    st.session_state[NOTED_KEY] = [file.file_id for file in files]


def release_noted() -> None:
    """Let go of the files that an earlier page noted."""
    _release(st.session_state.pop(NOTED_KEY, []))


def release_uploads(files: Iterable[UploadedFile]) -> None:
    """Let go of files that have been read to the end, and whose widget is not shown again."""
    _release([file.file_id for file in files])


def _release(file_ids: Iterable[str]) -> None:
    context = get_script_run_ctx()
    # Another store of uploads, such as that of a hosting service, has no way to let go of a file.
    if context is None or not isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        return
    for file_id in file_ids:
        context.uploaded_file_mgr.remove_file(session_id=context.session_id, file_id=file_id)
