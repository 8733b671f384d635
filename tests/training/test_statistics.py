"""Statistics count what the manifest says and what the photographs show, and hold nothing about one person."""

import csv
import json
import os
from pathlib import Path

import pandas as pd
import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.reports.dataset import read_statistics, write_statistics
from dr_core.training.statistics import (
    count_bins,
    count_duplicates,
    measure_appearance,
    measure_dataset,
    name_groups,
    read_manifest_table,
)

COLUMNS = (
    "image_id", "path", "source", "grade", "dme", "split", "patient_id", "eye", "age", "sex", "gradable", "eyeq",
    "other_findings", "duplicate_of", "label_conflict", "width", "height", "original_width", "original_height",
)  # fmt: skip


def write_manifest(folder: Path, rows: list[dict[str, object]]) -> None:
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)


def make_row(name: str, **values: object) -> dict[str, object]:
    size = {"width": 320, "height": 240, "original_width": 320, "original_height": 240}
    base = {"image_id": f"clinic:{name}", "path": f"{name}.jpg", "source": "clinic", "split": "train", "grade": 0}
    return base | size | {"label_conflict": 0} | values


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sources: three drawn photographs and one that shows no retina."""
    folder = tmp_path_factory.mktemp("data")
    for name, drawing in {
        "sharp": FundusDrawing(320, 240, seed=1),
        "dark": FundusDrawing(320, 240, seed=1, light=0.4),
        "soft": FundusDrawing(320, 240, seed=1, blur=0.03),
    }.items():
        (folder / f"{name}.jpg").write_bytes(encode_jpeg(draw_fundus(drawing)))
    (folder / "note.jpg").write_bytes(b"this is a text")
    original = {"source": "other", "original_width": 4288, "original_height": 2848}
    write_manifest(
        folder,
        [
            make_row("sharp", grade=2, patient_id="p1", age=54, sex="Female", split="val"),
            make_row("dark", grade="", patient_id="p1", age=54, sex="Female", duplicate_of="clinic:sharp"),
            make_row("soft", grade=4, gradable=0, **original),
            make_row("note", grade=0, gradable=1, split="test", **original),
        ],
    )
    return folder


def test_dataset_is_aggregated_per_source_and_split(data_folder):
    seen: list[tuple[int, int]] = []
    statistics = measure_dataset(data_folder, progress=lambda done, total: seen.append((done, total)))
    clinic, other = statistics.sources
    assert (clinic.source, other.source) == ("clinic", "other")
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [(b.split, b.grade_counts, b.n_ungraded) for b in clinic.splits] == [
        ("train", (0, 0, 0, 0, 0), 1),
        ("val", (0, 0, 1, 0, 0), 0),
    ]
    assert clinic.merge_splits().grade_counts == (0, 0, 1, 0, 0)
    assert clinic.n_patients == 1
    assert other.n_patients is None
    assert clinic.original_sizes == ()
    assert [(size.width_px, size.height_px, size.count) for size in other.original_sizes] == [(4288, 2848, 2)]
    assert sum(clinic.ages.counts) == 2
    assert other.ages is None
    assert [(item.name, item.count) for item in clinic.sexes] == [("female", 2)]
    assert [(item.name, item.count) for item in other.gradable] == [("gradable", 1), ("not gradable", 1)]
    assert other.n_without_field == 1
    assert sum(other.brightness.counts) == sum(other.sharpness.counts) == 1
    assert (statistics.n_photographs, statistics.n_graded, statistics.n_referable) == (4, 3, 2)


def test_statistics_survive_the_disk_and_name_no_photograph_or_patient(data_folder, tmp_path):
    statistics = measure_dataset(data_folder)
    write_statistics(statistics, tmp_path / "statistics.json")
    assert read_statistics(tmp_path / "statistics.json") == statistics
    text = (tmp_path / "statistics.json").read_text()
    assert not any(secret in text for secret in ("p1", "sharp.jpg", "clinic:"))


def test_a_dark_photograph_measures_darker_and_a_blurred_one_less_sharp(data_folder):
    brightness, sharpness = measure_appearance((data_folder / "sharp.jpg").read_bytes())
    assert measure_appearance((data_folder / "dark.jpg").read_bytes())[0] < 0.7 * brightness
    assert measure_appearance((data_folder / "soft.jpg").read_bytes())[1] < sharpness - 0.1


def test_a_missing_photograph_is_named_with_its_remedy(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in ("gone.jpg", "pipe.jpg", "x" * 300):
        write_manifest(tmp_path, [make_row("gone", path=path)])
        with pytest.raises(ConfigurationError, match=f'missing: "{path[:60]}.*Complete the folder'):
            measure_dataset(tmp_path)


def test_a_missing_manifest_or_column_is_a_configuration_error(tmp_path):
    with pytest.raises(ConfigurationError, match=r"manifest\.csv"):
        read_manifest_table(tmp_path)
    (tmp_path / "manifest.csv").write_text("image_id,path\na,b\n")
    with pytest.raises(ConfigurationError, match="grade"):
        read_manifest_table(tmp_path)


def test_bins_hold_what_lies_beyond_the_ends_and_skip_the_unknown():
    histogram = count_bins(pd.Series([-5.0, 0.0, 9.9, 10.0, 99.0, None]), (0.0, 20.0), 2)
    assert histogram.counts == (3, 2)
    assert histogram.centers == (5.0, 15.0)


def build_table(*rows: tuple[str, str | None, int, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["image_id", "duplicate_of", "label_conflict", "split"])


def test_copies_are_grouped_by_the_member_that_they_name():
    table = build_table(
        ("a", "a", 0, "train"),
        ("b", "a", 0, "train"),
        ("c", "z", 1, "val"),
        ("z", None, 1, "val"),
        ("d", None, 0, "val"),
    )
    counts = count_duplicates(table)
    assert name_groups(table).tolist() == ["a", "a", "z", "z", "d"]
    assert (counts.n_groups, counts.n_photographs) == (2, 4)
    assert (counts.n_conflicting_groups, counts.n_conflicting_photographs) == (1, 2)
    assert counts.n_groups_across_splits == 0


def test_two_photographs_that_name_each_other_are_one_group():
    counts = count_duplicates(build_table(("a", "b", 1, "excluded"), ("b", "a", 1, "test")))
    assert (counts.n_groups, counts.n_groups_across_splits) == (1, 0)


def test_copies_in_train_and_test_are_found():
    assert count_duplicates(build_table(("a", "a", 0, "train"), ("b", "a", 0, "test"))).n_groups_across_splits == 1


def test_the_shipped_statistics_can_be_read():
    shipped = read_statistics(Path(__file__).parents[2] / "assets" / "dataset_statistics.json")
    assert shipped.n_photographs > 8000
    assert all(source.duplicates.n_groups_across_splits == 0 for source in shipped.sources)


@pytest.mark.real
def test_the_shipped_statistics_agree_with_the_manifest_at_hand(data_dir):
    shipped = read_statistics(Path(__file__).parents[2] / "assets" / "dataset_statistics.json")
    table = read_manifest_table(data_dir)
    for source in shipped.sources:
        rows = table[table["source"] == source.source]
        assert source.n_photographs == len(rows)
        assert source.duplicates == count_duplicates(rows)
        for balance in source.splits:
            graded = rows[rows["split"] == balance.split]["grade"].dropna()
            assert list(balance.grade_counts) == [int((graded == grade).sum()) for grade in range(5)]


def test_the_shipped_statistics_hold_counts_alone():
    path = Path(__file__).parents[2] / "assets" / "dataset_statistics.json"
    assert path.stat().st_size < 20_000
    assert set(json.loads(path.read_text())) == {"created_utc", "package_version", "sources"}
