"""Every photograph and every picture that is none is counted, and no photograph is named."""

import json

import numpy as np
import pytest

from benchmarks import field_of_view
from benchmarks.non_fundus import DRAWINGS, SIDE_PX, cut_samples, draw_non_fundus, find_samples

REFUSED = ("page of text", "grey scan", "white noise")


def test_drawings_are_the_same_every_time_and_of_every_kind():
    first, again = list(draw_non_fundus(1)), list(draw_non_fundus(1))
    assert [picture.kind for picture in first] == list(DRAWINGS)
    for one, other in zip(first, again, strict=True):
        assert one.pixels.shape == (SIDE_PX, SIDE_PX, 3)
        assert one.pixels.dtype == np.uint8
        assert np.array_equal(one.pixels, other.pixels)


def test_pages_grey_scans_and_noise_are_refused():
    pictures = [picture for picture in draw_non_fundus(4) if picture.kind in REFUSED]
    for count in field_of_view.count_refused(pictures):
        assert count.refused == count.n == 4, count.kind


def test_sample_pictures_of_packages_are_found_and_cut():
    paths = find_samples()
    assert any(path.name == "flower.jpg" for path in paths), "scikit-learn ships two photographs"
    kinds = {picture.kind for picture in cut_samples()}
    assert kinds == {"sample picture", "sample picture, round", "sample picture, round and orange"}


def test_the_command_counts_photographs_by_source(drawn_data, tmp_path, monkeypatch, capsys):
    out = tmp_path / "field.json"
    arguments = ["field_of_view.py", "--data", str(drawn_data), "--split", "val", "--limit", "3", "--drawn", "1"]
    monkeypatch.setattr("sys.argv", [*arguments, "--json", str(out)])
    monkeypatch.setattr(field_of_view, "cut_samples", lambda: iter(()))
    assert field_of_view.main() == 0
    record = json.loads(out.read_text())
    assert record["photographs"] == [{"source": name, "n": 3, "found": 3} for name in ("north", "south")]
    assert sum(row["n"] for row in record["non_fundus"]) == len(DRAWINGS)
    printed = capsys.readouterr().out
    assert "| all sources | 6 | 6 | 100.00% |" in printed
    assert ".jpg" not in printed + out.read_text()


def test_only_the_other_pictures_can_be_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["field_of_view.py", "--no-photographs", "--drawn", "1", "--data", str(tmp_path)])
    monkeypatch.setattr(field_of_view, "cut_samples", lambda: iter(()))
    assert field_of_view.main() == 0
    assert "field found" not in capsys.readouterr().out


@pytest.mark.parametrize("found", [0, 1])
def test_shares_are_of_all_photographs(found):
    assert field_of_view.FoundCount("north", 2, found).share == found / 2
