"""``train`` from the command line: what it starts from, and what it does about what is missing."""

import json
from pathlib import Path

import pytest

from dr_core.cli import main
from dr_core.imaging.preprocess import PREPROCESSING_VERSION
from dr_core.training import engine, refit, release


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[release.TrainingJob]:
    """The jobs that are given to training, which is not done."""
    found: list[release.TrainingJob] = []

    def remember(job: release.TrainingJob, *, name: str, say: object) -> Path:
        found.append(job)
        for folder in (job.run_dir, job.out_dir):
            folder.mkdir(exist_ok=True)
        (job.run_dir / "training_log.csv").write_text("epoch\n")
        return job.out_dir / f"{name}.model.json"

    monkeypatch.setattr(release, "train_and_release", remember)
    return found


def train(folder: Path, *more: str) -> int:
    return main(["train", "--data", str(folder), "--out", str(folder / "out"), "--run-dir", str(folder / "run"), *more])


def test_train_starts_from_imagenet_with_keras_by_default(jobs, tmp_path: Path, capsys) -> None:
    weights = tmp_path / "imagenet.weights.h5"
    weights.touch()
    assert train(tmp_path, "--weights", str(weights)) == 0
    (job,) = jobs
    assert (job.start, job.plan.engine, job.plan.start) == (weights, "keras", "imagenet.weights.h5")
    assert "retinadesk-v7.model.json" in capsys.readouterr().out
    assert (tmp_path / "out" / "training_log.csv").is_file()


def test_train_starts_from_an_earlier_release(jobs, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.keras"
    earlier.touch()
    assert train(tmp_path, "--start", str(earlier), "--teacher", str(earlier), "--engine", "torch") == 0
    (job,) = jobs
    assert (job.start, job.plan.engine, job.plan.start) == (earlier, "torch", "earlier.keras")
    assert job.plan.start_share == 0.0
    assert (job.teacher, job.plan.teacher) == (earlier, "earlier.keras")


def test_heads_alone_are_fitted_for_an_earlier_release(jobs, tmp_path: Path, monkeypatch, capsys) -> None:
    refitted: list[release.TrainingJob] = []

    def remember(job: release.TrainingJob, *, name: str, say: object) -> Path:
        refitted.append(job)
        return job.out_dir / f"{name}.model.json"

    monkeypatch.setattr(refit, "refit_heads", remember)
    earlier = tmp_path / "earlier.keras"
    earlier.touch()
    assert train(tmp_path, "--start", str(earlier), "--heads-only") == 0
    assert [job.start for job in refitted] == [earlier]
    assert not jobs
    # Its network learned nothing, so the log of the run that taught it stays.
    assert not (tmp_path / "out" / "training_log.csv").exists()
    weights = tmp_path / "imagenet.weights.h5"
    weights.touch()
    assert train(tmp_path, "--weights", str(weights), "--heads-only") == 2
    assert "--heads-only needs --start" in capsys.readouterr().err


@pytest.mark.parametrize("option", [("--heads-only",), ("--start-share", "0.4")])
def test_missing_start_is_said_before_missing_weights(jobs, tmp_path: Path, capsys, option) -> None:
    assert train(tmp_path, *option) == 2
    assert f"{option[0]} needs --start" in capsys.readouterr().err


def test_earlier_weights_take_part_in_the_mean_when_asked(jobs, tmp_path: Path, capsys) -> None:
    earlier = tmp_path / "earlier.keras"
    earlier.touch()
    assert train(tmp_path, "--start", str(earlier), "--start-share", "0.4") == 0
    assert jobs[0].plan.start_share == 0.4
    for wrong in ("1", "half"):
        with pytest.raises(SystemExit):
            train(tmp_path, "--start", str(earlier), "--start-share", wrong)
        assert f"below 1. Received: {wrong}" in capsys.readouterr().err
    weights = tmp_path / "imagenet.weights.h5"
    weights.touch()
    assert train(tmp_path, "--weights", str(weights), "--start-share", "0.4") == 2
    assert "--start" in capsys.readouterr().err
    assert len(jobs) == 1


def test_teacher_of_another_preprocessing_is_refused(jobs, tmp_path: Path, capsys) -> None:
    (tmp_path / "earlier.keras").touch()
    arguments = ["--start", str(tmp_path / "earlier.keras"), "--teacher", str(tmp_path / "earlier.keras")]
    spec = tmp_path / "earlier.model.json"
    spec.write_text(json.dumps({"input": {"preprocessing": "field-0"}}))
    assert train(tmp_path, *arguments) == 2
    assert "field-0" in capsys.readouterr().err
    spec.write_text(json.dumps({"input": {"preprocessing": PREPROCESSING_VERSION}}))
    assert train(tmp_path, *arguments) == 0
    assert len(jobs) == 1


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"input": 3}', b'{"input": {}}', b"\xff", b"[" * 100_000])
def test_teacher_whose_specification_cannot_be_read_is_refused(jobs, tmp_path: Path, capsys, content: bytes) -> None:
    (tmp_path / "earlier.keras").touch()
    (tmp_path / "earlier.model.json").write_bytes(content)
    arguments = ["--start", str(tmp_path / "earlier.keras"), "--teacher", str(tmp_path / "earlier.keras")]
    assert train(tmp_path, *arguments) == 2
    assert "restore it as it was released, or leave --teacher out" in capsys.readouterr().err
    assert not jobs


def test_account_without_home_folder_uses_every_command_and_names_the_run_folder(
    jobs, tmp_path: Path, capsys, monkeypatch
) -> None:
    def refuse() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", refuse)
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    weights = tmp_path / "imagenet.weights.h5"
    weights.touch()
    assert main(["train", "--data", str(tmp_path), "--weights", str(weights)]) == 2
    assert "name a folder with --run-dir" in capsys.readouterr().err
    assert train(tmp_path, "--weights", str(weights)) == 0
    assert len(jobs) == 1


@pytest.mark.parametrize("option", ["--weights", "--start"])
def test_start_with_a_name_that_is_too_long_is_usage(jobs, tmp_path: Path, capsys, option: str) -> None:
    assert train(tmp_path, option, str(tmp_path / ("x" * 260 + ".keras"))) == 2
    assert option in capsys.readouterr().err
    assert not jobs


@pytest.mark.parametrize(("option", "file"), [("--weights", "none.h5"), ("--start", "none.keras"), ("--start", "x.h5")])
def test_missing_start_names_the_option(jobs, tmp_path: Path, capsys, option: str, file: str) -> None:
    (tmp_path / "x.h5").touch()
    assert train(tmp_path, option, str(tmp_path / file)) == 2
    assert option in capsys.readouterr().err
    assert not jobs


def test_missing_teacher_names_the_option(jobs, tmp_path: Path, capsys) -> None:
    (tmp_path / "earlier.keras").touch()
    assert train(tmp_path, "--start", str(tmp_path / "earlier.keras"), "--teacher", str(tmp_path / "none.keras")) == 2
    assert "--teacher" in capsys.readouterr().err
    assert not jobs


def test_missing_torch_is_told_before_any_photograph_is_read(tmp_path: Path, capsys, monkeypatch) -> None:
    (tmp_path / "earlier.keras").touch()
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    assert train(tmp_path, "--start", str(tmp_path / "earlier.keras"), "--engine", "torch") == 2
    assert "requirements-train.txt" in capsys.readouterr().err
