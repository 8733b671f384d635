"""The released network on LiteRT with XNNPACK: float32 passes over one photograph each, for many threads at once.

LiteRT says once on standard error that it created its XNNPACK delegate. Up to version 2.3 its Python package has no
switch for that line (TF_CPP_MIN_LOG_LEVEL and the LiteRT logger's severity do not reach it), so it stays.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from dr_core.domain.photograph import Float32Array

__all__ = ["Runtime", "count_cores"]

# XNNPACK computes in half precision only where the model file allows it by this entry in its metadata.
HALF_PRECISION_MARK = b"reduced_precision_support"
# How long after callers last met the next one may take all cores for itself.
ALONE_AFTER_S = 1.0


def count_cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Runtime:
    """One loaded network; `run` may be called from any thread.

    A caller who is alone gets an interpreter with all threads; callers who meet get one with a single thread each,
    which wastes nothing on waiting for each other. Both compute the same bits. Interpreters are made when first needed.
    """

    def __init__(self, content: bytes, interpreter: Any, interpreters: int) -> None:
        """Keep a verified network; use `Runtime.load`."""
        (entry,) = interpreter.get_input_details()
        outputs = interpreter.get_output_details()
        self.input_shape = _drop_batch_axis(entry)
        self.output_shapes = tuple(map(_drop_batch_axis, outputs))
        self._input = entry["index"]
        self._outputs = tuple(output["index"] for output in outputs)
        self._content = content
        self._limit = interpreters
        self._all_threads = interpreter
        self._all_threads_idle = True
        self._idle: list[Any] = []
        self._running = 0
        self._met_at = -ALONE_AFTER_S
        self._turn = threading.Condition()

    @classmethod
    def load(cls, content: bytes, *, interpreters: int = 2) -> "Runtime":
        """Load a network from the bytes of a .tflite file.

        Args:
            content: the file, already checked to be the released one.
            interpreters: how many callers may run at once; about as many as there are cores.

        Raises:
            ValueError: not a model, or one that takes anything but a single float32 photograph, or one that XNNPACK
                may compute in half precision.
            RuntimeError: LiteRT cannot prepare the network.
        """
        if interpreters < 1:
            raise ValueError(f"interpreters must be at least 1. Received: {interpreters}")
        # Half precision moves probabilities, silently and only on some processors: such a model is refused outright.
        if HALF_PRECISION_MARK in content:
            raise ValueError(f"the network must be computed in float32. Received: a model with {HALF_PRECISION_MARK!r}")
        interpreter = _make_interpreter(content, threads=interpreters)
        entries = [*interpreter.get_input_details(), *interpreter.get_output_details()]
        if len(interpreter.get_input_details()) != 1 or any(entry["shape"][:1].tolist() != [1] for entry in entries):
            raise ValueError(f"the network must take one photograph. Received: {_describe(entries)}")
        if any(entry["dtype"] is not np.float32 for entry in entries):
            raise ValueError(f"input and outputs must be float32. Received: {_describe(entries)}")
        if len(entries[0]["shape"]) != 4:
            raise ValueError(f"the input must be (1, height, width, channels). Received: {_describe(entries)}")
        return cls(content, interpreter, interpreters)

    def run(self, tensor: Float32Array) -> tuple[Float32Array, ...]:
        """Compute one pass.

        Args:
            tensor: (h, w, 3) float32 of `input_shape`.

        Returns:
            One float32 array for each of `output_shapes`, in that order; the caller's own copies.

        Raises:
            ValueError: `tensor` has another shape.
        """
        if tensor.shape != self.input_shape:
            raise ValueError(f"tensor must have the shape {self.input_shape}. Received: {tensor.shape}")
        with self._borrow() as interpreter:
            interpreter.set_tensor(self._input, np.ascontiguousarray(tensor[None], dtype=np.float32))
            interpreter.invoke()
            return tuple(interpreter.get_tensor(index)[0] for index in self._outputs)

    @contextmanager
    def _borrow(self) -> Iterator[Any]:
        """Lend an interpreter that nobody else uses meanwhile; wait while all are lent."""
        with self._turn:
            self._turn.wait_for(lambda: self._running < self._limit)
            if self._running:
                self._met_at = time.monotonic()
            self._running += 1
            takes_all = self._all_threads_idle and (
                self._limit == 1 or time.monotonic() - self._met_at >= ALONE_AFTER_S
            )
            if takes_all:
                self._all_threads_idle = False
            interpreter = self._all_threads if takes_all else (self._idle.pop() if self._idle else None)
        try:
            if interpreter is None:
                interpreter = _make_interpreter(self._content, threads=1)
            yield interpreter
        finally:
            with self._turn:
                self._running -= 1
                if takes_all:
                    self._all_threads_idle = True
                elif interpreter is not None:
                    self._idle.append(interpreter)
                self._turn.notify()


def _make_interpreter(content: bytes, *, threads: int) -> Any:
    from ai_edge_litert.interpreter import Interpreter  # its import costs more than the checks before it

    # "Latest features" would let later versions of XNNPACK choose cheaper arithmetic by themselves.
    interpreter = Interpreter(
        model_content=content, num_threads=threads, experimental_default_delegate_latest_features=False
    )
    interpreter.allocate_tensors()
    return interpreter


def _drop_batch_axis(entry: dict[str, Any]) -> tuple[int, ...]:
    return tuple(int(side) for side in entry["shape"][1:])


def _describe(entries: list[dict[str, Any]]) -> str:
    return ", ".join(f"{entry['shape'].tolist()} {np.dtype(entry['dtype']).name}" for entry in entries)
