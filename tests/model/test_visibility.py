"""What the network's map of hidden cells says of a photograph: cells of retina alone, and never a single one."""

import numpy as np
import pytest

from dr_core.model.visibility import measure_hidden

HEIGHT, WIDTH, CELL_PX = 18, 24, 16


@pytest.fixture
def tensor() -> np.ndarray:
    """An input whose field is the circle that fits its width."""
    rows, columns = np.mgrid[: HEIGHT * CELL_PX, : WIDTH * CELL_PX]
    radius = WIDTH * CELL_PX / 2
    inside = (rows - HEIGHT * CELL_PX / 2) ** 2 + (columns - radius) ** 2 < radius**2
    return np.where(inside[..., None], 0.25, 0.0).repeat(3, axis=2).astype(np.float32)


def draw_map(*hidden: tuple[slice, slice]) -> np.ndarray:
    log_odds = np.full((HEIGHT, WIDTH, 1), -4.0, dtype=np.float32)
    for place in hidden:
        log_odds[place] = 4.0
    return log_odds


def test_nothing_hidden_is_nothing(tensor):
    found = measure_hidden(draw_map(), tensor)
    assert (found.share, found.center) == (0.0, 0.0)


def test_upper_third_is_a_share_of_the_field_and_leaves_the_middle(tensor):
    found = measure_hidden(draw_map((slice(0, 5), slice(None))), tensor)
    assert 0.15 < found.share < 0.35
    assert found.center == 0.0


def test_middle_is_counted_by_itself(tensor):
    found = measure_hidden(draw_map((slice(5, 13), slice(8, 16))), tensor)
    assert found.center > 0.9
    assert found.share < 0.25


def test_single_cells_hide_nothing(tensor):
    found = measure_hidden(draw_map((slice(4, 5), slice(4, 5)), (slice(9, 10), slice(12, 13))), tensor)
    assert (found.share, found.center) == (0.0, 0.0)


def test_cells_without_retina_are_not_counted(tensor):
    corners = [(slice(0, 3), slice(0, 3)), (slice(15, 18), slice(21, 24))]
    assert measure_hidden(draw_map(*corners), tensor).share < 0.01
    empty = measure_hidden(draw_map((slice(None), slice(None))), np.zeros_like(tensor))
    assert (empty.share, empty.center) == (0.0, 0.0)


def test_cells_say_where_the_retina_is_hidden(tensor):
    cells = measure_hidden(draw_map((slice(0, 6), slice(None))), tensor).cells
    assert cells.shape == (HEIGHT, WIDTH)
    assert cells.dtype == np.float32
    assert (cells[:5, 8:16] > 0.9).all()
    assert (cells[8:, 8:16] < 0.1).all()


def test_border_cells_go_by_their_neighbours(tensor):
    """Half of such a cell is black, of which the head has learned nothing."""
    log_odds = draw_map()
    log_odds[:, [0, -1]] = log_odds[[0, -1]] = 3.0
    cells = measure_hidden(log_odds, tensor).cells
    assert (cells[:, [0, -1]] < 0.5).all()
    turned = measure_hidden(-log_odds, tensor).cells
    assert (turned[6:12, [0, -1]] > 0.5).all()
    assert np.isfinite(measure_hidden(log_odds, np.zeros_like(tensor)).cells).all()
