"""The head that sees what is hidden: fitted on covered photographs, it finds the covers of others."""

from pathlib import Path

import numpy as np
import pytest

from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.imaging.preprocess import InputSize
from dr_core.training import visibility
from dr_core.training.dataset import LabelledPhotograph
from dr_core.training.metrics import area_under_roc
from dr_core.training.visibility import choose_examples, cover_photographs, fit_hidden_head, reduce_to_cells

SIZE = InputSize(96, 128)


def label(path: Path, grade: int, *, gradable: bool | None = None) -> LabelledPhotograph:
    return LabelledPhotograph(path.stem, path, "drawn", "train", grade, "", gradable, label_conflict=False)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledPhotograph]:
    folder = tmp_path_factory.mktemp("drawn")
    paths = [folder / f"{seed}.jpg" for seed in range(30)]
    for seed, path in enumerate(paths):
        path.write_bytes(encode_jpeg(draw_fundus(FundusDrawing(240, 180, seed=seed + 1, haemorrhages=seed % 8))))
    return [label(path, seed % 5) for seed, path in enumerate(paths)]


def test_examples_are_gradable_and_of_advanced_disease_more_often():
    rows = [label(Path(f"{number}"), 4 if number < 100 else 0, gradable=number % 2 == 0) for number in range(1000)]
    chosen = choose_examples(rows, 200, seed=1)
    assert len({row.image_id for row in chosen}) == 200
    assert all(row.gradable for row in chosen)
    assert 30 < sum(row.grade == 4 for row in chosen) <= 50
    assert len(choose_examples(rows, 5000, seed=1)) == 500


def test_every_photograph_comes_bare_and_covered_and_the_same_again(photographs):
    found = list(cover_photographs(photographs[:4], SIZE, seed=2))
    assert [example.kind == "" for example in found] == [True, False, False, False] * 4
    for example in found:
        assert example.tensor.shape == (96, 128, 3)
        assert example.hidden.shape == example.inside.shape == (96, 128)
        assert example.kind or not example.hidden.any()
    again = list(cover_photographs(photographs[:4], SIZE, seed=2))
    assert all(np.array_equal(one.tensor, other.tensor) for one, other in zip(found, again, strict=True))


def test_fitted_head_finds_the_covers_of_other_photographs(photographs):
    import keras

    from dr_core.model.architecture import build_grader

    keras.utils.set_random_seed(3)
    grader = build_grader(SIZE, alpha=0.35)
    fitted = fit_hidden_head(grader, photographs[:20], seed=4)
    scores, labels = [], []
    for example in cover_photographs(photographs[20:], SIZE, seed=5):
        log_odds = np.asarray(fitted.predict_on_batch(example.tensor[None]))[0, ..., 0]
        covered = reduce_to_cells(example.hidden, log_odds.shape)
        whole = reduce_to_cells(example.inside.astype(np.float32), log_odds.shape) > 0.9
        known = whole & ((covered > 0.75) | (covered < 0.03))
        scores.append(log_odds[known])
        labels.append(covered[known] > 0.5)
    # Even random features tell a cover from retina in most cells.
    assert area_under_roc(np.concatenate(labels), np.concatenate(scores).astype(np.float64)) > 0.7


def test_photographs_without_a_cover_teach_nothing(photographs, monkeypatch):
    import keras

    from dr_core.model.architecture import build_grader

    monkeypatch.setattr(visibility, "HIDDEN_FROM", 2.0)
    keras.utils.set_random_seed(3)
    with pytest.raises(ValueError, match="of one kind"):
        fit_hidden_head(build_grader(SIZE, alpha=0.35), photographs[:2], seed=4)
