"""A clinic's operating point on disk: versions, and a reader that believes nothing."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dr_core.domain.errors import ConfigurationError, StorageError
from dr_core.reports.operating_point import (
    check_name,
    check_output,
    name_file,
    read_operating_point,
    render_operating_point,
    write_operating_point,
)
from tests.fakes import make_operating_point

POINT = replace(make_operating_point(), version=1)
FIELDS = json.loads(render_operating_point(POINT))["operating_point"]


def write_changed(path: Path, **changes: object) -> Path:
    path.write_text(json.dumps({"format": 1, "operating_point": FIELDS | changes}))
    return path


def test_folder_gets_a_file_for_each_version(tmp_path):
    folder = tmp_path / "points"
    first, one = write_operating_point(POINT, folder)
    second, two = write_operating_point(POINT, folder)
    assert (first.version, second.version) == (1, 2)
    assert [one.name, two.name] == ["north-clinic-v1.json", "north-clinic-v2.json"]
    assert read_operating_point(one) == first
    assert read_operating_point(two) == second == replace(POINT, version=2)
    other, _ = write_operating_point(replace(POINT, name="South"), folder)
    assert other.version == 1
    assert sorted(path.name for path in folder.iterdir()) == [one.name, two.name, "south-v1.json"]


def test_damaged_version_is_not_replaced(tmp_path):
    (tmp_path / "north-clinic-v7.json").write_text("damaged")
    assert write_operating_point(POINT, tmp_path)[0].version == 8


def test_file_is_replaced_by_the_next_version_of_its_name_alone(tmp_path):
    path = tmp_path / "own.json"
    assert write_operating_point(POINT, path) == (POINT, path)
    assert write_operating_point(POINT, path)[0].version == 2
    with pytest.raises(ConfigurationError, match="holds the operating point North clinic v2"):
        write_operating_point(replace(POINT, name="South"), path)
    path.write_text("{}")
    with pytest.raises(ConfigurationError, match="not a record of this version"):
        write_operating_point(POINT, path)
    assert path.read_text() == "{}"


def test_download_is_the_file(tmp_path):
    path = tmp_path / name_file(POINT)
    path.write_bytes(render_operating_point(POINT))
    assert read_operating_point(path) == POINT


def test_output_is_checked_before_the_work(tmp_path):
    check_output(tmp_path / "new" / "folder", "South")
    check_output(tmp_path / "new.json", "South")
    assert list(tmp_path.iterdir()) == []
    table = tmp_path / "report.csv"
    table.write_text("x")
    for out in (table, table / "below"):
        with pytest.raises(ConfigurationError, match="--out"):
            check_output(out, "South")


def test_disk_that_refuses_is_told_and_leaves_nothing(tmp_path, monkeypatch):
    def refuse(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StorageError, match="No space left"):
        write_operating_point(POINT, tmp_path)
    assert not (tmp_path / name_file(POINT)).exists()


@pytest.mark.parametrize("name", ["", " ", "x" * 61, "two\nlines", "=formula", "-1", "\u202egnp", " padded"])
def test_name_that_results_cannot_quote_is_refused(name):
    with pytest.raises(ConfigurationError, match="name of an operating point"):
        check_name(name)


@pytest.mark.parametrize(
    ("name", "file"), [("Zürich, OP 2", "zurich-op-2-v1.json"), ("眼科", "operating-point-v1.json")]
)
def test_file_name_is_plain(name, file):
    check_name(name)
    assert name_file(replace(POINT, name=name)) == file


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "=1+1"},
        {"version": 0},
        {"version": "1"},
        {"created_utc": "yesterday"},
        {"created_utc": "2026-01-02T03:04:05"},
        {"model_sha256": "abc"},
        {"model_sha256": "G" * 64},
        {"temperature": 0.0},
        {"temperature": -1.0},
        {"temperature": 100.0},
        {"temperature": float("nan")},
        {"temperature": True},
        {"shift": 3.5},
        {"shift": float("nan")},
        {"referable_threshold": 0.0},
        {"referable_threshold": 0.51},
        {"referable_threshold": float("inf")},
        {"wanted_sensitivity": 1.0},
        {"sensitivity": None},
        {"sensitivity": {"value": 1.2, "low": 0.9, "high": 1.3, "count": 105}},
        {"sensitivity": {"value": 0.9, "low": 0.95, "high": 0.99, "count": 105}},
        {"sensitivity": {"value": 0.9, "low": 0.8, "high": float("nan"), "count": 105}},
        {"specificity": {"value": 0.9, "low": 0.8, "high": 0.95, "count": 0}},
        {"specificity": {"value": 0.9, "low": 0.8, "high": 0.95}},
        {"graded_count": 3},
        {"surplus": 1},
    ],
    ids=str,
)
def test_file_with_a_wrong_field_is_refused(tmp_path, changes):
    with pytest.raises(ConfigurationError, match=r"own\.json is not .*Write it anew"):
        read_operating_point(write_changed(tmp_path / "own.json", **changes))


def test_file_from_before_there_was_a_shift_is_read_as_it_was(tmp_path):
    path = tmp_path / "own.json"
    older = {name: value for name, value in FIELDS.items() if name != "shift"}
    path.write_text(json.dumps({"format": 1, "operating_point": older}))
    assert read_operating_point(path) == POINT
    path.write_text(json.dumps({"format": 1, "operating_point": {**older, "version": 3} | {"graded_count": None}}))
    with pytest.raises(ConfigurationError, match="Write it anew"):
        read_operating_point(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b"{", b'{"format": 2}', b"[" * 50_000, b" " * 200_000])
def test_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "own.json"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="Write it anew"):
        read_operating_point(path)


def test_format_of_another_version_is_refused(tmp_path):
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"format": 2, "operating_point": FIELDS}))
    with pytest.raises(ConfigurationError, match="format 2"):
        read_operating_point(path)


def test_missing_file_and_folder_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="RETINADESK_OPERATING_POINT"):
        read_operating_point(tmp_path / "none.json")
    with pytest.raises(ConfigurationError, match="not an operating point"):
        read_operating_point(tmp_path)
