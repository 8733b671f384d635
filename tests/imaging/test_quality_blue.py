"""More blue than green tells that a program mixed up the colours."""

import numpy as np
import pytest

from dr_core.domain.photograph import FundusPhotograph
from dr_core.imaging.disc import cut_disc
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.quality import measure_quality


@pytest.mark.parametrize("width_px", [None, 384])
def test_a_retina_is_greener_than_blue_and_the_other_way_round_where_colours_were_mixed_up(width_px):
    pixels = draw_fundus(FundusDrawing(960, 720))
    field = find_field_of_view(pixels)

    def measure(picture: np.ndarray) -> float:
        disc = cut_disc(picture, field, width_px) if width_px else None
        photograph = FundusPhotograph(picture, "", "", None, *picture.shape[1::-1])
        return measure_quality(photograph, field, disc=disc).blueness

    blueness = measure(pixels)
    assert -1.0 < blueness < -0.02
    assert measure(np.ascontiguousarray(pixels[..., [0, 2, 1]])) == pytest.approx(-blueness, abs=0.005)


def test_black_is_not_blue():
    pixels = draw_fundus(FundusDrawing(960, 720))
    dark = np.zeros_like(pixels)
    photograph = FundusPhotograph(dark, "", "", None, 960, 720)
    assert measure_quality(photograph, find_field_of_view(pixels)).blueness <= 0.0
