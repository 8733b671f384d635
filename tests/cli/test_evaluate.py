"""``evaluate`` and ``statistics`` from the command line: tables on standard output, JSON on disk, progress beside."""

import os
from pathlib import Path

import pytest

from dr_core.cli import main
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.model.classifier import Classifier
from dr_core.reports.dataset import read_statistics
from dr_core.reports.evaluation import read_evaluations
from tests.fakes import FakeClassifier

HEADER = (
    "image_id,path,source,grade,split,patient_id,age,sex,gradable,duplicate_of,label_conflict,width,height,"
    "original_width,original_height\n"
)


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """Four drawn photographs of the val split, one per referable grade and side, and one that is no photograph."""
    folder = tmp_path / "data"
    folder.mkdir()
    rows = []
    for index, grade in enumerate((0, 1, 2, 4)):
        (folder / f"{index}.jpg").write_bytes(encode_jpeg(draw_fundus(FundusDrawing(320, 240, seed=index))))
        rows.append(f"one:{index},{index}.jpg,one,{grade},val,,,,,,0,320,240,320,240\n")
    (folder / "note.jpg").write_text("not a photograph")
    rows.append("one:note,note.jpg,one,0,val,,,,,,0,320,240,320,240\n")
    (folder / "manifest.csv").write_text(HEADER + "".join(rows))
    return folder


def test_help_says_what_it_means_with_one_percent_sign(capsys):
    for arguments in (["evaluate", "--help"], ["--help"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 0
        shown = capsys.readouterr().out
        assert "with 95% intervals" in " ".join(shown.split())
        assert shown.startswith("usage: python -m dr_core ")


def test_evaluate_prints_tables_and_writes_the_record(data_folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["evaluate", "--data", str(data_folder), "--split", "val", "--out", str(out)]) == 0
    (record,) = read_evaluations(out)
    assert [source.source for source in record.sources] == ["one", "pooled"]
    assert (record.sources[0].n_labelled, record.sources[0].n_failed) == (5, 1)
    printed = capsys.readouterr()
    assert printed.out.count("| pooled") >= 2
    assert "evaluation_val.json" in printed.err


@pytest.fixture
def model_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model's folder; the model itself is not asked for anything but its specification."""
    folder = tmp_path / "model"
    folder.mkdir()
    monkeypatch.setattr(Classifier, "load", lambda model_dir=None: FakeClassifier())
    return folder


def evaluate(data_folder: Path, *more: object) -> int:
    return main(["evaluate", "--data", str(data_folder), "--split", "val", *map(str, more)])


def test_evaluation_in_the_models_folder_is_replaced_by_one_of_as_many_photographs_alone(
    data_folder, model_folder, capsys
):
    for _ in range(2):
        assert evaluate(data_folder, "--model", model_folder) == 0
    (before,) = read_evaluations(model_folder)
    manifest = (data_folder / "manifest.csv").read_text()
    for fewer in (manifest.rpartition("one:note")[0], manifest.replace(",one,", ",two,")):
        (data_folder / "manifest.csv").write_text(fewer)
        capsys.readouterr()
        assert evaluate(data_folder, "--model", model_folder) == 2
        shown = capsys.readouterr()
        assert "holds an evaluation of 5 photographs" in shown.err
        assert "name a folder for the new one with --out" in shown.err
        assert shown.out == ""
        assert read_evaluations(model_folder) == (before,)
    assert evaluate(data_folder, "--model", model_folder, "--out", model_folder) == 0
    assert read_evaluations(model_folder)[0].sources[0].source == "two"


def test_record_of_another_version_is_written_anew(data_folder, model_folder):
    (model_folder / "evaluation_val.json").write_text("{}")
    assert evaluate(data_folder, "--model", model_folder) == 0
    assert len(read_evaluations(model_folder)) == 1


def test_place_that_cannot_be_written_is_refused_before_the_work(data_folder, model_folder, tmp_path, capsys):
    (tmp_path / "file").touch()
    (tmp_path / "taken" / "evaluation_val.json").mkdir(parents=True)
    for out in ("/proc/out", tmp_path / "file", tmp_path / "taken", tmp_path / ("x" * 260)):
        assert evaluate(data_folder, "--out", out) == 2
        shown = capsys.readouterr().err
        assert "choose another place with --out" in shown
        assert shown.count("\n") == 1
    # As above, as a file of the folder that would be made.
    assert evaluate(data_folder, "--out", tmp_path / "new" / "folder") == 0
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["evaluation_val.json"]


@pytest.mark.parametrize("command", ["evaluate", "statistics"])
@pytest.mark.parametrize("grade", ["9", "x", "inf", "1.5"])
def test_grade_off_the_scale_is_a_usage_error(tmp_path, model_folder, capsys, command, grade):
    (tmp_path / "manifest.csv").write_text(f"{HEADER}one:1,1.jpg,one,{grade},val,,,,,,0,320,240,320,240\n")
    more = ["--split", "val", "--model", str(model_folder)] if command == "evaluate" else []
    out = tmp_path / "out.json"
    assert main([command, "--data", str(tmp_path), "--out", str(out), *more]) == 2
    assert f'Line 2 of manifest.csv has "{grade}" in the column grade' in capsys.readouterr().err
    assert not out.exists()


def test_evaluate_without_manifest_is_a_usage_error(tmp_path, capsys):
    assert main(["evaluate", "--data", str(tmp_path), "--split", "val", "--out", str(tmp_path)]) == 2
    assert "manifest.csv" in capsys.readouterr().err


def test_evaluate_refuses_the_training_split(tmp_path):
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", "--data", str(tmp_path), "--split", "train"])
    assert stopped.value.code == 2


def test_statistics_writes_counts(data_folder, tmp_path, capsys):
    out = tmp_path / "statistics.json"
    assert main(["statistics", "--data", str(data_folder), "--out", str(out)]) == 0
    (source,) = read_statistics(out).sources
    assert source.merge_splits().grade_counts == (2, 1, 1, 0, 1)
    assert source.n_without_field == 1
    assert "5 photographs of 1 sources" in capsys.readouterr().err


def test_statistics_without_manifest_is_a_usage_error(tmp_path, capsys):
    assert main(["statistics", "--data", str(tmp_path), "--out", str(tmp_path / "s.json")]) == 2
    assert "manifest.csv" in capsys.readouterr().err


def test_statistics_replace_nothing_but_statistics(data_folder, tmp_path, capsys, monkeypatch):
    own = tmp_path / "own.json"
    for _ in range(2):
        assert main(["statistics", "--data", str(data_folder), "--out", str(own)]) == 0
    monkeypatch.setattr("dr_core.training.statistics.measure_dataset", lambda *_, **__: pytest.fail("measured"))
    (tmp_path / "notes.json").write_text('{"created_utc": "today"}')
    (tmp_path / "IM0001").write_bytes((data_folder / "0.jpg").read_bytes())
    os.mkfifo(tmp_path / "pipe")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for out, words in [
        (data_folder / "0.jpg", "named like a photograph"),
        (tmp_path / "IM0001", "delete the file first"),
        (tmp_path / "notes.json", "delete the file first"),
        (data_folder / "manifest.csv", "let its name end in .json"),
        (data_folder, "--out is a folder"),
        (tmp_path / "pipe", "pipe or a device"),
        ("/dev/null", "pipe or a device"),
        ("/proc/s.json", "--out"),
        (tmp_path / "nowhere" / "s.json", "does not exist: make it first"),
        (tmp_path / f"{'x' * 260}.json", "choose a shorter name"),
        (tmp_path / f"{'x' * 247}.json", "File name too long"),
    ]:
        assert main(["statistics", "--data", str(data_folder), "--out", str(out)]) == 2, out
        assert words in capsys.readouterr().err, out
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
