"""Companions are made once, from the rows that they are given, and read back as they were."""

from pathlib import Path

import numpy as np
import pytest

from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.training import companion_pictures
from dr_core.training.companion_pictures import build_companions
from dr_core.training.companions import OTHERS, RETINAS, SPOILT
from dr_core.training.dataset import LabelledPhotograph
from dr_core.training.spoil import SPOILT as SPOILT_KINDS


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[LabelledPhotograph]:
    """Three photographs; the first has no grade, and the last is ungradable. And few of every kind."""
    few = {"SPOILT_PHOTOGRAPHS": 4, "VARIANTS": 1, "DRAWN_RETINAS": 2, "NON_RETINAS_PER_KIND": 1}
    for name, count in few.items():
        monkeypatch.setattr(companion_pictures, name, count)
    found = []
    for number in range(3):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(encode_jpeg(draw_fundus(FundusDrawing(320, 240, seed=number + 1))))
        grade, gradable = number or None, number != 2
        found.append(
            LabelledPhotograph(f"one:{number}", path, "one", "train", grade, "", gradable, label_conflict=False)
        )
    return found


def test_every_group_is_there_and_is_read_back_unchanged(rows: list[LabelledPhotograph], tmp_path: Path) -> None:
    lines: list[str] = []
    made = build_companions(rows, 64, tmp_path / "cache", seed=3, say=lines.append)
    counts = np.bincount(made.groups)
    assert made.discs.shape == (counts.sum(), 64, 64, 3)
    assert counts[SPOILT] == len(SPOILT_KINDS)  # of the one photograph that has a grade and is gradable
    assert counts[RETINAS] == 2 + 2 + 1 + 2
    assert counts[OTHERS] > 5
    assert str(counts[OTHERS]) in lines[0]
    for row in rows:
        row.path.unlink()
    again = build_companions(rows, 64, tmp_path / "cache", seed=3, say=lines.append)
    np.testing.assert_array_equal(made.discs, again.discs)
    np.testing.assert_array_equal(made.groups, again.groups)


def test_another_seed_makes_other_pictures(rows: list[LabelledPhotograph], tmp_path: Path) -> None:
    one, other = (build_companions(rows, 64, tmp_path / "cache", seed=seed, say=lambda line: None) for seed in (3, 4))
    assert not np.array_equal(one.discs[:5], other.discs[:5])
