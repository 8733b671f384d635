"""A file grows under another name, and two runs that write the same file do not take each other's part away."""

import os

import pytest

from dr_core.screening.part_file import PartFile


def test_part_takes_the_name_of_the_file(tmp_path):
    part = PartFile(tmp_path / "index.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["index.csv.part"]
    os.write(part.descriptor, b"whole")
    part.take_place()
    part.clear()
    os.close(part.descriptor)
    assert [path.name for path in tmp_path.iterdir()] == ["index.csv"]
    assert (tmp_path / "index.csv").read_bytes() == b"whole"


def test_two_runs_have_a_part_each_and_the_last_one_stays(tmp_path):
    first, second = PartFile(tmp_path / "index.csv"), PartFile(tmp_path / "index.csv")
    os.write(first.descriptor, b"first")
    os.write(second.descriptor, b"second")
    for part, content in ((first, b"first"), (second, b"second")):
        part.take_place()
        assert (tmp_path / "index.csv").read_bytes() == content
        part.clear()
        os.close(part.descriptor)
    assert [path.name for path in tmp_path.iterdir()] == ["index.csv"]


def test_what_a_killed_run_left_is_made_anew(tmp_path):
    killed = PartFile(tmp_path / "index.csv")
    os.write(killed.descriptor, b"torn")
    os.close(killed.descriptor)
    part = PartFile(tmp_path / "index.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["index.csv.part"]
    assert (tmp_path / "index.csv.part").read_bytes() == b""
    part.clear()
    os.close(part.descriptor)
    assert not list(tmp_path.iterdir())


def test_part_that_has_taken_its_place_does_not_clear_away_the_next_runs(tmp_path):
    first = PartFile(tmp_path / "index.csv")
    first.take_place()
    second = PartFile(tmp_path / "index.csv")
    first.clear()
    os.close(first.descriptor)
    second.take_place()
    os.close(second.descriptor)
    assert [path.name for path in tmp_path.iterdir()] == ["index.csv"]


def test_folder_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        PartFile(tmp_path / "nowhere" / "index.csv")
    (tmp_path / "index.csv.part").mkdir()
    with pytest.raises(OSError, match=r"directory|permitted"):
        PartFile(tmp_path / "index.csv")
