"""Grade the same photographs from a full and from a scaled decode, and print how far the two lie apart.

``python benchmarks/decode_parity.py [FOLDER]`` takes the JPEGs of a folder; without one, photographs of the val split,
enlarged in memory to JPEGs of a camera's size, because the stored ones are small already. No label is looked at.
"""

import argparse
import math
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.chosen_photographs import add_data_argument, run_in_words
from dr_core.domain.errors import PhotographError
from dr_core.domain.grades import Grade
from dr_core.imaging.decode import ANALYSIS_SIDE_PX, decode_photograph
from dr_core.imaging.encode import encode_jpeg
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import prepare_input
from dr_core.model.calibration import decide
from dr_core.model.classifier import Classifier
from dr_core.training.dataset import read_manifest

CAMERA_PIXELS = 12_200_000
CAMERA_QUALITY = 92
FULL_SIDE_PX = 65_535  # the longest side that a JPEG can have
GOAL_SAME_GRADE, GOAL_PROBABILITY = 0.995, 0.02


@dataclass(frozen=True)
class Pair:
    """One photograph graded twice: whether the grades agree, and the largest difference of a probability."""

    same_grade: bool
    difference: float


def enlarge(data: bytes) -> bytes:
    """Return the photograph in `data` as a JPEG of a camera's size."""
    pixels = decode_photograph(data, "", longest_side_px=FULL_SIDE_PX).pixels
    scale = math.sqrt(CAMERA_PIXELS / (pixels.shape[0] * pixels.shape[1]))
    large = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return encode_jpeg(np.asarray(large, dtype=np.uint8), quality=CAMERA_QUALITY)


def read_photographs(folder: Path | None, data_dir: Path, limit: int) -> Iterator[bytes]:
    """Yield the bytes of at most `limit` photographs, the same ones every time."""
    if folder is not None:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))
    else:
        paths = sorted(row.path for row in read_manifest(data_dir) if row.split == "val")
    for path in random.Random(7).sample(paths, min(limit, len(paths))):
        yield path.read_bytes() if folder is not None else enlarge(path.read_bytes())


def grade(data: bytes, classifier: Classifier, *, full: bool) -> tuple[Grade, np.ndarray]:
    """Return the grade and the (5,) probabilities of one photograph."""
    side_px = FULL_SIDE_PX if full else ANALYSIS_SIDE_PX
    photograph = decode_photograph(data, "", longest_side_px=side_px, exact=False)
    field = find_field_of_view(photograph.pixels)
    (prediction,) = classifier.predict([prepare_input(photograph, field, classifier.spec.input_size)])
    return decide(prediction, classifier.spec).grade, np.array(prediction.probabilities)


def compare(data: bytes, classifier: Classifier) -> Pair:
    """Grade one photograph from both decodes."""
    (full, full_p), (scaled, scaled_p) = (grade(data, classifier, full=choice) for choice in (True, False))
    return Pair(full is scaled, float(np.abs(full_p - scaled_p).max()))


def main() -> None:
    """Print the share with the same grade, and the differences of the probabilities."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="JPEGs as a camera saved them")
    add_data_argument(parser)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--model-dir", type=Path, default=None)
    arguments = parser.parse_args()
    classifier = Classifier.load(arguments.model_dir)
    pairs: list[Pair] = []
    refused = 0
    for data in read_photographs(arguments.folder, arguments.data, arguments.limit):
        try:
            pairs.append(compare(data, classifier))
        except PhotographError:
            refused += 1
    if not pairs:
        sys.exit("No photograph could be graded from both decodes.")
    differences = np.array([pair.difference for pair in pairs])
    same = float(np.mean([pair.same_grade for pair in pairs]))
    print(f"{len(pairs)} photographs graded twice, {refused} refused, model {classifier.spec.name}")
    print(f"same grade: {same:.2%} (goal {GOAL_SAME_GRADE:.1%})")
    print(
        f"largest difference of a probability: median {np.median(differences):.4f}, 99th percentile "
        f"{np.percentile(differences, 99):.4f}, largest {differences.max():.4f} (goal {GOAL_PROBABILITY})"
    )
    print(f"within the goal: {(differences <= GOAL_PROBABILITY).mean():.2%}")


if __name__ == "__main__":
    sys.exit(run_in_words(main))
