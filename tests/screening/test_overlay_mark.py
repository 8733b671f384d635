"""An overlay is told from a photograph by name and comment together, wherever it is met."""

import io
import zipfile

import pytest
from PIL import Image

from dr_core.imaging.decode import HEAD_BYTES
from dr_core.screening.archive import open_archive
from dr_core.screening.folder import find_photographs
from dr_core.screening.overlay_mark import is_overlay, mark_overlay, name_overlay
from tests.screening.listing import names

NAME = name_overlay(7, "ab" * 32)


def test_a_marked_overlay_shows_the_same_picture(fundus_jpeg):
    marked = mark_overlay(fundus_jpeg)
    assert is_overlay(f"some/folder/{NAME}", marked[:HEAD_BYTES])
    with Image.open(io.BytesIO(marked)) as one, Image.open(io.BytesIO(fundus_jpeg)) as other:
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("name", ["eye.jpg", "000007_ab.jpg", f"x{NAME}", f"{NAME}.jpg"])
def test_another_name_makes_it_a_photograph(name, fundus_jpeg):
    assert not is_overlay(name, mark_overlay(fundus_jpeg)[:HEAD_BYTES])


def test_the_name_alone_makes_no_overlay(tmp_path, fundus_jpeg):
    (tmp_path / NAME).write_bytes(fundus_jpeg)
    assert names(find_photographs([str(tmp_path)]), tmp_path) == [NAME]


def test_an_overlay_in_a_folder_counts_as_another_file_and_named_outright_as_a_photograph(tmp_path, fundus_jpeg):
    (tmp_path / NAME).write_bytes(mark_overlay(fundus_jpeg))
    (tmp_path / "eye.jpg").write_bytes(fundus_jpeg)
    found = find_photographs([str(tmp_path)])
    assert names(found, tmp_path) == ["eye.jpg"]
    assert found.other_files == 1
    assert len(find_photographs([str(tmp_path / NAME)]).photographs) == 1


def test_an_overlay_in_an_archive_counts_as_another_file(tmp_path, fundus_jpeg):
    path = tmp_path / "day.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"heatmaps/{NAME}", mark_overlay(fundus_jpeg))
        archive.writestr("eye.jpg", fundus_jpeg)
    found = open_archive(path)
    assert names(found) == ["eye.jpg"]
    assert found.other_files == 1
