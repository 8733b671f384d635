"""The disc keeps colours, place and single lesions, however large the photograph is."""

import cv2
import numpy as np
import pytest

from dr_core.domain.photograph import FieldOfView
from dr_core.imaging.disc import cut_disc


def make_field(shape: tuple[int, ...], *, center_rc: tuple[float, float], radius_px: float) -> FieldOfView:
    return FieldOfView(center_rc, radius_px, 1.0, (shape[0], shape[1]), 1.0)


@pytest.mark.parametrize("diameter_px", [16, 100, 700])
def test_disc_keeps_the_colours_and_the_centre(diameter_px):
    pixels = np.zeros((300, 400, 3), dtype=np.uint8)
    pixels[:, :190], pixels[:, 190:] = (200, 100, 50), (20, 10, 5)
    field = make_field(pixels.shape, center_rc=(149.5, 189.5), radius_px=100)
    disc, visible = cut_disc(pixels, field, diameter_px)
    half = diameter_px // 2
    assert disc[half, half // 2].tolist() == [200, 100, 50]
    assert disc[half, half + half // 2].tolist() == [20, 10, 5]
    assert visible[half, half]
    assert not visible[0, 0]


@pytest.mark.parametrize("width_px", [1200, 2400, 4000])
def test_single_lesions_neither_alias_nor_vanish_in_a_large_photograph(width_px):
    """Dots as wide as one pixel of the input darken it wherever they fall between the pixels."""
    scale = width_px / 600
    pixels = np.full((round(480 * scale), width_px, 3), 150, dtype=np.uint8)
    field = make_field(pixels.shape, center_rc=(240 * scale - 0.5, 300 * scale - 0.5), radius_px=230 * scale)
    pitch = 2 * field.radius_px / 256
    random = np.random.default_rng(5)
    places = [
        (row + random.uniform(0, 1), column + random.uniform(0, 1))
        for row in range(90, 170, 10)
        for column in range(90, 170, 10)
    ]
    for row, column in places:
        at = (round(field.center_rc[1] + (column - 128) * pitch), round(field.center_rc[0] + (row - 128) * pitch))
        cv2.circle(pixels, at, max(1, round(pitch / 2)), (50, 50, 50), -1)
    disc, _ = cut_disc(pixels, field, 256)
    darkest = [150 - int(disc[int(r) - 2 : int(r) + 4, int(c) - 2 : int(c) + 4, 1].min()) for r, c in places]
    assert min(darkest) > 15
    assert max(darkest) < 6 * min(darkest)
