"""Each change is carried out, every photograph is counted, and agreement is what its name says."""

import json

import cv2
import numpy as np
import pytest

from benchmarks import robustness
from benchmarks.robustness import CHANGES, CLEAN, Answer


def answer(grade: int, *, gradable: bool = True) -> Answer:
    return Answer(grade, grade / 4, grade >= 2, gradable)


def test_every_change_gives_a_picture_of_the_expected_size(fundus_pixels):
    height, width = fundus_pixels.shape[:2]
    for name, change in CHANGES.items():
        picture = cv2.imdecode(np.frombuffer(change(fundus_pixels), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        scale = 0.7 if "resized" in name else 1.4 if "border" in name else 1.0
        expected = (round(height * scale), round(width * scale))
        assert picture.shape[:2] == expected, name
        assert not np.array_equal(picture, fundus_pixels), name


def test_changes_do_what_their_names_say(fundus_pixels):
    def see(name: str) -> np.ndarray:
        data = np.frombuffer(CHANGES[name](fundus_pixels), np.uint8)
        return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]

    assert np.array_equal(see("flipped left to right"), fundus_pixels[:, ::-1])
    assert see("20% darker").mean() == pytest.approx(0.8 * fundus_pixels.mean(), rel=0.02)
    assert see("20% brighter").mean() > 1.1 * fundus_pixels.mean()
    turned, back = see("rotated by +10 degrees"), see("rotated by -10 degrees")
    assert np.abs(turned.astype(int) - back).mean() > 1


def test_equal_grades_agree_fully():
    pairs = [(answer(grade), answer(grade)) for grade in (0, 1, 2, 3, 4)]
    row = robustness.compare("nothing", [0, 1, 2, 3, 4], pairs)
    assert (row.n, row.kappa, row.same_grade, row.same_referral, row.auc) == (5, 1.0, 1.0, 1.0, 1.0)


def test_flips_refusals_and_lost_gradability_are_counted():
    pairs = [
        (answer(0), answer(2)),
        (answer(3), answer(3)),
        (answer(1), None),
        (answer(2), answer(2, gradable=False)),
        (None, answer(4)),
    ]
    row = robustness.compare("something", [0, 3, 1, 2, 4], pairs)
    assert (row.n, row.refused, row.became_ungradable) == (3, 1, 1)
    assert row.same_grade == row.same_referral == pytest.approx(2 / 3, abs=1e-3)
    assert row.kappa is not None
    assert row.kappa < 0.7


def test_what_cannot_be_computed_is_none():
    row = robustness.compare("nothing", [0, 0], [(answer(0), answer(0))] * 2)
    assert row.kappa is None
    assert row.auc is None
    nobody = robustness.compare("nothing", [0], [(None, None)])
    assert (nobody.n, nobody.kappa, nobody.same_grade) == (0, None, 0.0)


def test_the_command_measures_each_source_and_all_of_them(drawn_data, tmp_path, monkeypatch, capsys):
    out = tmp_path / "robustness.json"
    arguments = ["robustness.py", "--data", str(drawn_data), "--split", "val", "--limit", "2", "--json", str(out)]
    monkeypatch.setattr("sys.argv", arguments)
    assert robustness.main() == 0
    record = json.loads(out.read_text())
    assert [(source["source"], source["n"]) for source in record["sources"]] == [
        ("north", 2),
        ("south", 2),
        (robustness.POOLED, 4),
    ]
    changes = [agreement["change"] for agreement in record["sources"][0]["agreements"]]
    assert changes == [CLEAN, *CHANGES]
    unchanged = record["sources"][-1]["agreements"][0]
    assert (unchanged["n"], unchanged["same_grade"]) == (4, 1.0)
    assert f"| north | {CLEAN} | 2 |" in capsys.readouterr().out
