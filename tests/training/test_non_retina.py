"""What is drawn as no retina is the same every time, shows a round field, and is no copy of what judges the program."""

import inspect

import cv2
import numpy as np
import pytest

from dr_core.domain.errors import NotAFundusPhotograph
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.training import (
    non_retina,
    non_retina_body,
    non_retina_figures,
    non_retina_surfaces,
    retina_examples,
)
from dr_core.training.non_retina import BREAKS, DRAWN_KINDS, break_retina, draw_non_retinas


def shows_field(pixels: np.ndarray) -> bool:
    try:
        find_field_of_view(pixels)
    except NotAFundusPhotograph:
        return False
    return True


def test_drawings_are_the_same_for_the_same_seed_and_different_for_another() -> None:
    first, again, other = (list(draw_non_retinas(1, seed)) for seed in (5, 5, 6))
    assert [picture.kind for picture in first] == list(DRAWN_KINDS)
    for one, two, three in zip(first, again, other, strict=True):
        assert one.pixels.dtype == np.uint8
        assert one.pixels.shape[2] == 3
        assert np.array_equal(one.pixels, two.pixels)
        assert not np.array_equal(one.pixels, three.pixels)


def test_a_field_is_found_in_most_drawings_of_every_kind() -> None:
    # A kind in which none is found would teach the network nothing.
    found = dict.fromkeys(DRAWN_KINDS, 0)
    for picture in draw_non_retinas(5, seed=1):
        found[picture.kind] += shows_field(picture.pixels)
    assert min(found.values()) >= 1, found
    assert sum(found.values()) > 2.5 * len(found)


@pytest.mark.parametrize("kind", BREAKS)
def test_a_broken_retina_keeps_colour_light_and_frame_and_loses_its_structure(kind, fundus_pixels) -> None:
    field = find_field_of_view(fundus_pixels)
    broken = break_retina(fundus_pixels, field, kind, np.random.default_rng(3))
    assert broken.shape == fundus_pixels.shape
    assert broken.dtype == np.uint8
    assert np.array_equal(broken[~field.mask], fundus_pixels[~field.mask])
    assert np.abs(broken[field.mask].mean(axis=0) - fundus_pixels[field.mask].mean(axis=0)).max() < 12
    inner = cv2.erode(field.mask.astype(np.uint8), np.ones((25, 25), np.uint8)).astype(bool)
    details = []
    for pixels in (fundus_pixels, broken):
        green = pixels[..., 1].astype(np.float32)
        details.append((green - cv2.GaussianBlur(green, (0, 0), 12))[inner])
    assert abs(np.corrcoef(details)[0, 1]) < 0.4


def test_a_field_is_found_in_most_broken_retinas(fundus_pixels) -> None:
    field = find_field_of_view(fundus_pixels)
    found = [
        shows_field(break_retina(fundus_pixels, field, kind, np.random.default_rng(seed)))
        for kind in BREAKS
        for seed in range(3)
    ]
    assert sum(found) > 0.7 * len(found)


def test_an_unknown_break_is_named(fundus_pixels) -> None:
    with pytest.raises(ValueError, match="Received: folded"):
        break_retina(fundus_pixels, find_field_of_view(fundus_pixels), "folded", np.random.default_rng(0))


def test_nothing_of_the_judging_pictures_is_used_for_training() -> None:
    for module in (non_retina, non_retina_body, non_retina_figures, non_retina_surfaces, retina_examples):
        assert "import benchmarks" not in inspect.getsource(module)
        assert "from benchmarks" not in inspect.getsource(module)
