"""``calibrate`` from outside: exit status, what it prints, and the file that it leaves."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.simulated_clinics import make_clinic
from dr_core.cli import main
from dr_core.domain.errors import ModelAltered
from dr_core.model.classifier import Classifier
from dr_core.reports.operating_point import read_operating_point
from dr_core.screening import clinic_sample, graded_list
from tests.fakes import FakeClassifier
from tests.made_clinics import list_grades, plan_made_steps

Calibrate = Callable[..., int]
COUNT = 120


@pytest.fixture
def clinic(tmp_path, monkeypatch) -> Path:
    """A folder with images/ in two subfolders and graded.csv; its model misses a part of what readers see."""
    probabilities, grades = make_clinic(np.random.default_rng(2), COUNT, shift=-0.8, confidence=2.0)
    classifier = FakeClassifier()
    monkeypatch.setattr(Classifier, "load", lambda model_dir=None: classifier)
    monkeypatch.setattr(clinic_sample, "plan_steps", lambda classifier: plan_made_steps(probabilities))
    for number in range(COUNT):
        path = tmp_path / "images" / ("od" if number % 2 else "os") / f"eye_{number:03d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"made")
    (tmp_path / "graded.csv").write_bytes(list_grades(grades))
    return tmp_path


@pytest.fixture
def calibrate(clinic) -> Calibrate:
    def run(*arguments: object) -> int:
        given = ("--graded", clinic / "graded.csv", "--images", clinic / "images", *arguments)
        return main(["calibrate", *map(str, given)])

    return run


def test_operating_point_is_found_measured_and_written(calibrate, clinic, capsys):
    out = clinic / "points"
    assert calibrate("--name", "North clinic, Topcon", "--out", out) == 0
    (path,) = out.iterdir()
    assert path.name == "north-clinic-topcon-v1.json"
    point = read_operating_point(path)
    assert point.label == "North clinic, Topcon v1"
    assert point.model_sha256 == FakeClassifier().spec.sha256
    assert point.graded_count == COUNT
    assert point.sensitivity.value == pytest.approx(0.9, abs=0.04)
    assert point.referable_threshold != 0.5
    printed = capsys.readouterr()
    assert "North clinic, Topcon v1: 120 photographs" in printed.out
    assert "before" in printed.out
    assert "Of 100 photographs with referable DR, about 9" in printed.out
    assert f"RETINADESK_OPERATING_POINT={path}" in printed.out
    assert "120 photographs with a reader's grade" in printed.err
    assert "Traceback" not in printed.err


def test_second_run_is_the_next_version(calibrate, clinic):
    for sensitivity in ("0.8", "0.9"):
        assert calibrate("--sensitivity", sensitivity, "--out", clinic / "points") == 0
    paths = sorted((clinic / "points").iterdir())
    assert [path.name for path in paths] == ["this-clinic-v1.json", "this-clinic-v2.json"]
    low, high = map(read_operating_point, paths)
    assert (low.wanted_sensitivity, high.wanted_sensitivity) == (0.8, 0.9)
    assert low.referable_threshold > high.referable_threshold
    assert low.specificity.value >= high.specificity.value


def test_named_file_is_written(calibrate, clinic):
    assert calibrate("--out", clinic / "own.json") == 0
    assert json.loads((clinic / "own.json").read_text())["operating_point"]["version"] == 1


def test_photographs_left_out_are_counted_and_a_small_sample_is_noted(calibrate, clinic, capsys):
    (clinic / "images" / "os" / "eye_000.jpg").write_bytes(b"blurred")
    (clinic / "images" / "od" / "eye_001.jpg").write_bytes(b"broken")
    (clinic / "images" / "od" / "not_listed.jpg").write_bytes(b"broken")
    with (clinic / "graded.csv").open("a") as listed:
        listed.write("eye_900.jpg;U\n")
    assert calibrate("--out", clinic / "own.json", "--sensitivity", "0.85") == 0
    printed = capsys.readouterr()
    assert "Left out: 1 refused by the quality gate, 1 failed, 1 without a reader's grade." in printed.err
    assert "Note: The sensitivity may be as low as" in printed.out
    assert read_operating_point(clinic / "own.json").graded_count == COUNT - 2


def test_calibrated_threshold_grades_the_same_photographs_as_it_says(calibrate, clinic):
    """The file, and the line with which results are decided, agree with what was measured."""
    from dr_core.model.calibration import adapt

    assert calibrate("--out", clinic / "own.json") == 0
    point = read_operating_point(clinic / "own.json")
    probabilities, grades = make_clinic(np.random.default_rng(2), COUNT, shift=-0.8, confidence=2.0)
    called = adapt(probabilities, point.temperature, point.shift)[:, 2:].sum(axis=1) >= point.referable_threshold
    assert called[grades >= 2].mean() >= 0.9
    assert point.sensitivity.value == pytest.approx(called[grades >= 2].mean(), abs=0.05)


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ("file,grade\neye_000.jpg,2\n", "add 19 more with referable DR"),
        ("file,grade\neye_000.jpg,7\n", "Line 2 of the list"),
        ("file,grade\neye_000.jpg,1\neye_000.jpg,1\n", "twice"),
        ("picture\n", "titles file and grade"),
        (
            "file,grade\n" + "".join(f"else_{number}.jpg,{number % 5}\n" for number in range(100)),
            "No photograph is there",
        ),
    ],
)
def test_wrong_list_is_refused_and_nothing_is_written(calibrate, clinic, capsys, listed, words):
    (clinic / "graded.csv").write_text(listed)
    assert calibrate("--out", clinic / "own.json") == 2
    assert words in capsys.readouterr().err
    assert not (clinic / "own.json").exists()


def test_list_that_is_no_file_is_neither_waited_for_nor_read(calibrate, clinic, capsys):
    os.mkfifo(clinic / "pipe")
    for path in (clinic / "pipe", "/dev/null"):
        assert calibrate("--out", clinic / "own.json", "--graded", path) == 2
        assert "name the CSV file" in capsys.readouterr().err


def test_no_more_of_a_list_is_read_than_the_limit(calibrate, clinic, capsys, monkeypatch):
    read: list[int] = []

    def parse(data: bytes) -> graded_list.GradedList:
        read.append(len(data))
        return graded_list.parse_graded_list(data)

    monkeypatch.setattr("dr_core.cli.calibrate.parse_graded_list", parse)
    with (clinic / "graded.csv").open("r+b") as listed:
        listed.truncate(3 * graded_list.MAX_BYTES)
    assert calibrate("--out", clinic / "own.json") == 2
    assert "is it the right file?" in capsys.readouterr().err
    assert read == [graded_list.MAX_BYTES + 1]


@pytest.mark.parametrize(
    "name", ["x" * 260 + ".json", "x" * 252 + ".json", "x" * 247 + ".json", "x" * 260, "x" * 260 + "/a.json"]
)
def test_place_with_a_name_that_is_too_long_is_refused_before_the_work(calibrate, clinic, capsys, monkeypatch, name):
    monkeypatch.setattr("dr_core.cli.calibrate.screen_clinic", lambda *_, **__: pytest.fail("screened"))
    assert calibrate("--out", clinic / name) == 2
    assert "choose a shorter name" in capsys.readouterr().err


def test_too_few_gradable_photographs_are_refused_after_the_screening(calibrate, clinic, capsys):
    for path in (clinic / "images").rglob("eye_0[0-7]*.jpg"):
        path.write_bytes(b"blurred")
    assert calibrate("--out", clinic / "own.json") == 2
    printed = capsys.readouterr().err
    assert "80 refused by the quality gate" in printed
    assert "40 gradable photographs with a reader's grade are too few" in printed
    assert not (clinic / "own.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--out", "points", "--sensitivity", "1.5"), "sensitivity must lie between"),
        (("--out", "points", "--name", "=1"), "name of an operating point"),
        (("--out", "graded.csv"), "neither a folder nor a .json file"),
        (("--out", "points", "--images", "graded.csv"), "--images is no folder"),
        (("--out", "points", "--graded", "none.csv"), "could not be read"),
        (("--out", "points", "--graded", "images"), "could not be read"),
    ],
)
def test_wrong_argument_is_usage(calibrate, clinic, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(clinic)
    assert calibrate(*arguments) == 2
    assert words in capsys.readouterr().err
    assert not (clinic / "points").exists()


def test_unusable_model_is_status_3(calibrate, clinic, monkeypatch):
    def refuse(model_dir: Path | None = None) -> Classifier:
        raise ModelAltered("The model was altered. Restore it.")

    monkeypatch.setattr(Classifier, "load", refuse)
    assert calibrate("--out", clinic / "own.json") == 3


def test_interruption_is_status_130_and_writes_nothing(calibrate, clinic, monkeypatch, capsys):
    def interrupt(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dr_core.cli.progress_line.ProgressLine.show", interrupt)
    assert calibrate("--out", clinic / "own.json") == 130
    assert "Stopped: 1 of 120" in capsys.readouterr().err
    assert not (clinic / "own.json").exists()
