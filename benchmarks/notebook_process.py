"""The starting notebook's way to grade, in a process of its own: TensorFlow's threads and memory touch nothing."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np

NOTEBOOK_SIDE_PX = 224


@contextmanager
def open_notebook(paths: list[Path]) -> Iterator[Callable[[], float]]:
    """Start the process, wait until its model is warm, and give a function that runs one round over `paths`.

    The function returns how many seconds the round took; the process ends with the block.
    """
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve_notebook, args=(there, [str(path) for path in paths]))

    def run_round() -> float:
        here.send("round")
        return float(here.recv())

    process.start()
    here.recv()
    try:
        yield run_round
    finally:
        here.send("end")
        process.join()


def serve_notebook(pipe: Connection, paths: list[str]) -> None:
    """Grade all files the notebook's way whenever told to, and send back how long it took."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    import keras

    side = NOTEBOOK_SIDE_PX
    base = keras.applications.MobileNetV2(input_shape=(side, side, 3), include_top=False, weights=None)
    layers = keras.layers
    model = keras.Sequential(
        [
            base,
            layers.GlobalAveragePooling2D(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(5, activation="softmax"),
        ]
    )

    def grade(path: str) -> object:
        pixels = cv2.resize(cv2.imread(path), (side, side))
        return model.predict(np.asarray(pixels, dtype=np.float32)[None] / 255.0, verbose=0)

    grade(paths[0])
    pipe.send("ready")
    while pipe.recv() == "round":
        started = time.perf_counter()
        for path in paths:
            grade(path)
        pipe.send(time.perf_counter() - started)
