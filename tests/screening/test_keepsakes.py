"""Pictures that outlive a photograph, under names of our own."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from dr_core.domain.errors import StorageError
from dr_core.screening.keepsakes import PictureFolder, draw_overlay, draw_thumbnail
from dr_core.screening.overlay_mark import name_overlay
from dr_core.screening.part_file import PartFile
from dr_core.screening.pipeline import Screening, screen_photograph
from tests.fakes import FakeClassifier, make_failed


@pytest.fixture(scope="module")
def screening(fundus_jpeg) -> Screening:
    return screen_photograph(fundus_jpeg, "eye.jpg", classifier=FakeClassifier())


def test_name_tells_row_and_photograph():
    assert name_overlay(7, "abcdef0123456789") == "000007_abcdef012345.jpg"


def test_overlay_is_a_picture_of_the_photograph_with_heat_on_it(screening):
    with Image.open(io.BytesIO(draw_overlay(screening))) as overlay:
        assert overlay.size == (640, 480)
        assert not overlay.getexif()
        difference = np.abs(np.asarray(overlay, dtype=int) - screening.photograph.pixels)
    assert difference.max() > 40


def test_thumbnail_is_small(screening):
    thumbnail = draw_thumbnail(screening)
    assert len(thumbnail) < 4000
    with Image.open(io.BytesIO(thumbnail)) as picture:
        assert max(picture.size) == 72


def test_photograph_without_grade_has_no_overlay():
    assert draw_overlay(Screening(make_failed())) is None
    assert draw_thumbnail(Screening(make_failed())) is None


def test_pictures_come_back_and_missing_ones_are_none(tmp_path):
    folder = PictureFolder(tmp_path / "a" / "b")
    folder.write("1.jpg", b"one")
    assert folder.has("1.jpg")
    assert folder.read("1.jpg") == b"one"
    assert folder.read("2.jpg") is None
    assert [path.name for path in folder.folder.iterdir()] == ["1.jpg"]


def test_folder_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="could not be written"):
        PictureFolder(tmp_path / "file" / "sub")


def test_forged_link_or_pipe_under_the_name_of_the_part_is_not_written_to(tmp_path):
    photograph = tmp_path / "eye.jpg"
    photograph.write_bytes(b"photograph")
    folder = PictureFolder(tmp_path / "heatmaps")
    (folder.folder / "1.jpg.part").symlink_to(photograph)
    os.mkfifo(folder.folder / "2.jpg.part")
    # Held open at both ends: what is written to it after all is seen, and does not hang.
    pipe = os.open(folder.folder / "2.jpg.part", os.O_RDWR)
    try:
        for name in ("1.jpg", "2.jpg"):
            folder.write(name, b"picture")
            assert folder.has(name)
            assert folder.read(name) == b"picture"
    finally:
        os.close(pipe)
    assert photograph.read_bytes() == b"photograph"
    assert not (folder.folder / "1.jpg").is_symlink()


def test_picture_that_cannot_be_written_leaves_no_part_behind(tmp_path):
    folder = PictureFolder(tmp_path)
    (tmp_path / "1.jpg").mkdir()
    with pytest.raises(StorageError, match="could not be written"):
        folder.write("1.jpg", b"picture")
    assert [path.name for path in tmp_path.iterdir()] == ["1.jpg"]


def test_two_runs_that_draw_the_same_overlay_both_finish(tmp_path, monkeypatch):
    folder = PictureFolder(tmp_path)
    place = PartFile.take_place

    def place_after_the_other(part: PartFile) -> None:
        monkeypatch.setattr(PartFile, "take_place", place)
        folder.write("1.jpg", b"other")
        place(part)

    monkeypatch.setattr(PartFile, "take_place", place_after_the_other)
    folder.write("1.jpg", b"picture")
    assert folder.read("1.jpg") == b"picture"
    assert [path.name for path in tmp_path.iterdir()] == ["1.jpg"]
