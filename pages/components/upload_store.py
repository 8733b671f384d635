"""Lets go of uploaded files: Streamlit itself holds their bytes until the browser session ends."""

from collections.abc import Iterable

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

__all__ = ["note_uploads", "release_noted", "release_uploads"]

NOTED_KEY = "noted_uploads"


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
