"""Pictures that outlive a photograph, under names of our own."""

import io

import numpy as np
import pytest
from PIL import Image

from dr_core.domain.errors import StorageError
from dr_core.screening.keepsakes import PictureFolder, draw_overlay, draw_thumbnail
from dr_core.screening.overlay_mark import name_overlay
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
