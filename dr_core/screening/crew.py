"""A few threads that take on work until they are dismissed, even while the program is ending.

The standard thread pool refuses work from the moment the interpreter begins to end, and makes the end wait for what
is queued: a batch in the background would then fail with an error instead of being stopped.

While any crew works, OpenCV computes on the caller's thread alone. Its own threads would compete with the crew for the
same cores, which costs several per cent; the setting is the whole process's, so that it is counted and put back.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Generic, TypeVar

import cv2

__all__ = ["Crew"]

Work = TypeVar("Work")


class _OpenCvThreads:
    """Remembers how many threads OpenCV had before the first of the crews that work now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._crews = 0
        self._before = 0

    def leave_to_crew(self) -> None:
        with self._lock:
            if self._crews == 0:
                self._before = cv2.getNumThreads()
                cv2.setNumThreads(1)
            self._crews += 1

    def take_back(self) -> None:
        with self._lock:
            self._crews -= 1
            if self._crews == 0:
                cv2.setNumThreads(self._before)


_opencv_threads = _OpenCvThreads()


class Crew(Generic[Work]):
    """Threads that share one queue; they end with the program if nobody dismisses them."""

    def __init__(self, count: int, name: str) -> None:
        """Start `count` threads."""
        _opencv_threads.leave_to_crew()
        self._orders: SimpleQueue[tuple[Future[Work], Callable[[], Work]] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, name=f"{name}_{number}", daemon=True) for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Callable[[], Work]) -> Future[Work]:
        """Queue `work`, and return where its result or its exception will be."""
        future: Future[Work] = Future()
        self._orders.put((future, work))
        return future

    def dismiss(self) -> None:
        """Let the threads end after what is queued and not cancelled, and wait for them; call it once."""
        for _ in self._threads:
            self._orders.put(None)
        for thread in self._threads:
            thread.join()
        _opencv_threads.take_back()

    def _serve(self) -> None:
        while (order := self._orders.get()) is not None:
            future, work = order
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - handed to whoever asks for the result
                future.set_exception(error)
            else:
                future.set_result(result)
