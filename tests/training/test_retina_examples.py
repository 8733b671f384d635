"""Samples for the retina head are what the pipeline would have sent to the network, and as many as asked for."""

import numpy as np
import pytest

from dr_core.imaging.decode import ANALYSIS_SIDE_PX, decode_photograph
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import InputSize, prepare_input
from dr_core.training import retina_examples
from dr_core.training.augment import cut_visible
from dr_core.training.dataset import LabelledPhotograph
from dr_core.training.non_retina import BREAKS, NonRetina
from dr_core.training.retina_examples import prepare_drawn_retinas, prepare_non_retinas, prepare_retinas

SIDE_PX = 96


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledPhotograph]:
    """Four photographs; the first has no grade, and the last is ungradable."""
    folder = tmp_path_factory.mktemp("photographs")
    rows = []
    for number in range(4):
        path = folder / f"{number}.jpg"
        path.write_bytes(encode_jpeg(draw_fundus(FundusDrawing(320, 240, seed=number + 1))))
        grade = number if number else None
        gradable = False if number == 3 else None
        rows.append(
            LabelledPhotograph(f"one:{number}", path, "one", "train", grade, "", gradable, label_conflict=False)
        )
    return rows


def test_ungraded_and_ungradable_retinas_come_as_the_pipeline_prepares_them(photographs) -> None:
    discs = list(prepare_retinas(photographs, SIDE_PX, variants=2, seed=1))
    assert len(discs) == 2 + 2 + 2
    photograph = decode_photograph(photographs[0].path.read_bytes(), "", longest_side_px=ANALYSIS_SIDE_PX)
    size = InputSize(72, SIDE_PX)
    expected = prepare_input(photograph, find_field_of_view(photograph.pixels), size)
    np.testing.assert_array_equal(cut_visible(discs[0], size), expected.tensor)
    again = list(prepare_retinas(photographs, SIDE_PX, variants=2, seed=1))
    np.testing.assert_array_equal(np.stack(discs), np.stack(again))


def test_a_field_is_found_in_every_drawn_retina() -> None:
    discs = list(prepare_drawn_retinas(SIDE_PX, count=6, seed=3))
    assert len(discs) == 6
    assert not np.array_equal(discs[0], next(iter(prepare_drawn_retinas(SIDE_PX, count=1, seed=4))))


def test_only_gradable_photographs_are_broken(photographs, monkeypatch) -> None:
    # Of an ungradable one little structure is seen: broken, it would be called no retina, and whole, one.
    read = []
    monkeypatch.setattr(retina_examples, "draw_non_retinas", lambda per_kind, seed: [])
    monkeypatch.setattr(retina_examples, "_read", lambda photograph, side: read.append(photograph) or photograph_pixels)
    photograph_pixels = draw_fundus(FundusDrawing(320, 240))
    list(prepare_non_retinas(photographs, SIDE_PX, per_kind=9, seed=2))
    assert len(read) == 3 * len(BREAKS)
    assert photographs[3] not in read


def test_pictures_without_a_field_never_reach_the_network(photographs, monkeypatch) -> None:
    shown = NonRetina("field", draw_fundus(FundusDrawing(320, 240)))
    refused = NonRetina("no field", np.full((240, 320, 3), 200, np.uint8))
    monkeypatch.setattr(retina_examples, "draw_non_retinas", lambda per_kind, seed: [refused, shown, refused])
    discs = list(prepare_non_retinas(photographs, SIDE_PX, per_kind=1, seed=2))
    assert 1 <= len(discs) <= 1 + len(BREAKS)
    for disc in discs:
        assert (disc.shape, disc.dtype) == ((SIDE_PX, SIDE_PX, 3), np.uint8)
