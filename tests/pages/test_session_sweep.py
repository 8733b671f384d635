"""Sessions whose browser is gone end on time on a quiet server; fails when Streamlit's inside has moved."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import pytest
from streamlit.runtime import Runtime, RuntimeConfig, memory_session_storage
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from pages.components import session_sweep
from pages.components.session_sweep import sweep_sessions_often
from tests.apart import run_apart

TTL_S = 120


class Clock:
    """What disconnected sessions are timed by; stands still until the test turns it."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(monkeypatch, tmp_path, clock) -> Runtime:
    """A runtime of this Streamlit, with an empty page and no other visitor."""
    monkeypatch.setattr(Runtime, "_instance", None)
    monkeypatch.setattr(session_sweep, "SWEEP_EVERY_S", 0.02)
    cache = memory_session_storage.TTLCache
    monkeypatch.setattr(memory_session_storage, "TTLCache", partial(cache, timer=clock))
    page = tmp_path / "page.py"
    page.touch()
    return Runtime(
        RuntimeConfig(
            script_path=str(page),
            media_file_storage=MemoryMediaFileStorage("/media"),
            uploaded_file_manager=MemoryUploadedFileManager("/upload"),
            session_storage=MemorySessionStorage(ttl_seconds=TTL_S),
        )
    )


def upload(server: Runtime, session_id: str) -> None:
    server.uploaded_file_mgr.add_file(session_id, UploadedFileRec("a", "eye.jpg", "image/jpeg", b"photograph"))


def connect(server: Runtime, **earlier: str) -> str:
    return server.connect_session(client=SimpleNamespace(), user_info={}, **earlier)


async def wait_until(done: Callable[[], bool]) -> bool:
    for _ in range(1500):
        if done():
            return True
        await asyncio.sleep(0.02)
    return False


async def wait_for_sweep(server: Runtime) -> None:
    """Wait until a file of no session at all has been swept away."""
    upload(server, "nobody")
    assert await wait_until(lambda: "nobody" not in server.uploaded_file_mgr.file_storage)


def run(server: Runtime, visit: Callable[[], object]) -> None:
    async def start_and_visit() -> None:
        await server.start()
        await visit()
        server.stop()
        await server.stopped

    run_apart(start_and_visit())


def test_uploads_and_session_are_gone_after_their_time_without_another_visitor(server, clock):
    async def visit() -> None:
        assert sweep_sessions_often(server)
        session_id = connect(server)
        session = weakref.ref(server.get_app_session(session_id))
        upload(server, session_id)
        server.disconnect_session(session_id)
        clock.now_s = TTL_S - 1
        await wait_for_sweep(server)
        assert server.uploaded_file_mgr.get_files(session_id, ["a"])
        clock.now_s = TTL_S + 1
        gc.disable()
        try:
            assert await wait_until(lambda: not server.uploaded_file_mgr.file_storage)
            assert await wait_until(lambda: session() is None)
        finally:
            gc.enable()

    run(server, visit)


def test_session_that_somebody_still_holds_keeps_nothing_of_the_patient(server, clock):
    class Photograph:
        """Stands for a picture and its result."""

    async def visit() -> None:
        assert sweep_sessions_often(server)
        session_id = connect(server)
        # As the loop of Streamlit does, until another browser comes.
        session = server.get_app_session(session_id)
        kept = [Photograph() for _ in range(4)]
        session.session_state._new_session_state["picture"] = kept[0]
        session.session_state._new_widget_state.widget_metadata["button"] = kept[1]
        session._fragment_storage._fragments["panel"] = kept[2]
        session._browser_queue._queue.append(kept[3])
        session._client_state.query_string = "patient"
        left = [weakref.ref(photograph) for photograph in kept]
        kept.clear()
        server.disconnect_session(session_id)
        await wait_for_sweep(server)
        assert all(photograph() for photograph in left)
        clock.now_s = TTL_S + 1
        assert await wait_until(lambda: not any(photograph() for photograph in left))
        assert session._client_state.query_string == ""

    run(server, visit)


def test_browser_that_comes_back_in_time_finds_its_session(server, clock):
    async def visit() -> None:
        assert sweep_sessions_often(server)
        session_id = connect(server)
        upload(server, session_id)
        server.disconnect_session(session_id)
        clock.now_s = TTL_S - 1
        await wait_for_sweep(server)
        assert connect(server, existing_session_id=session_id) == session_id
        clock.now_s = TTL_S * 3
        await wait_for_sweep(server)
        assert server.is_active_session(session_id)
        assert server.uploaded_file_mgr.get_files(session_id, ["a"])

    run(server, visit)


def test_file_that_arrives_after_the_end_of_its_session_is_let_go_of(server):
    async def visit() -> None:
        assert sweep_sessions_often(server)
        upload(server, "ended")
        assert await wait_until(lambda: not server.uploaded_file_mgr.file_storage)

    run(server, visit)


def test_streamlit_with_another_inside_is_left_alone(server):
    async def visit() -> None:
        loop = asyncio.get_running_loop()
        # Neither a storage without a cache, nor a cache that answers otherwise, breaks the server.
        for storage in (SimpleNamespace(), SimpleNamespace(_cache=SimpleNamespace(expire=lambda: [object()]))):
            other = SimpleNamespace(
                _get_async_objs=lambda: SimpleNamespace(eventloop=loop),
                _session_mgr=SimpleNamespace(_session_storage=storage, get_session_info=lambda _: None),
                uploaded_file_mgr=object(),
            )
            sweep_sessions_often(other)
        await asyncio.sleep(0.1)
        assert not sweep_sessions_often(SimpleNamespace())

    failures: list[dict[str, object]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
        await visit()

    run(server, watched)
    assert failures == []
