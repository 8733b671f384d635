"""A source that is left out is in no batch, and is what its run is measured on."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import leave_one_source_out as benchmark
from dr_core.training.dataset import DiscCache, LabelledPhotograph

SIZE = (36, 48)


class Guess:
    """A grader that tells nothing but contrast."""

    input_shape = (None, *SIZE, 3)

    def predict_on_batch(self, tensors):
        return np.outer(np.abs(tensors).mean((1, 2, 3)), np.arange(5.0))


def make_cache(split: str) -> DiscCache:
    rows = tuple(
        LabelledPhotograph(
            f"{split}:{n}", Path("n.jpg"), ("north", "south", "west")[n % 3], split, n % 5, "", True, False
        )
        for n in range(30)
    )
    contrast = np.array([20 * row.grade + 20 for row in rows], np.uint8)[:, None, None, None]
    discs = np.concatenate(
        [np.broadcast_to(128 + side * contrast.astype(int), (30, 48, 24, 3)) for side in (-1, 1)], axis=2
    )
    discs = discs.astype(np.uint8)
    return DiscCache(discs, rows, (DiscCache(discs[:9], rows[:9]),))


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch):
    """What the runs learned from and were logged on; nothing is trained."""
    seen = []

    def remember(train, val, run, *, start, say):
        names = [{row.source for row in cache.photographs} for cache in (train, *train.copies, val)]
        seen.append((run.folder.name, *names))
        return Guess()

    monkeypatch.setattr(benchmark, "fit_grader", remember)
    monkeypatch.setattr(benchmark, "prepare_caches", lambda *a: (make_cache("train"), make_cache("val")))
    monkeypatch.setattr(benchmark, "RESAMPLES", 50)
    return seen


def test_each_source_is_left_out_in_its_turn(runs, tmp_path: Path, capsys) -> None:
    out = tmp_path / "found.json"
    arguments = ["--data", str(tmp_path), "--run-dir", str(tmp_path), "--json", str(out), "--reference"]
    assert benchmark.main(arguments) == 0
    every = {"north", "south", "west"}
    assert runs == [
        *((f"without_{name}", every - {name}, every - {name}, {name}) for name in ("north", "south", "west")),
        ("every_source", every, every, every),
    ]
    rows = json.loads(out.read_text())["sources"]
    assert [(row["source"], row["left_out"], row["n_train"]) for row in rows] == [
        *((name, True, 20) for name in ("north", "south", "west")),
        *((name, False, 30) for name in ("north", "south", "west")),
    ]
    assert rows[0]["auc"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert "| north | no | 20 | 10 | 6 | 1.000 (1.000 to 1.000) |" in capsys.readouterr().out


def test_a_release_is_no_start(runs, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        benchmark.main(["--data", str(tmp_path), "--run-dir", str(tmp_path), "--weights", "earlier.keras"])
    with pytest.raises(SystemExit):
        benchmark.main(["--data", str(tmp_path), "--run-dir", str(tmp_path), "--sources", "east"])
    assert not runs
