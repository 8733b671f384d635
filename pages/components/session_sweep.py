"""Sessions whose browser is gone end on time, with the photographs that were uploaded in them.

Streamlit looks for disconnected sessions that have outlived `server.disconnectedSessionTTL` only when another browser
comes or goes: on a quiet evening the last patient's photograph would stay in memory until the morning. There is no
public way to ask it to look, so that its inside is used here; where another version has another inside, sessions end
when Streamlit lets them.
"""

import asyncio
import ctypes
import gc
from collections.abc import Callable
from typing import Any

from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

__all__ = ["sweep_sessions_often"]

SWEEP_EVERY_S = 10.0

# What a session keeps for its next run: files and pictures of the page, the parts of it that run alone, messages that
# nobody fetched, and what was typed.
_HOLDINGS = ("_session_state", "_fragment_storage", "_browser_queue", "_client_state")


def sweep_sessions_often(server: Runtime) -> bool:
    """Look for outlived sessions from now on, between the other work of the server's own event loop.

    Args:
        server: a runtime that has been started.

    Returns:
        Whether that can be done with this version of Streamlit.
    """
    try:
        loop: asyncio.AbstractEventLoop = server._get_async_objs().eventloop
        sweep = _make_sweep(server)
    except (AttributeError, TypeError):
        return False
    loop.call_soon_threadsafe(_repeat, loop, sweep)
    return True


def _make_sweep(server: Runtime) -> Callable[[], None]:
    """Return what ends outlived sessions.

    Raises:
        AttributeError: this version of Streamlit keeps them in another way.
    """
    manager: Any = server._session_mgr
    expire = manager._session_storage._cache.expire
    find_session, uploads = manager.get_session_info, server.uploaded_file_mgr

    def end_outlived() -> int:
        outlived = [info.session for _, info in expire() or ()]
        for session in outlived:
            session.shutdown()
            _empty(session)
        if not isinstance(uploads, MemoryUploadedFileManager):
            return len(outlived)
        # A file that was on its way when its session ended came after everything had been let go of.
        left = [session_id for session_id in list(uploads.file_storage) if find_session(session_id) is None]
        for session_id in left:
            uploads.remove_session_files(session_id)
        return len(outlived) + len(left)

    def sweep() -> None:
        if end_outlived():
            _give_memory_back()

    return sweep


def _give_memory_back() -> None:
    # What a session held refers to itself in places, and an idle server would not look for that soon.
    gc.collect()
    # Memory that is free still holds what was in it; the C library of most Linux systems gives it away when asked.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _empty(session: object) -> None:
    """Take everything out of an ended session: the server's loop holds the last one until another browser comes."""
    for holding in _HOLDINGS:
        # Put away rather than cleared, which leaves what the buttons of the page refer to.
        if hasattr(session, holding):
            setattr(session, holding, type(getattr(session, holding))())


def _repeat(loop: asyncio.AbstractEventLoop, sweep: Callable[[], None]) -> None:
    try:
        sweep()
    except (AttributeError, TypeError, ValueError):
        return  # another inside than it seemed from outside
    loop.call_later(SWEEP_EVERY_S, _repeat, loop, sweep)
