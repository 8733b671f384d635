"""Black that was added to a field which the camera cut off is no part of the photograph."""

import csv

import numpy as np
import pytest

from dr_core.domain.results import Status
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.straight_cut import find_cut_window
from dr_core.screening.pipeline import screen_photograph

CUT_OFF = FundusDrawing(640, 480, field_scale=1.25)
WHOLE = FundusDrawing(640, 480)
REAL_PHOTOGRAPHS = 40
SOURCES = {"aptos2019", "eyepacs"}


def pad_to_square(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    side = max(height, width)
    above, left = (side - height) // 2, (side - width) // 2
    return np.pad(pixels, ((above, side - height - above), (left, side - width - left), (0, 0)))


def add_border(pixels: np.ndarray, share: float) -> np.ndarray:
    y, x = (round(side * share) for side in pixels.shape[:2])
    return np.pad(pixels, ((y, y), (x, x), (0, 0)))


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5])
def test_a_field_that_was_cut_off_ends_where_black_was_added(share):
    pixels = draw_fundus(CUT_OFF)
    bare, found = find_field_of_view(pixels), find_field_of_view(add_border(pixels, share))
    added = (round(480 * share), round(640 * share))
    assert found.center_rc == pytest.approx([bare.center_rc[0] + added[0], bare.center_rc[1] + added[1]], abs=3)
    assert found.radius_px == pytest.approx(bare.radius_px, rel=0.02)
    top, _, bottom, _ = found.bounds
    assert added[0] <= top <= added[0] + 12
    assert added[0] + 480 - 12 <= bottom <= added[0] + 480
    assert not found.mask[: added[0]].any()
    assert not found.mask[added[0] + 480 :].any()


@pytest.mark.parametrize("share", [0.0, 0.02, 0.2])
def test_a_whole_round_field_has_no_straight_end(share):
    assert find_field_of_view(add_border(draw_fundus(WHOLE), share)).window is None


@pytest.mark.parametrize("side", range(4))
def test_each_side_is_told_by_itself(side):
    rows, columns = np.ogrid[:200, :200]
    disc = (rows - 100) ** 2 + (columns - 100) ** 2 < 80**2
    assert find_cut_window(disc, 1.0) is None
    cut = np.rot90(disc & (rows >= 50), side).copy()
    expected = [0.0, 0.0, 200.0, 200.0]
    expected[(0, 1, 2, 3)[side]] = (52.0, 52.0, 148.0, 148.0)[side]
    assert find_cut_window(cut, 1.0) == tuple(expected)
    assert find_cut_window(cut, 0.5) == tuple(2 * value for value in expected)


def test_nothing_lit_has_no_straight_end():
    assert find_cut_window(np.zeros((90, 120), dtype=np.bool_), 1.0) is None


def test_black_that_was_added_sends_no_photograph_back(classifier, data_dir):
    with (data_dir / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "val" and row["source"] in SOURCES]
    graded = sent_back = 0
    for row in rows[:: len(rows) // REAL_PHOTOGRAPHS]:
        pixels = decode_photograph((data_dir / row["path"]).read_bytes(), "").pixels
        bare, padded = (
            screen_photograph(encode_jpeg(shown, quality=95), "eye.jpg", classifier=classifier).result.status
            for shown in (pixels, add_border(pad_to_square(pixels), 0.2))
        )
        graded += bare is Status.GRADED
        sent_back += bare is Status.GRADED and padded is not Status.GRADED
    assert graded >= REAL_PHOTOGRAPHS // 2
    # A sixth of them before such black was told from retina without light.
    assert sent_back <= 1
