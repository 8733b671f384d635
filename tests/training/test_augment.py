"""Augmentation is random by its seed alone, and never moves what every camera shows."""

import numpy as np
import pytest

from dr_core.domain.photograph import FundusPhotograph, UInt8Array
from dr_core.imaging.disc import RIM_SHARE
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import InputSize, normalise_field, prepare_input
from dr_core.training.augment import augment_disc, cut_visible, draw_movement, move_disc

SIZE = InputSize(96, 128)


@pytest.fixture(scope="module")
def disc(fundus_pixels: UInt8Array) -> UInt8Array:
    """A drawn photograph as the training cache keeps it, larger than the network's input."""
    return normalise_field(fundus_pixels, find_field_of_view(fundus_pixels), 160)


def vary(disc: UInt8Array, seed: int) -> np.ndarray:
    return augment(disc, SIZE, seed)


def augment(disc: UInt8Array, size: InputSize, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return augment_disc(disc, draw_movement(disc.shape[0], size, random), random)


def test_same_seed_gives_the_same_variant(disc):
    assert np.array_equal(vary(disc, 3), vary(disc, 3))
    assert not np.array_equal(vary(disc, 3), vary(disc, 4))


def test_the_cached_disc_is_not_written_to(disc):
    before = disc.copy()
    for seed in range(8):
        vary(disc, seed)
    assert np.array_equal(disc, before)


def test_variants_keep_size_type_and_range(disc):
    for seed in range(30):
        tensor = vary(disc, seed)
        assert tensor.shape == (96, 128, 3)
        assert tensor.dtype == np.float32
        assert np.isfinite(tensor).all()
        assert np.abs(tensor).max() <= 1.0


def test_variants_are_neutral_outside_the_field(disc):
    rows, columns = np.arange(96)[:, None] - 47.5, np.arange(128)[None, :] - 63.5
    outside = np.hypot(rows, columns) > RIM_SHARE * 64
    assert outside.any()
    for seed in range(30):
        assert not vary(disc, seed)[outside].any()


def test_variants_differ_in_geometry_and_colour_but_stay_the_same_retina(disc):
    plain = cut_visible(disc, SIZE)
    variants = np.stack([vary(disc, seed) for seed in range(30)])
    assert variants.std(axis=0).mean() > 0.3 * plain.std()
    contrast = variants.std(axis=(1, 2, 3)) / plain.std()
    assert contrast.min() > 0.25
    assert contrast.max() < 2.5


@pytest.mark.parametrize("size", [InputSize(192, 256), InputSize(240, 320), InputSize(288, 384)], ids=str)
def test_training_shows_the_rows_that_screening_shows(disc, size: InputSize):
    # The middle column, where no rim ends the field first; noise and all else leave no row of it flat.
    shown = augment(disc, size, 1)[:, size.width_px // 2].any(axis=1)
    assert np.array_equal(shown, cut_visible(disc, size)[:, size.width_px // 2].any(axis=1))


def test_training_sees_unvaried_photographs_as_screening_does(fundus_photograph: FundusPhotograph):
    field = find_field_of_view(fundus_photograph.pixels)
    served = prepare_input(fundus_photograph, field, SIZE).tensor
    same_size = normalise_field(fundus_photograph.pixels, field, SIZE.width_px)
    assert np.array_equal(cut_visible(same_size, SIZE), served)
    larger = normalise_field(fundus_photograph.pixels, field, 160)
    assert np.abs(cut_visible(larger, SIZE) - served).mean() < 0.06


def test_a_movement_knows_whether_it_mirrors():
    # The right half is bright; turned by no more than 25 degrees, it stays on its side unless it is mirrored.
    disc = np.zeros((128, 128, 3), np.uint8)
    disc[:, 64:] = 200
    seen = set()
    for seed in range(12):
        movement = draw_movement(128, SIZE, np.random.default_rng(seed))
        moved = move_disc(disc, movement).astype(float)
        assert (moved[:, :64].mean() > moved[:, 64:].mean()) == movement.mirrored
        seen.add(movement.mirrored)
    assert seen == {True, False}
