"""The probe finds a camera that gives the grade away, and finds nothing of it in the network's input."""

import json

import numpy as np
import pytest

from benchmarks import framing_probe
from benchmarks.chosen_photographs import choose_photographs
from dr_core.domain.errors import ConfigurationError, DRError

SIDE = 120


@pytest.fixture(autouse=True)
def small_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve photographs are too few for the leaves of a forest that is meant for thousands."""
    monkeypatch.setattr(framing_probe, "MIN_LEAF", 1)


@pytest.fixture
def small_forest(monkeypatch):
    """A forest for a dozen photographs: fewer trees, whose leaves may hold a single one."""
    monkeypatch.setattr(framing_probe, "TREES", 20)
    monkeypatch.setattr(framing_probe, "MIN_LEAF", 1)


def draw_disc(radius: float, height: int = SIDE) -> np.ndarray:
    rows, columns = np.ogrid[:height, :SIDE]
    return np.hypot(rows - height / 2 + 0.5, columns - SIDE / 2 + 0.5) <= radius


def test_a_whole_disc_is_as_wide_as_high_and_touches_nothing():
    framing = framing_probe.measure_framing(draw_disc(50))
    assert framing.width_over_height == pytest.approx(1.0, abs=0.03)
    assert not framing.touches_top_and_bottom
    assert framing.filled_share == pytest.approx(np.pi * 50**2 / SIDE**2, abs=0.01)


def test_a_cropped_disc_is_wider_than_high_and_touches_top_and_bottom():
    framing = framing_probe.measure_framing(draw_disc(58, height=80))
    assert framing.width_over_height == pytest.approx(116 / 80, abs=0.06)
    assert framing.touches_top_and_bottom


def test_dark_spots_inside_the_field_are_no_framing():
    lit = draw_disc(50)
    spotted = lit.copy()
    spotted[50:70, 40:60] = False
    assert framing_probe.measure_framing(spotted) == framing_probe.measure_framing(lit)


def test_a_black_picture_has_a_framing_too():
    framing = framing_probe.measure_framing(np.zeros((SIDE, SIDE), dtype=np.bool_))
    assert framing == framing_probe.Framing(0.0, False, 0.0)


@pytest.mark.usefixtures("small_forest")
def test_the_camera_shows_in_the_raw_photographs_and_not_in_the_input(drawn_data):
    rows = choose_photographs(drawn_data, ["val"])["north"]
    measured = framing_probe.measure_source(rows)
    assert framing_probe.predict_referable(measured.raw, measured.referable) > 0.9
    assert np.ptp(measured.raw, axis=0)[0] > 0.2
    assert np.ptp(measured.seen, axis=0) == pytest.approx([0, 0, 0], abs=0.02)


def test_too_few_of_a_class_are_refused_with_a_remedy():
    with pytest.raises(DRError, match="Raise --limit"):
        framing_probe.predict_referable(np.zeros((6, 3)), np.array([True] + [False] * 5))


@pytest.mark.usefixtures("small_forest")
def test_the_command_prints_a_table_and_writes_the_figures(drawn_data, tmp_path, monkeypatch, capsys):
    out = tmp_path / "probe.json"
    arguments = ["framing_probe.py", "--data", str(drawn_data), "--split", "val", "--source", "south"]
    monkeypatch.setattr("sys.argv", [*arguments, "--json", str(out)])
    assert framing_probe.main() == 0
    assert "| south | 12 | 6 |" in capsys.readouterr().out
    (source,) = json.loads(out.read_text())["sources"]
    assert source["no_field"] == 0
    assert source["raw_framing"] > 0.9


def test_an_empty_split_is_refused_with_a_remedy(drawn_data):
    with pytest.raises(ConfigurationError, match="Choose train, val or test"):
        choose_photographs(drawn_data, ["test"])
