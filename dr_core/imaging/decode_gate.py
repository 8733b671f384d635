"""A bound on what is decoded at the same time in one process, whoever asks: pages, batches, several sessions.

A file of two megabytes may hold fifty megapixels, which take hundreds of megabytes while they are decoded. Each such
photograph alone is within its limit; the gate keeps several of them from filling the memory together.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["DecodingGate"]


class DecodingGate:
    """Lets in photographs in the order in which they come, as long as their pixels together stay below a limit."""

    def __init__(self, limit_px: int) -> None:
        self._limit_px = limit_px
        self._held_px = 0
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Wait until so many pixels may be decoded, and hold them until the block ends, by an error too.

        First come, first served: a large photograph waits for those before it, and none that comes later passes it. One
        above the limit is let in alone. A thread that holds pixels must not ask for more.

        Args:
            pixels: how many are in memory at full depth.
        """
        share_px = min(pixels, self._limit_px)
        place = object()
        with self._changed:
            self._queue.append(place)
            try:
                self._changed.wait_for(lambda: self._queue[0] is place and self._held_px + share_px <= self._limit_px)
                self._held_px += share_px
            finally:
                self._queue.remove(place)
                # The next in the row may fit beside.
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._held_px -= share_px
                self._changed.notify_all()
