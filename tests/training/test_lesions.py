"""The lesion head in small: outlines keep their place and their smallest lesion, and the head learns what they mark."""

import csv
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.photograph import FieldOfView, UInt8Array
from dr_core.domain.results import LESIONS
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import InputSize, cut_tensor, normalise_field
from dr_core.model.architecture import LESION_MAPS, build_grader
from dr_core.training import lesions
from dr_core.training.augment import cut_visible
from dr_core.training.outlined import LesionPhotograph, cut_lesions, read_lesion_photographs
from dr_core.training.transplant import Transplants

SIZE = InputSize(96, 128)
HAEMORRHAGE, EXUDATE = 2, 4
BLOOD_RGB, WAX_RGB = (70, 12, 10), (255, 235, 150)


def paint(seed: int) -> tuple[UInt8Array, UInt8Array]:
    """A drawn eye with spots of blood and wax in known places, and their outlines."""
    pixels = draw_fundus(FundusDrawing(320, 240, seed=seed)).copy()
    flags = np.zeros(pixels.shape[:2], dtype=np.uint8)
    random = np.random.default_rng(seed)
    for bit, colour in ((HAEMORRHAGE, BLOOD_RGB), (EXUDATE, WAX_RGB)):
        for _ in range(6):
            middle = (int(random.integers(90, 230)), int(random.integers(60, 180)))
            cv2.circle(pixels, middle, 6, colour, -1)
            cv2.circle(flags, middle, 6, bit, -1)
    return pixels, flags


@pytest.fixture(scope="module")
def outlined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four outlined photographs to train on, one in val and one that was never graded."""
    folder = tmp_path_factory.mktemp("outlined")
    rows = []
    for number, split in enumerate(("train", "train", "train", "train", "val", "")):
        pixels, flags = paint(number + 1)
        (folder / f"{number}.jpg").write_bytes(encode_jpeg(pixels))
        cv2.imwrite(str(folder / f"{number}.png"), flags)
        rows.append((f"{number}.jpg", f"{number}.png", split))
    with (folder / "lesions.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image", "mask", "grading_split"), *rows])
    return folder


@pytest.fixture(scope="module")
def photographs(outlined: Path) -> list[LesionPhotograph]:
    return read_lesion_photographs(outlined, SIZE.width_px)


@pytest.fixture(scope="module")
def grader(photographs: list[LesionPhotograph]) -> Any:
    """Random weights, with statistics of drawn photographs, without which its features would hardly vary."""
    keras.utils.set_random_seed(3)
    grader = build_grader(SIZE, alpha=0.35)
    tensors = np.stack([cut_visible(photograph.disc, SIZE) for photograph in photographs])
    for _ in range(25):
        grader(tensors, training=True)
    return grader


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lesions, "STEPS", 60)
    monkeypatch.setattr(lesions, "VARIANTS", 3)


def cut_healthy(diameter_px: int) -> UInt8Array:
    pixels = draw_fundus(FundusDrawing(320, 240, seed=31))
    return normalise_field(pixels, find_field_of_view(pixels), diameter_px)


def field_of(shape: tuple[int, int], radius_px: float, aspect: float = 1.0) -> FieldOfView:
    middle = ((shape[0] - 1) / 2, (shape[1] - 1) / 2)
    return FieldOfView(middle, radius_px, aspect, shape, 1.0)


def test_only_the_train_split_is_read_unless_asked_otherwise(
    outlined: Path, photographs: list[LesionPhotograph]
) -> None:
    assert [photograph.grading_split for photograph in photographs] == ["train"] * 4
    others = read_lesion_photographs(outlined, 96, splits=("val", ""))
    assert [photograph.path.name for photograph in others] == ["4.jpg", "5.jpg"]


def test_missing_list_or_foreign_mask_names_the_remedy(outlined: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--data"):
        read_lesion_photographs(tmp_path, 96)
    (tmp_path / "0.jpg").write_bytes((outlined / "0.jpg").read_bytes())
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((50, 50), dtype=np.uint8))
    (tmp_path / "lesions.csv").write_text("image,mask,grading_split\n0.jpg,0.png,train\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="proportions"):
        read_lesion_photographs(tmp_path, 96)
    (tmp_path / "lesions.csv").write_text("image,mask,grading_split\n0.jpg,../0.png,train\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r'"../0.png", which leads out of the folder'):
        read_lesion_photographs(tmp_path, 96)


def test_outlines_lie_where_the_disc_shows_the_lesion(photographs: list[LesionPhotograph]) -> None:
    for photograph in photographs:
        green = photograph.disc[..., 1].astype(float)
        blood, wax = (photograph.lesions[..., LESIONS.index(kind)] for kind in ("haemorrhages", "hard exudates"))
        assert green[blood & ~wax].mean() < 100
        assert green[wax].mean() > 190


def test_a_lesion_of_one_pixel_survives_the_reduction() -> None:
    flags = np.zeros((600, 800), dtype=np.uint8)
    flags[200, 500] = 1 | 8
    disc = cut_lesions(flags, field_of((600, 800), 290.0), 600, 96)
    rows, columns = np.nonzero(disc[..., 0])
    expected = ((200 - 299.5) / 290 * 48 + 48, (500 - 399.5) / 290 * 48 + 48)
    assert (abs(rows[0] + 0.5 - expected[0]), abs(columns[0] + 0.5 - expected[1])) < (1.0, 1.0)
    assert disc.sum(axis=(0, 1)).tolist() == [1, 0, 0, 1]


def test_the_optic_disc_and_what_lies_beyond_the_field_are_no_lesion() -> None:
    flags = np.zeros((600, 800), dtype=np.uint8)
    flags[300, 400] = 16
    flags[300, 790] = 2
    assert not cut_lesions(flags, field_of((600, 800), 290.0), 600, 96).any()


@pytest.mark.parametrize(("aspect", "mask_scale"), [(1.0, 1), (0.8, 1), (1.0, 4)])
def test_enlarged_outlines_have_no_holes(aspect: float, mask_scale: int) -> None:
    shape = (160, 200)
    flags = np.zeros((shape[0] // mask_scale, shape[1] // mask_scale), dtype=np.uint8)
    height, width = flags.shape
    flags[height // 4 : height * 3 // 4, width // 4 : width * 3 // 4] = 4
    found = cut_lesions(flags, field_of(shape, 70.0, aspect), shape[0], 384)[..., 2]
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    assert found[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert len(rows) == pytest.approx(80 / 70 * 192, abs=3)


def test_variants_move_photograph_and_lesions_alike(photographs: list[LesionPhotograph]) -> None:
    for variant in range(1, 6):
        tensor, marked = lesions.vary_photograph(photographs[0], SIZE, (1, variant))
        blood, wax = marked[..., 1] & ~marked[..., 2], marked[..., 2] & ~marked[..., 1]
        assert tensor[..., 1][blood].mean() < tensor[..., 1][wax].mean() - 0.3


def test_the_first_variant_is_the_photograph_itself(photographs: list[LesionPhotograph]) -> None:
    tensor, marked = lesions.vary_photograph(photographs[0], SIZE, (1, 0))
    np.testing.assert_array_equal(tensor, cut_tensor(photographs[0].disc, SIZE))
    assert (marked | ~photographs[0].lesions[16:112]).all()


def test_a_cell_is_marked_by_any_of_its_pixels() -> None:
    marked = np.zeros((8, 8, 4), dtype=np.bool_)
    marked[3, 4, 2] = True
    cells = lesions.pool_maximum(marked, 4)
    assert cells.shape == (2, 2, 4)
    assert np.argwhere(cells).tolist() == [[0, 1, 2]]


@pytest.mark.usefixtures("short")
def test_head_learns_to_tell_lesions_and_leaves_the_grader_alone(
    grader: Any, photographs: list[LesionPhotograph]
) -> None:
    before = [weight.copy() for weight in grader.get_weights()]
    said: list[str] = []
    fitted = lesions.fit_lesion_head(grader, photographs, seed=4, say=said.append)
    assert fitted.output.shape == (None, 24, 32, 4)
    for old, new in zip(before, grader.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    tensor, marked = lesions.vary_photograph(photographs[0], SIZE, (4, 0))
    maps = np.asarray(fitted.predict_on_batch(tensor[None])[0])
    cells = lesions.pool_maximum(marked, 4)
    for kind in (1, 2):
        assert maps[..., kind][cells[..., kind]].mean() > 2 * maps[..., kind][~cells[..., kind]].mean()
    assert maps[..., 0].max() < 0.2
    assert any("loss" in line for line in said)


@pytest.mark.usefixtures("short")
def test_every_second_variant_lends_its_lesions_to_another_eye(
    grader: Any, photographs: list[LesionPhotograph], monkeypatch: pytest.MonkeyPatch
) -> None:
    host = cut_healthy(photographs[0].disc.shape[0])
    monkeypatch.setattr(lesions, "STEPS", 1)
    shown: list[UInt8Array] = []
    vary = lesions.vary_photograph

    def remember(photograph: LesionPhotograph, size: InputSize, key: tuple[int, ...]) -> Any:
        shown.append(photograph.disc)
        return vary(photograph, size, key)

    monkeypatch.setattr(lesions, "vary_photograph", remember)
    transplants = Transplants(photographs, [host])
    lesions.fit_lesion_head(grader, photographs, seed=4, transplants=transplants, say=lambda line: None)
    own = [any(disc is photograph.disc for photograph in photographs) for disc in shown]
    assert own == [True, False, True] * len(photographs)
    lent = [disc for disc, is_own in zip(shown, own, strict=True) if not is_own]
    assert all(0 < (disc != host).any(axis=2).mean() < 0.2 for disc in lent)


@pytest.mark.usefixtures("short")
def test_same_seed_same_head(grader: Any, photographs: list[LesionPhotograph], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lesions, "STEPS", 3)
    first, again = (lesions.fit_lesion_head(grader, photographs[:2], seed=9, say=lambda line: None) for _ in range(2))
    for a, b in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_grade_and_lesions_come_from_one_saved_network_that_the_runtime_converts(grader: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    whole = keras.Model(grader.input, [grader.output, lesions.attach_lesion_head(grader)])
    whole.save(tmp_path / "whole.keras")
    again = keras.models.load_model(tmp_path / "whole.keras", safe_mode=True)
    photograph = np.random.default_rng(0).uniform(-1, 1, (1, 96, 128, 3)).astype(np.float32)
    expected = whole.predict_on_batch(photograph)
    for first, second in zip(expected, again.predict_on_batch(photograph), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-6)
    assert again.get_layer(LESION_MAPS).output.shape == (None, 24, 32, 4)
    added = whole.count_params() - grader.count_params()
    assert added < 40_000

    @tf.function(input_signature=[tf.TensorSpec((1, 96, 128, 3), tf.float32)])
    def serve(tensor: Any) -> Any:
        return again(tensor, training=False)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([serve.get_concrete_function()], again)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    assert len(converter.convert()) > 0


def test_an_input_whose_levels_do_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple"):
        lesions.attach_lesion_head(build_grader(InputSize(72, 96), alpha=0.35))


def test_training_on_nothing_is_refused(grader: Any) -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        lesions.fit_lesion_head(grader, [], seed=1)
