"""Listing folders, on the command line and under the roots of a server."""

import os
from pathlib import Path

import pytest

from dr_core.domain.errors import ConfigurationError, UnreadablePhotograph
from dr_core.screening.folder import find_photographs, find_server_photographs
from tests.hostile import FAILED, make_hostile_folder
from tests.screening.listing import JPEG_HEAD, names


def test_hostile_folder_has_one_source_for_each_input(tmp_path, fundus_jpeg):
    made = make_hostile_folder(tmp_path / "hostile", fundus_jpeg)
    batch = find_photographs([str(made.path)])
    assert sorted(names(batch, made.path)) == sorted(made.rows)
    assert batch.other_files == made.other_files
    assert batch.linked_folders == made.linked_folders
    for source in batch.photographs:
        name = source.name.removeprefix(f"{made.path}/")
        if made.rows[name] != FAILED:
            assert source.read_bytes()


def test_order_is_that_of_the_arguments_and_sorted_within_folders(tmp_path):
    for name in ("z/2.jpg", "z/10.jpg", "a/b/1.jpg", "a/a.jpg", "a.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = names(find_photographs([str(tmp_path / "z"), str(tmp_path)]), tmp_path)
    assert found == ["z/10.jpg", "z/2.jpg", "a/a.jpg", "a/b/1.jpg", "a.jpg"]


def test_photograph_reached_twice_has_one_row_under_its_first_name(tmp_path, monkeypatch):
    (tmp_path / "eye.jpg").write_bytes(b"x")
    (tmp_path / "other_name").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert names(find_photographs(["eye.jpg", "./eye.jpg", str(tmp_path), "other_name/eye.jpg"])) == ["eye.jpg"]


def test_two_links_to_one_photograph_are_two_inputs(tmp_path):
    (tmp_path / "eye.jpg").write_bytes(b"x")
    (tmp_path / "link.jpg").symlink_to("eye.jpg")
    assert names(find_photographs([str(tmp_path)]), tmp_path) == ["eye.jpg", "link.jpg"]


def test_file_named_outright_always_counts(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(b"words")
    assert names(find_photographs([str(path)])) == [str(path)]
    both = find_photographs([str(path), str(tmp_path)])
    assert names(both) == [str(path)]
    assert both.other_files == 0
    assert find_photographs([str(tmp_path), str(path)]).other_files == 0


def test_linked_folders_are_counted_and_followed_only_when_named(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "eye.jpg").write_bytes(b"x")
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "up").symlink_to("..")
    (tmp_path / "top" / "real").symlink_to("../real")
    batch = find_photographs([str(tmp_path / "top")])
    assert (names(batch), batch.linked_folders) == ([], 2)
    named = find_photographs([str(tmp_path / "top" / "real")])
    assert names(named, tmp_path) == ["top/real/eye.jpg"]


def test_own_files_are_left_out(tmp_path):
    (tmp_path / "heatmaps").mkdir()
    for name in ("eye.jpg", "heatmaps/1.jpg", "report.csv"):
        (tmp_path / name).write_bytes(b"x")
    batch = find_photographs([str(tmp_path)], exclude=[str(tmp_path / "heatmaps"), str(tmp_path / "report.csv")])
    assert (names(batch, tmp_path), batch.other_files) == (["eye.jpg"], 0)


def test_deep_folders_are_walked(tmp_path):
    folder = tmp_path / Path(*["d"] * 500)
    folder.mkdir(parents=True)
    (folder / "eye.jpg").write_bytes(b"x")
    assert len(find_photographs([str(tmp_path)]).photographs) == 1


def test_server_folder_has_names_that_do_not_tell_where_it_is(tmp_path):
    (tmp_path / "root" / "study" / "sub").mkdir(parents=True)
    (tmp_path / "root" / "study" / "sub" / "eye.jpg").write_bytes(b"x")
    batch = find_server_photographs(str(tmp_path / "root" / "study"), [tmp_path / "root"])
    assert names(batch) == ["sub/eye.jpg"]
    assert batch.photographs[0].read_bytes() == b"x"


@pytest.mark.parametrize(
    "folder", ["outside", "root/..", "root/../outside", "root/way_out", "root/missing", "root/eye.jpg", ""]
)
def test_folder_outside_the_roots_is_refused_like_a_missing_one(tmp_path, folder):
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "root" / "eye.jpg").write_bytes(b"x")
    (tmp_path / "root" / "way_out").symlink_to("../outside")
    with pytest.raises(ConfigurationError, match="No such folder under the allowed folders"):
        find_server_photographs(str(tmp_path / folder) if folder else "", [tmp_path / "root"])


def test_link_out_of_the_roots_is_a_row_but_not_read(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "root" / "eye.jpg").symlink_to("../secret.jpg")
    (source,) = find_server_photographs(str(tmp_path / "root"), [tmp_path / "root"]).photographs
    with pytest.raises(UnreadablePhotograph, match="outside the allowed folders"):
        source.read_bytes()


def test_link_out_of_the_roots_does_not_tell_what_it_leads_to(tmp_path):
    (tmp_path / "root").mkdir()
    for name, data in (("picture", JPEG_HEAD), ("words", b"words")):
        (tmp_path / name).write_bytes(data)
        (tmp_path / "root" / name).symlink_to(tmp_path / name)
        (tmp_path / "root" / f"inside_{name}").write_bytes(data)
        (tmp_path / "root" / f"link_{name}").symlink_to(f"inside_{name}")
    batch = find_server_photographs(str(tmp_path / "root"), [tmp_path / "root"])
    assert names(batch) == ["inside_picture", "link_picture", "picture", "words"]
    assert batch.other_files == 2
    for source in batch.photographs[2:]:
        with pytest.raises(UnreadablePhotograph, match="outside the allowed folders"):
            source.read_bytes()


def test_photograph_whose_name_only_seems_to_have_an_extension_has_its_row(tmp_path):
    for name in ("Dr. Smith OD", "eye.jpg (1)", "eye.jpg~"):
        (tmp_path / name).write_bytes(JPEG_HEAD)
        (tmp_path / f"{name}.txt").write_bytes(b"words")
    batch = find_photographs([str(tmp_path)])
    assert names(batch, tmp_path) == ["Dr. Smith OD", "eye.jpg (1)", "eye.jpg~"]
    assert batch.other_files == 3


def test_without_roots_every_server_folder_is_refused(tmp_path):
    with pytest.raises(ConfigurationError):
        find_server_photographs(str(tmp_path), [])


def test_folder_too_deep_to_be_opened_has_a_row_that_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(30):
        Path("d" * 200).mkdir()
        os.chdir("d" * 200)
    monkeypatch.chdir(tmp_path)
    (source,) = find_photographs([str(tmp_path)]).photographs
    with pytest.raises(UnreadablePhotograph, match="shorter path"):
        source.read_bytes()
