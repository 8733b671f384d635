"""Companions are made once, from the rows that they are given, and read back as they were."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.training import companion_pictures
from dr_core.training.companion_pictures import build_companions
from dr_core.training.companions import OTHERS, RETINAS, SPOILT, Companions
from dr_core.training.dataset import LabelledPhotograph
from dr_core.training.spoil import SPOILT as SPOILT_KINDS


@dataclass(frozen=True, eq=False)
class Made:
    """Companions, what they were made of, and where they are kept."""

    companions: Companions
    rows: list[LabelledPhotograph]
    folder: Path
    lines: list[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Few of every kind, from three photographs: the first has no grade, and the last is ungradable."""
    folder = tmp_path_factory.mktemp("companions")
    rows = []
    for number in range(3):
        path = folder / f"{number}.jpg"
        path.write_bytes(encode_jpeg(draw_fundus(FundusDrawing(320, 240, seed=number + 1))))
        grade, gradable = number or None, number != 2
        rows.append(
            LabelledPhotograph(f"one:{number}", path, "one", "train", grade, "", gradable, label_conflict=False)
        )
    few = {"SPOILT_PHOTOGRAPHS": 4, "VARIANTS": 1, "DRAWN_RETINAS": 2, "NON_RETINAS_PER_KIND": 1}
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name, count in few.items():
            patch.setattr(companion_pictures, name, count)
        companions = build_companions(rows, 64, folder / "cache", seed=3, say=lines.append)
        yield Made(companions, rows, folder / "cache", lines)


def test_every_group_is_there(made: Made) -> None:
    counts = np.bincount(made.companions.groups)
    assert made.companions.discs.shape == (counts.sum(), 64, 64, 3)
    assert counts[SPOILT] == len(SPOILT_KINDS)  # of the one photograph that has a grade and is gradable
    assert counts[RETINAS] == 2 + 2 + 1 + 2
    assert counts[OTHERS] > 5
    assert str(counts[OTHERS]) in made.lines[0]


def test_what_was_made_is_read_back_unchanged(made: Made) -> None:
    # No photograph can be read any more.
    rows = [replace(row, path=made.folder / "gone.jpg") for row in made.rows]
    again = build_companions(rows, 64, made.folder, seed=3, say=made.lines.append)
    np.testing.assert_array_equal(made.companions.discs, again.discs)
    np.testing.assert_array_equal(made.companions.groups, again.groups)


def test_another_seed_makes_other_pictures(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    # The first group is enough to tell, and the others take seconds.
    for name in ("DRAWN_RETINAS", "NON_RETINAS_PER_KIND"):
        monkeypatch.setattr(companion_pictures, name, 0)
    other = build_companions(made.rows, 64, made.folder, seed=4, say=made.lines.append)
    spoilt = [companions.discs[companions.groups == SPOILT] for companions in (made.companions, other)]
    assert len(spoilt[0]) == len(spoilt[1]) == len(SPOILT_KINDS)
    assert not np.array_equal(*spoilt)
