"""Photographs whose lesions readers outlined, graded as the app grades them."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.photograph import AnyArray, BoolArray, FieldOfView
from dr_core.domain.results import Prediction
from dr_core.imaging.decode import ANALYSIS_SIDE_PX, decode_photograph
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import ModelInput, prepare_input
from dr_core.model.classifier import Classifier

SPLITS = {"train": ("train",), "val": ("val",), "test": ("test",), "ungraded": ("",), "outside": ("val", "test", "")}
MASK_BITS = (1, 2, 4, 8)  # in the order of LESIONS
WIDENED_BY = 0.02  # of the field's width


@dataclass(frozen=True, eq=False)
class Example:
    """One outlined photograph, graded.

    Attributes:
        in_training: whether the grader and its lesion head learned from it.
        field: its field, in the photograph's pixels.
        model_input: what the network saw.
        prediction: what it said.
        lesions: (H, W, 4) bool widened outlines in the photograph's frame, `LESIONS` in their order.
    """

    in_training: bool
    field: FieldOfView
    model_input: ModelInput
    prediction: Prediction
    lesions: BoolArray


def read_examples(data_dir: Path, split: str, classifier: Classifier) -> Iterator[Example]:
    """Yield every outlined photograph of `split` as the app sees it.

    Raises:
        ConfigurationError: the folder has no outlines.
    """
    listed = data_dir / "lesions.csv"
    if not listed.is_file():
        raise ConfigurationError(
            f'There is no {listed.name} in "{data_dir.name}". Point --data at the folder that holds the outlines.'
        )
    with listed.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["grading_split"] in SPLITS[split]]
    for row in rows:
        photograph = decode_photograph((data_dir / row["image"]).read_bytes(), "", longest_side_px=ANALYSIS_SIDE_PX)
        field = find_field_of_view(photograph.pixels)
        flags = cv2.imread(str(data_dir / row["mask"]), cv2.IMREAD_UNCHANGED)
        prepared = prepare_input(photograph, field, classifier.spec.input_size)
        (prediction,) = classifier.predict([prepared])
        lesions = widen_outlines(flags, field, photograph.pixels.shape[:2])
        yield Example(row["grading_split"] == "train", field, prepared, prediction, lesions)


def widen_outlines(flags: AnyArray, field: FieldOfView, shape: tuple[int, ...]) -> BoolArray:
    """Return (H, W, 4) bool: the outlines in bit `flags`, widened, at the photograph's `shape`."""
    radius = WIDENED_BY * 2 * field.radius_px * flags.shape[0] / shape[0]
    reach = int(np.ceil(radius))
    around = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) <= radius
    planes = [cv2.dilate(((flags & bit) > 0).astype(np.uint8), around.astype(np.uint8)) for bit in MASK_BITS]
    sized = [cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST) for plane in planes]
    return np.stack(sized, axis=-1) > 0
