"""Measure whether predictions flip when a photograph changes in ways that change no retina.

``python benchmarks/robustness.py`` screens each photograph as it is and again after JPEG compression at quality 50, a
resize to 70%, 20% more and less brightness, a rotation by 10 degrees either way, a horizontal flip and a black border.
Every version takes the pipeline's whole way, from bytes to the grade, so that field of view and normalisation are
tested along with the network. Agreement is the quadratic weighted kappa between the two gradings.
"""

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.chosen_photographs import add_data_argument, choose_photographs, run_in_words
from dr_core.domain.photograph import UInt8Array
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.encode import encode_jpeg
from dr_core.imaging.preprocess import PREPROCESSING_VERSION
from dr_core.model.calibration import decide
from dr_core.model.classifier import Classifier
from dr_core.reports.dataclass_json import write_record
from dr_core.screening.pipeline import screen_photograph
from dr_core.training.dataset import LabelledPhotograph
from dr_core.training.metrics import area_under_roc, quadratic_weighted_kappa

GOAL_KAPPA = 0.93
REFERABLE_FROM = 2
JPEG_QUALITY, RESIZE, BRIGHTNESS = 50, 0.7, 0.2
ROTATION_DEG, BORDER_SHARE = 10.0, 0.2
POOLED = "all sources"
CLEAN = "unchanged"


@dataclass(frozen=True)
class Answer:
    """What the pipeline said of one version of one photograph; None stands where it refused the picture."""

    grade: int
    p_referable: float
    referable: bool
    gradable: bool


@dataclass(frozen=True)
class Agreement:
    """One change of the photographs of one source.

    Attributes:
        change: what was done to the photographs.
        n: photographs that both versions of were graded.
        refused: photographs in which no field was found after the change, left out of the figures below.
        became_ungradable: those that the quality gate took before the change and not after it.
        kappa: quadratic weighted kappa between the two gradings; None where both use one grade throughout.
        same_grade: share of photographs that kept their grade.
        same_referral: share of photographs that stayed referable, or not.
        auc: AUC of the changed photographs for referable DR; None where a class is missing.
    """

    change: str
    n: int
    refused: int
    became_ungradable: int
    kappa: float | None
    same_grade: float
    same_referral: float
    auc: float | None


@dataclass(frozen=True)
class SourceRobustness:
    """All changes of one source, the unchanged photographs first."""

    source: str
    n: int
    agreements: tuple[Agreement, ...]


@dataclass(frozen=True)
class RobustnessRecord:
    """What is written with ``--json``."""

    split: str
    model_name: str
    model_sha256: str
    preprocessing_version: str
    goal_kappa: float
    sources: tuple[SourceRobustness, ...]


def _rotate(pixels: UInt8Array, degrees: float) -> UInt8Array:
    """Turn about the middle on a canvas of the same size, black where nothing was."""
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), degrees, 1.0)
    return np.asarray(cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR), dtype=np.uint8)


def _scale_light(pixels: UInt8Array, factor: float) -> UInt8Array:
    return np.clip(np.rint(pixels.astype(np.float32) * factor), 0, 255).astype(np.uint8)


def _resize(pixels: UInt8Array) -> UInt8Array:
    size = (max(1, round(pixels.shape[1] * RESIZE)), max(1, round(pixels.shape[0] * RESIZE)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _add_border(pixels: UInt8Array) -> UInt8Array:
    height, width = (round(BORDER_SHARE * side) for side in pixels.shape[:2])
    return np.pad(pixels, ((height, height), (width, width), (0, 0)))


def _write_png(pixels: UInt8Array) -> bytes:
    """Return a PNG, packed for speed: a file that loses nothing."""
    fast = [cv2.IMWRITE_PNG_COMPRESSION, 1]
    return cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), fast)[1].tobytes()


CHANGES: dict[str, Callable[[UInt8Array], bytes]] = {
    f"JPEG quality {JPEG_QUALITY}": lambda pixels: encode_jpeg(pixels, quality=JPEG_QUALITY),
    f"resized to {RESIZE:.0%}": lambda pixels: _write_png(_resize(pixels)),
    f"{BRIGHTNESS:.0%} brighter": lambda pixels: _write_png(_scale_light(pixels, 1 + BRIGHTNESS)),
    f"{BRIGHTNESS:.0%} darker": lambda pixels: _write_png(_scale_light(pixels, 1 - BRIGHTNESS)),
    f"rotated by +{ROTATION_DEG:.0f} degrees": lambda pixels: _write_png(_rotate(pixels, ROTATION_DEG)),
    f"rotated by -{ROTATION_DEG:.0f} degrees": lambda pixels: _write_png(_rotate(pixels, -ROTATION_DEG)),
    "flipped left to right": lambda pixels: _write_png(np.ascontiguousarray(pixels[:, ::-1])),
    f"black border of {BORDER_SHARE:.0%}": lambda pixels: _write_png(_add_border(pixels)),
}


def screen_version(data: bytes, classifier: Classifier) -> Answer | None:
    """Screen the bytes of one version, ungradable ones included; None where no field was found."""
    result = screen_photograph(data, "", classifier=classifier, grade_ungradable=True).result
    if result.prediction is None or result.quality is None:
        return None
    decision = result.decision or decide(result.prediction, classifier.spec, classifier.operating_point)
    return Answer(int(decision.grade), result.prediction.p_referable, decision.referable, result.quality.gradable)


def screen_versions(row: LabelledPhotograph, classifier: Classifier) -> list[Answer | None]:
    """Screen a photograph as it is, then after each of `CHANGES`."""
    data = row.path.read_bytes()
    pixels = decode_photograph(data, "").pixels
    return [
        screen_version(data, classifier),
        *(screen_version(change(pixels), classifier) for change in CHANGES.values()),
    ]


def compare(change: str, truth: Sequence[int], pairs: Sequence[tuple[Answer | None, Answer | None]]) -> Agreement:
    """Compare (unchanged, changed) answers of the photographs whose reader's grades are `truth`."""
    both = [(reader, *pair) for reader, pair in zip(truth, pairs, strict=True) if pair[0] and pair[1]]
    kept = [(reader, before, after) for reader, before, after in both if before is not None and after is not None]
    before_grades = np.array([before.grade for _, before, _ in kept], dtype=np.int64)
    after_grades = np.array([after.grade for _, _, after in kept], dtype=np.int64)
    referable = np.array([reader >= REFERABLE_FROM for reader, _, _ in kept], dtype=np.bool_)
    scores: NDArray[np.float64] = np.array([after.p_referable for _, _, after in kept], dtype=np.float64)
    same_referral = [before.referable == after.referable for _, before, after in kept]
    return Agreement(
        change,
        len(kept),
        sum(before is not None and after is None for before, after in pairs),
        sum(before.gradable and not after.gradable for _, before, after in kept),
        _round(quadratic_weighted_kappa(before_grades, after_grades)),
        round(float(np.mean(before_grades == after_grades)), 4) if kept else 0.0,
        round(float(np.mean(same_referral)), 4) if kept else 0.0,
        _round(float(area_under_roc(referable, scores))),
    )


def measure_source(source: str, truth: Sequence[int], answers: Sequence[Sequence[Answer | None]]) -> SourceRobustness:
    """Compare each change with the unchanged photographs; `answers` holds a row for each photograph."""
    agreements = tuple(
        compare(change, truth, [(row[0], row[place]) for row in answers])
        for place, change in enumerate([CLEAN, *CHANGES])
    )
    return SourceRobustness(source, len(truth), agreements)


def measure_all(chosen: dict[str, list[LabelledPhotograph]], classifier: Classifier) -> tuple[SourceRobustness, ...]:
    """Measure every source, and all of them together when there are several."""
    measured: list[SourceRobustness] = []
    every_truth: list[int] = []
    every_answer: list[list[Answer | None]] = []
    for source, rows in chosen.items():
        answers = []
        for done, row in enumerate(rows, start=1):
            answers.append(screen_versions(row, classifier))
            print(f"\r  {source} {done:,} of {len(rows):,} ", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        truth = [row.grade or 0 for row in rows]
        measured.append(measure_source(source, truth, answers))
        every_truth += truth
        every_answer += answers
    if len(measured) > 1:
        measured.append(measure_source(POOLED, every_truth, every_answer))
    return tuple(measured)


def print_table(sources: Sequence[SourceRobustness]) -> None:
    """Print the figures as a table in Markdown."""
    print("| source | change | n | QWK with unchanged | same grade | same referral | AUC rDR | refused | ungradable |")
    print("|---|---|---|---|---|---|---|---|---|")
    for source in sources:
        for row in source.agreements:
            print(
                f"| {source.source} | {row.change} | {row.n} | {_show(row.kappa)} | {row.same_grade:.1%} "
                f"| {row.same_referral:.1%} | {_show(row.auc)} | {row.refused} | {row.became_ungradable} |"
            )
    print(f"goal: QWK >= {GOAL_KAPPA:.2f} for each change")


def _round(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def main() -> int:
    """Measure the splits named and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_data_argument(parser)
    parser.add_argument("--model", type=Path, metavar="DIR", help="holds the model; the released one by default")
    parser.add_argument("--split", default="val", help="splits, separated by commas")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N photographs of a source")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    classifier = Classifier.load(arguments.model)
    sources = measure_all(
        choose_photographs(arguments.data, arguments.split.split(","), limit=arguments.limit), classifier
    )
    print_table(sources)
    if arguments.json:
        spec = classifier.spec
        record = RobustnessRecord(arguments.split, spec.name, spec.sha256, PREPROCESSING_VERSION, GOAL_KAPPA, sources)
        write_record(record, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(run_in_words(main))
