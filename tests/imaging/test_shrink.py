"""Photographs are reduced by the mean of the area, exactly or by a blur that equals it."""

import cv2
import numpy as np
import pytest

from dr_core.imaging.shrink import SMOOTH_FROM, shrink


@pytest.mark.parametrize("size", [(600, 450), (333, 240)])
def test_shrinking_a_little_is_the_exact_mean(fundus_pixels, size):
    assert max(640 / size[0], 480 / size[1]) <= SMOOTH_FROM
    assert np.array_equal(shrink(fundus_pixels, size), cv2.resize(fundus_pixels, size, interpolation=cv2.INTER_AREA))


@pytest.mark.parametrize("size", [(300, 225), (251, 170), (131, 97), (64, 48)])
def test_shrinking_much_equals_the_mean_and_keeps_its_sharpness(fundus_pixels, size):
    shrunk, exact = (
        picture.astype(np.float32)
        for picture in (shrink(fundus_pixels, size), cv2.resize(fundus_pixels, size, interpolation=cv2.INTER_AREA))
    )
    assert shrunk.shape == (size[1], size[0], 3)
    assert np.abs(shrunk - exact).mean() < 1.0
    detail = [(picture - cv2.GaussianBlur(picture, (0, 0), 1.5)).std() for picture in (shrunk, exact)]
    assert detail[0] == pytest.approx(detail[1], rel=0.05)


@pytest.mark.parametrize("level", [0, 1, 127, 255])
@pytest.mark.parametrize("size", [(200, 100), (90, 41), (7, 3), (1, 1)])
def test_one_colour_stays_that_colour(level, size):
    pixels = np.full((300, 400, 3), level, dtype=np.uint8)
    assert (shrink(pixels, size) == level).all()
    assert shrink(pixels, size).shape == (size[1], size[0], 3)


def test_stripes_do_not_alias():
    stripes = np.zeros((400, 400, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    shrunk = shrink(stripes, (133, 133))[4:-4, 4:-4]
    assert shrunk.min() > 80
    assert shrunk.max() < 175
