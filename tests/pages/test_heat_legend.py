"""What lies over a photograph is explained in its corner."""

import base64

import cv2
import numpy as np

from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.field_of_view import find_field_of_view
from pages.components.heat_legend import HATCH_LEGEND, describe_colors, make_line_legend, make_overlay_legend


def test_bar_goes_from_the_retinas_own_colour_to_the_colour_of_the_peak():
    pixels = draw_fundus(FundusDrawing(320, 240))
    field = find_field_of_view(pixels)
    legend = make_overlay_legend("Evidence for lesions", pixels, field)
    encoded = np.frombuffer(base64.b64decode(legend.bar.split(",", 1)[1]), np.uint8)
    bar = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB)
    assert np.abs(bar[0, 0].astype(int) - np.median(pixels[field.mask], axis=0)).max() <= 2
    red, green, blue = bar[0, -1].astype(int)
    assert red > 200
    assert green > 200
    assert blue < 100
    assert (legend.low, legend.high) == ("none", "most")


def test_a_photograph_without_a_field_of_view_gets_a_bar_as_well():
    assert make_overlay_legend("Heat", np.full((8, 8, 3), 90, dtype=np.uint8), None).bar


def test_line_says_what_it_encloses():
    assert make_line_legend("Evidence for lesions", level=0.5).meaning == (
        "Inside the line: evidence for lesions, 50% or more"
    )


def test_colours_of_all_lesions_together_do_not_pretend_to_tell_them_apart():
    assert "not tell one kind of lesion" in describe_colors(of_lesions=True)
    assert "lesion" not in describe_colors(of_lesions=False)
    assert HATCH_LEGEND.meaning
