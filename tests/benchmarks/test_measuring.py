"""What the timing scripts make of their numbers."""

import json

import numpy as np
import pytest

from benchmarks.measuring import (
    Goal,
    describe_machine,
    draw_photographs,
    find_median_ratio,
    find_percentile,
    open_photographs,
    report,
    write_json,
)


@pytest.mark.parametrize("percent", [0, 5, 50, 95, 100])
def test_percentiles_are_numpys(percent):
    values = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6]
    assert find_percentile(values, percent) == pytest.approx(np.percentile(values, percent))


def test_ratios_are_formed_within_a_round():
    assert find_median_ratio([2.0, 40.0, 6.0], [1.0, 10.0, 3.0]) == 2.0


def test_goals_know_their_side():
    assert Goal("rate", 15.0, 15.0, at_least=True).met
    assert not Goal("rate", 14.9, 15.0, at_least=True).met
    assert not Goal("growth", 1.2, 1.1, at_least=False).met


def test_report_names_machine_and_missed_goals(capsys, tmp_path):
    machine = describe_machine()
    goals = [Goal("growth", 1.2, 1.1, at_least=False)]
    report("Memory", ("what", "MB"), [["small", 0.5], ["large", 1234.5]], goals, machine)
    printed = capsys.readouterr().out
    assert "| small | 0.5 |" in printed
    assert "| large | 1,234 |" in printed
    assert "MISSED growth: 1.2 (goal <= 1.1)" in printed
    assert machine.measured_utc in printed
    write_json(tmp_path / "deep" / "figures.json", machine, goals, runs=[1, 2])
    written = json.loads((tmp_path / "deep" / "figures.json").read_text(encoding="utf-8"))
    assert written["goals"][0]["met"] is False
    assert written["runs"] == [1, 2]
    assert written["machine"]["cores"] == machine.cores


def test_drawn_photographs_vanish_and_given_ones_are_limited(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.measuring.WIDTH_PX", 160)
    monkeypatch.setattr("benchmarks.measuring.HEIGHT_PX", 120)
    with open_photographs(None, 6) as paths:
        assert len({path.read_bytes() for path in paths}) == 4
        assert len(paths) == 6
    assert not paths[0].exists()
    draw_photographs(tmp_path, 3)
    with open_photographs(tmp_path, 2) as some:
        assert [path.name for path in some] == ["eye_00000.jpg", "eye_00001.jpg"]


def test_folder_without_photographs_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="no JPEG"), open_photographs(tmp_path, 2):
        pass
