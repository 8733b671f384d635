"""Records come back from the disk as they went, and a damaged file fails with its place."""

import json
import math
import os
from dataclasses import dataclass, replace

import pytest

from dr_core.domain.errors import ConfigurationError, StorageError
from dr_core.reports.dataclass_json import read_record, write_record
from dr_core.screening.part_file import PartFile


@dataclass(frozen=True)
class Inner:
    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Outer:
    count: int
    share: float
    pair: tuple[int, str]
    maybe: Inner | None
    many: tuple[Inner, ...]


RECORD = Outer(3, 0.5, (1, "a"), None, (Inner("é", (1.0, 2.5)), Inner("none", ())))


def test_a_record_survives_the_disk(tmp_path):
    write_record(RECORD, tmp_path / "deep" / "record.json")
    assert read_record(Outer, tmp_path / "deep" / "record.json") == RECORD
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["record.json"]


def test_whole_numbers_are_read_as_floats_where_a_float_belongs(tmp_path):
    (tmp_path / "r.json").write_text('{"name": "a", "values": [1, 2.5]}')
    assert read_record(Inner, tmp_path / "r.json").values == (1.0, 2.5)


def test_a_list_of_numbers_stays_on_one_line(tmp_path):
    write_record(RECORD, tmp_path / "r.json")
    assert '"values": [ 1.0, 2.5 ]' in (tmp_path / "r.json").read_text()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"count": "3"}, "Outer.count"),
        ({"count": True}, "Outer.count"),
        ({"share": None}, "Outer.share"),
        ({"pair": [1]}, "Outer.pair"),
        ({"maybe": []}, "Outer.maybe"),
        ({"many": {}}, "Outer.many"),
        ({"many": [{"name": "a", "values": ["x"]}]}, r"Outer.many\[0\].values\[0\]"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_file_of_another_shape_fails_with_its_place(tmp_path, change, place):
    write_record(RECORD, tmp_path / "r.json")
    content = json.loads((tmp_path / "r.json").read_text()) | change
    (tmp_path / "r.json").write_text(json.dumps(content))
    with pytest.raises(ConfigurationError, match=place):
        read_record(Outer, tmp_path / "r.json")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1]", b"[" * 100_000])
def test_a_damaged_file_is_a_configuration_error(tmp_path, content):
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"r\.json"):
        read_record(Outer, tmp_path / "r.json")


def test_a_missing_file_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match=r"r\.json"):
        read_record(Outer, tmp_path / "r.json")


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not be written"):
        write_record(RECORD, tmp_path / "file" / "r.json")


def test_a_nan_is_never_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_record(Inner("a", (math.nan,)), tmp_path / "r.json")
    assert not (tmp_path / "r.json").exists()


def test_a_forged_link_or_pipe_under_the_name_of_the_part_is_not_written_to(tmp_path):
    photograph = tmp_path / "eye.jpg"
    photograph.write_bytes(b"photograph")
    (tmp_path / "r.json.part").symlink_to(photograph)
    write_record(RECORD, tmp_path / "r.json")
    assert photograph.read_bytes() == b"photograph"
    assert not (tmp_path / "r.json").is_symlink()
    os.mkfifo(tmp_path / "r.json.part")
    # Held open at both ends: what is written to it after all is seen, and does not hang.
    pipe = os.open(tmp_path / "r.json.part", os.O_RDWR)
    try:
        write_record(RECORD, tmp_path / "r.json")
    finally:
        os.close(pipe)
    assert (tmp_path / "r.json").is_file()
    assert read_record(Outer, tmp_path / "r.json") == RECORD


def test_a_record_that_cannot_take_its_place_leaves_no_part_behind(tmp_path):
    # A folder of that name refuses the last step, after the part has been written.
    (tmp_path / "r.json").mkdir()
    with pytest.raises(StorageError, match="could not be written"):
        write_record(RECORD, tmp_path / "r.json")
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_another_run_that_writes_the_same_record_takes_a_part_of_its_own(tmp_path, monkeypatch):
    other = replace(RECORD, count=4)
    take_place = PartFile.take_place

    def write_another_before(part):
        monkeypatch.setattr(PartFile, "take_place", take_place)
        write_record(other, tmp_path / "r.json")
        assert read_record(Outer, tmp_path / "r.json") == other
        take_place(part)

    monkeypatch.setattr(PartFile, "take_place", write_another_before)
    write_record(RECORD, tmp_path / "r.json")
    assert read_record(Outer, tmp_path / "r.json") == RECORD
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]
