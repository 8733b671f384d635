"""The manifest is read as it stands, and its splits share no patient and no photograph."""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.photograph import UInt8Array
from dr_core.imaging.encode import encode_png
from dr_core.training.dataset import build_cache, read_manifest, select_graded

COLUMNS = ("image_id", "path", "source", "grade", "split", "patient_id", "gradable", "label_conflict")


def write_manifest(folder: Path, *rows: tuple[str, ...]) -> Path:
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return folder


def test_rows_are_read_with_what_is_unknown_left_unknown(tmp_path):
    folder = write_manifest(
        tmp_path, ("a:1", "a/1.jpg", "a", "3", "train", "p1", "0", "1"), ("b:2", "b/2.jpg", "b", "", "val", "", "", "0")
    )
    known, unknown = read_manifest(folder)
    assert (known.image_id, known.path, known.grade, known.gradable) == ("a:1", tmp_path / "a/1.jpg", 3, False)
    assert known.label_conflict
    assert (unknown.grade, unknown.gradable, unknown.patient_id) == (None, None, "")
    assert not unknown.label_conflict


@pytest.mark.parametrize(("column", "value"), [("eye", "left"), ("dme", "3"), ("dme", "low")])
def test_what_is_taught_beside_the_grade_is_read_as_strictly(tmp_path, column, value):
    (tmp_path / "manifest.csv").write_text(
        ",".join((*COLUMNS, column)) + f"\na:1,1.jpg,a,1,train,,,0,\na:2,2.jpg,a,1,train,,,0,{value}\n"
    )
    with pytest.raises(ConfigurationError, match=f"^Line 3 .* in the column {column}: write "):
        read_manifest(tmp_path)


def test_conflicting_copies_stay_out_of_training_alone(tmp_path):
    write_manifest(
        tmp_path,
        ("a:1", "1.jpg", "a", "3", "train", "", "", "1"),
        ("a:2", "2.jpg", "a", "2", "train", "", "", "0"),
        ("a:3", "3.jpg", "a", "1", "val", "", "", "1"),
        ("a:4", "4.jpg", "a", "", "val", "", "", "0"),
    )
    rows = read_manifest(tmp_path)
    assert [row.image_id for row in select_graded(rows, "train")] == ["a:2"]
    assert [row.image_id for row in select_graded(rows, "val")] == ["a:3"]


def test_cache_leaves_out_what_shows_no_retina_and_reports_progress(tmp_path, fundus_pixels: UInt8Array, caplog):
    pictures = {
        "eye.png": fundus_pixels,
        "black.png": np.zeros((90, 90, 3), dtype=np.uint8),
        "again.png": fundus_pixels,
    }
    for name, pixels in pictures.items():
        (tmp_path / name).write_bytes(encode_png(pixels))
    rows = read_manifest(write_manifest(tmp_path, *((n, n, "a", "1", "train", "", "", "0") for n in pictures)))
    reported: list[tuple[int, int]] = []
    cache = build_cache(rows, 64, tmp_path / "cache", progress=lambda done, count: reported.append((done, count)))
    assert [row.image_id for row in cache.photographs] == ["eye.png", "again.png"]
    assert cache.discs.shape == (2, 64, 64, 3)
    assert np.array_equal(cache.discs[0], cache.discs[1])
    assert cache.grades.tolist() == [1, 1]
    assert reported == [(1, 3), (2, 3), (3, 3)]
    assert "1 photographs show no field of view" in caplog.text


@pytest.mark.real
def test_real_splits_share_no_patient_and_no_photograph(data_dir):
    rows = read_manifest(data_dir)
    splits: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        if row.patient_id and row.split != "excluded":
            splits[row.source, row.patient_id].add(row.split)
    assert [patient for patient, found in splits.items() if len(found) > 1] == []
    with (data_dir / "manifest.csv").open(newline="", encoding="utf-8") as file:
        raw = {line["image_id"]: line for line in csv.DictReader(file)}
    # A copy of a locked test photograph may stand in "excluded", and nowhere else.
    torn = [
        line["image_id"]
        for line in raw.values()
        if line["duplicate_of"] and len({line["split"], raw[line["duplicate_of"]]["split"]} - {"excluded"}) > 1
    ]
    assert torn == []
