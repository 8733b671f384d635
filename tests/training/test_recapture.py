"""Variants of a photograph as other cameras and programs would have left it."""

import numpy as np
import pytest

from dr_core.domain.photograph import UInt8Array
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.training.recapture import SMALLEST_SIDE_PX, recapture


def test_same_chance_gives_the_same_variant(fundus_pixels: UInt8Array) -> None:
    first, again, other = (recapture(fundus_pixels, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


@pytest.mark.parametrize("seed", range(5))
def test_a_variant_is_no_larger_keeps_its_proportions_and_shows_a_field(fundus_pixels: UInt8Array, seed: int) -> None:
    variant = recapture(fundus_pixels, np.random.default_rng(seed))
    assert variant.dtype == np.uint8
    assert min(variant.shape[:2]) >= SMALLEST_SIDE_PX - 1
    assert variant.shape[0] <= fundus_pixels.shape[0]
    assert variant.shape[1] / variant.shape[0] == pytest.approx(
        fundus_pixels.shape[1] / fundus_pixels.shape[0], rel=0.01
    )
    find_field_of_view(variant)


def test_a_small_photograph_is_not_made_smaller() -> None:
    small = np.full((120, 150, 3), 90, dtype=np.uint8)
    assert recapture(small, np.random.default_rng(0)).shape == small.shape
