"""A run's folder tells where it stopped, and never half of it."""

import csv
from pathlib import Path

import numpy as np
import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.training.plan import Plan, Stage
from dr_core.training.run_folder import LOG_COLUMNS, Checkpoint, RunFolder

PLAN = Plan((Stage(64, 2), Stage(96, 1)))


def stand(epoch: int) -> Checkpoint:
    weights = {"Conv1/0": np.full((2, 3), epoch, np.float32)}
    return Checkpoint(epoch, weights, {"Conv1/0": -weights["Conv1/0"]}, {"0/step": np.array(7.0, np.float32)})


def row(epoch: int) -> tuple[object, ...]:
    return (epoch, *range(len(LOG_COLUMNS) - 1))


def read_log(run: RunFolder) -> list[list[str]]:
    with run.log.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_new_run_starts_without_the_log_of_another(tmp_path: Path) -> None:
    run = RunFolder(tmp_path, PLAN)
    run.log.write_text("left over")
    assert run.resume() is None
    assert not run.log.exists()


def test_checkpoint_is_read_back_whole(tmp_path: Path) -> None:
    run = RunFolder(tmp_path, PLAN)
    run.finish_epoch(row(1), stand(1))
    run.finish_epoch(row(2), stand(2))
    found = run.resume()
    assert found is not None
    assert found.epochs_done == 2
    np.testing.assert_array_equal(found.weights["Conv1/0"], stand(2).weights["Conv1/0"])
    np.testing.assert_array_equal(found.average["Conv1/0"], stand(2).average["Conv1/0"])
    assert found.moments["0/step"].shape == ()
    assert tuple(read_log(run)[0]) == LOG_COLUMNS
    assert [line[0] for line in read_log(run)[1:]] == ["1", "2"]


def test_kill_between_log_and_checkpoint_repeats_the_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder(tmp_path, PLAN)
    run.finish_epoch(row(1), stand(1))

    def die(*arguments: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", die)
    with pytest.raises(KeyboardInterrupt):
        run.finish_epoch(row(2), stand(2))
    found = run.resume()
    assert found is not None
    assert found.epochs_done == 1
    assert [line[0] for line in read_log(run)[1:]] == ["1"]


@pytest.mark.parametrize("other", [Plan((Stage(64, 3),)), Plan(PLAN.stages, engine="torch")])
def test_folder_serves_one_plan(tmp_path: Path, other: Plan) -> None:
    RunFolder(tmp_path, PLAN).finish_epoch(row(1), stand(1))
    with pytest.raises(ConfigurationError, match=r"another plan.*--run-dir"):
        RunFolder(tmp_path, other).resume()


def test_a_run_is_finished_after_its_last_epoch_alone(tmp_path: Path) -> None:
    run = RunFolder(tmp_path, PLAN)
    assert not run.finished
    run.finish_epoch(row(2), stand(2))
    assert not run.finished
    run.finish_epoch(row(3), stand(3))
    assert run.finished
