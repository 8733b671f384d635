"""What the manifest says beside the grade becomes labels, and what it does not say counts nothing."""

from pathlib import Path

import keras
import numpy as np

from dr_core.domain.photograph import Laterality
from dr_core.imaging.preprocess import InputSize
from dr_core.model.architecture import build_grader
from dr_core.training.companions import SIDE_TASKS
from dr_core.training.dataset import LabelledPhotograph
from dr_core.training.side_task import attach_side_task, label_photographs


def make_row(
    *, gradable: bool | None = None, eye: Laterality | None = None, oedema: int | None = None
) -> LabelledPhotograph:
    return LabelledPhotograph("one:1", Path("1.jpg"), "one", "train", 1, "", gradable, False, eye, oedema)


def test_labels_follow_the_manifest() -> None:
    rows = [make_row(), make_row(gradable=False, eye=Laterality.OD, oedema=2), make_row(eye=Laterality.OS, oedema=1)]
    labels = label_photographs(rows)
    assert labels.targets.tolist() == [[1, 0, 0, 1], [0, 1, 1, 1], [1, 0, 0, 1]]
    known = labels.weights > 0
    assert known.tolist() == [[True, False, False, True], [True] * 4, [True] * 4]


def test_a_photograph_without_a_verdict_counts_as_gradable_and_for_less() -> None:
    weights = label_photographs([make_row(), make_row(gradable=True)]).weights[:, 0]
    assert 0 < weights[0] < weights[1]


def test_the_task_begins_undecided_and_reads_the_same_number_of_features_at_every_size() -> None:
    shapes = []
    for size in (InputSize(48, 64), InputSize(96, 128)):
        grader = build_grader(size, alpha=0.35)
        whole = keras.Model(grader.input, attach_side_task(grader))
        noise = np.random.default_rng(1).uniform(-1, 1, (2, size.height_px, size.width_px, 3)).astype(np.float32)
        np.testing.assert_array_equal(whole.predict_on_batch(noise), np.zeros((2, len(SIDE_TASKS))))
        shapes.append([weights.shape for weights in whole.get_weights()])
    assert shapes[0] == shapes[1]
