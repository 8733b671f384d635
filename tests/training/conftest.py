"""Small caches of coloured noise: a training run does not care what its photographs show."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dr_core.training.dataset import DiscCache, LabelledPhotograph

SIDE_PX = 48


@pytest.fixture
def make_cache() -> Callable[..., DiscCache]:
    """A function that returns `count` photographs of all grades from two sources, with as many `copies` of each."""

    def make(count: int, *, split: str = "train", copies: int = 0) -> DiscCache:
        rows = tuple(
            LabelledPhotograph(
                image_id=f"{split}:{number}",
                path=Path("noise.jpg"),
                source="one" if number % 3 else "two",
                split=split,
                grade=number % 5,
                patient_id="",
                gradable=True,
                label_conflict=False,
            )
            for number in range(count)
        )

        def draw(seed: int) -> DiscCache:
            random = np.random.default_rng([seed, count])
            return DiscCache(random.integers(0, 255, (count, SIDE_PX, SIDE_PX, 3), dtype=np.uint8), rows)

        whole = draw(0)
        return DiscCache(whole.discs, rows, tuple(draw(number + 1) for number in range(copies)))

    return make
