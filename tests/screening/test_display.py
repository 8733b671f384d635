"""A screening at screen size: pixels, field and maps still fit each other, and nothing is decoded in vain."""

import cv2
import numpy as np
import pytest

from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.screening.display import enlarge_screening, screen_for_display
from dr_core.screening.pipeline import Screening, screen_photograph
from tests.fakes import FakeClassifier


@pytest.fixture(scope="module")
def large_jpeg() -> bytes:
    return encode_jpeg(cv2.resize(draw_fundus(FundusDrawing(800, 600)), (3200, 2400), interpolation=cv2.INTER_CUBIC))


@pytest.fixture(scope="module")
def screening(large_jpeg: bytes) -> Screening:
    return screen_photograph(large_jpeg, "eye_OD.jpg", classifier=FakeClassifier())


def test_pixels_field_and_maps_fit_each_other_at_the_new_size(screening, large_jpeg):
    shown = enlarge_screening(screening, large_jpeg)
    assert shown.photograph.pixels.shape == (1200, 1600, 3)
    assert shown.field_of_view.mask.shape == (1200, 1600)
    assert shown.result is screening.result
    heat = np.random.default_rng(1).random((9, 12)).astype(np.float32)
    large = shown.place_heatmap(heat)
    small = screening.place_heatmap(heat)
    assert large.shape == (1200, 1600)
    same_size = cv2.resize(large, small.shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(same_size - small).mean() < 0.01


def test_the_field_grows_with_the_photograph(screening, large_jpeg):
    shown = enlarge_screening(screening, large_jpeg)
    factor = 1600 / screening.photograph.pixels.shape[1]
    assert shown.field_of_view.radius_px == pytest.approx(screening.field_of_view.radius_px * factor, rel=0.01)
    assert shown.field_of_view.mask.mean() == pytest.approx(screening.field_of_view.mask.mean(), abs=0.01)
    assert shown.field_of_view.aspect == pytest.approx(screening.field_of_view.aspect, rel=0.01)


def test_every_pixel_is_there_when_asked_for(screening, large_jpeg):
    assert enlarge_screening(screening, large_jpeg, longest_side_px=3200).photograph.pixels.shape == (2400, 3200, 3)


def test_a_photograph_without_more_pixels_is_not_decoded_again(fundus_jpeg):
    screening = screen_photograph(fundus_jpeg, "eye.jpg", classifier=FakeClassifier())
    assert enlarge_screening(screening, b"not read") is screening


def test_a_photograph_that_was_refused_stays_as_it_is():
    refused = screen_photograph(b"a letter", "eye.jpg", classifier=FakeClassifier())
    assert enlarge_screening(refused, b"a letter") is refused


def test_screening_for_display_is_the_pipelines_at_screen_size(screening, large_jpeg):
    shown = screen_for_display(large_jpeg, "eye_OD.jpg", classifier=FakeClassifier())
    assert np.array_equal(shown.photograph.pixels, enlarge_screening(screening, large_jpeg).photograph.pixels)
    assert shown.result.decision == screening.result.decision
    assert shown.result.name == "eye_OD.jpg"
