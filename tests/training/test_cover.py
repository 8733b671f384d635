"""Covers hide what they say, nothing else, and each of its kind looks different every time."""

import numpy as np
import pytest

from dr_core.imaging.disc import cut_disc
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.training.cover import COVERS, cover_disc


@pytest.fixture(scope="module")
def disc(fundus_pixels) -> tuple[np.ndarray, np.ndarray]:
    return cut_disc(fundus_pixels, find_field_of_view(fundus_pixels), 192)


@pytest.mark.parametrize("kind", sorted(COVERS))
def test_cover_changes_the_retina_where_it_says_and_nothing_beyond_the_field(disc, kind):
    pixels, inside = disc
    reached = 0
    for seed in range(12):
        covered, hidden = cover_disc(pixels, inside, kind, np.random.default_rng(seed))
        assert covered.shape == pixels.shape
        assert covered.dtype == np.uint8
        assert hidden.shape == inside.shape
        assert 0.0 <= hidden.min() <= hidden.max() <= 1.0
        assert not hidden[~inside].any()
        assert np.array_equal(covered[~inside], pixels[~inside])
        reached += (hidden > 0.75).mean() > 0.02
    assert reached >= 4


@pytest.mark.parametrize("kind", sorted(set(COVERS) - {"glare"}))
def test_what_is_not_hidden_stays_nearly_as_it_was(disc, kind):
    pixels, inside = disc
    for seed in range(6):
        covered, hidden = cover_disc(pixels, inside, kind, np.random.default_rng(seed))
        shown = inside & (hidden < 0.01)
        if shown.any():
            assert np.abs(covered[shown].astype(int) - pixels[shown]).mean() < 4


def test_same_chance_gives_the_same_cover(disc):
    first, again, other = (cover_disc(*disc, "lid", np.random.default_rng(seed))[0] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_unknown_kind_is_refused(disc):
    with pytest.raises(ValueError, match="Received: hand"):
        cover_disc(*disc, "hand", np.random.default_rng(1))
