"""Measure the quality gate on real and on spoilt photographs, and fit its weights.

``python benchmarks/quality_gate.py`` prints AUROC against the EyePACS gradability labels, the share of each source's
gradable photographs that the gate sends back, and the share of spoilt ones that it catches. ``--fit`` fits the weights
of `dr_core.imaging.quality` again on the train split and prints them; nothing is written.
"""

import argparse
import math
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dr_core.domain.errors import NotAFundusPhotograph
from dr_core.domain.photograph import FieldOfView, FundusPhotograph
from dr_core.imaging import quality
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.training.dataset import LabelledPhotograph, read_manifest

SPOILT = ("blur", "dark", "bright", "uneven", "haze")
# Other sources carry no gradability label: their photographs count as gradable, and for less.
WEIGHT_LABELLED, WEIGHT_OTHER, WEIGHT_SPOILT = 1.0, 0.4, 0.35


@dataclass(frozen=True)
class Sample:
    """One measured photograph; `spoilt` names what was done to it, and is empty for a real one."""

    source: str
    spoilt: str
    gradable: bool
    features: quality.QualityFeatures


def spoil(pixels: np.ndarray, field: FieldOfView, kind: str, chance: np.random.Generator) -> np.ndarray:
    """Return (H, W, 3) uint8 pixels as a bad shot would have given them."""
    values, inside = pixels.astype(np.float32), field.mask[..., None]
    if kind == "blur":
        values = cv2.GaussianBlur(values, (0, 0), 2 * field.radius_px * chance.uniform(0.012, 0.035))
    elif kind == "dark":
        values = values * chance.uniform(0.1, 0.25)
    elif kind == "bright":
        values = np.where(inside, values * chance.uniform(1.8, 3) + chance.uniform(40, 110), values)
    elif kind == "haze":
        values = np.where(inside, values * chance.uniform(0.12, 0.25) + chance.uniform(70, 140), values)
    elif kind == "uneven":
        angle = chance.uniform(0, 2 * math.pi)
        rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
        along = (columns - field.center_rc[1]) * np.cos(angle) + (rows - field.center_rc[0]) * np.sin(angle)
        light = 1 / (1 + np.exp(-along / field.radius_px * chance.uniform(4, 8) + chance.uniform(-0.5, 0.8)))
        values = values * (chance.uniform(0.03, 0.12) + 0.95 * light)[..., None]
    return np.clip(values, 0, 255).astype(np.uint8)


def measure(rows: list[LabelledPhotograph], *, spoilt_share: float) -> Iterator[Sample]:
    """Yield the features of every photograph, and of spoilt copies of some."""
    chance = np.random.default_rng(4)
    for row in rows:
        photograph = decode_photograph(row.path.read_bytes(), "", longest_side_px=640)
        try:
            field = find_field_of_view(photograph.pixels)
        except NotAFundusPhotograph:
            continue
        gradable = row.gradable is not False
        yield Sample(row.source, "", gradable, quality.measure_quality(photograph, field))
        if gradable and chance.random() < spoilt_share:
            for kind in SPOILT:
                yield Sample(row.source, kind, False, _measure_spoilt(photograph, field, kind, chance))


def _measure_spoilt(
    photograph: FundusPhotograph, field: FieldOfView, kind: str, chance: np.random.Generator
) -> quality.QualityFeatures:
    copy = replace(photograph, pixels=spoil(photograph.pixels, field, kind, chance))
    return quality.measure_quality(copy, field)


def fit(samples: list[Sample]) -> None:
    """Print the weights that `dr_core.imaging.quality` states."""
    table = np.array([_columns(sample.features) for sample in samples])
    middle, spread = table.mean(axis=0), table.std(axis=0)
    weights = [
        WEIGHT_SPOILT if sample.spoilt else WEIGHT_LABELLED if sample.source == "eyepacs" else WEIGHT_OTHER
        for sample in samples
    ]
    model = LogisticRegression(C=0.3, max_iter=5000)
    model.fit((table - middle) / spread, [sample.gradable for sample in samples], sample_weight=weights)
    raw = model.coef_[0] / spread
    names = ("fine", "coarse", "dim", "dark", "bright", "uneven")
    print("weights:", ", ".join(f"{name} {value:.2f}" for name, value in zip(names, raw, strict=True)))
    print(f"intercept: {model.intercept_[0] - float(raw @ middle):.2f}")


def _columns(features: quality.QualityFeatures) -> list[float]:
    return [
        math.log(features.fine + quality.LOG_OFFSET),
        math.log(features.coarse + quality.LOG_OFFSET),
        min(features.brightness, quality.DIM_LEVEL),
        features.dark_share,
        features.bright_share,
        features.unevenness,
    ]


def report(samples: list[Sample]) -> None:
    """Print how the gate as it stands judges `samples`."""
    scores = np.array([quality.score_quality(sample.features) for sample in samples])
    sent_back = scores < quality.GRADABLE_SCORE
    real = np.array([not sample.spoilt for sample in samples])
    gradable = np.array([sample.gradable for sample in samples])
    sources = np.array([sample.source for sample in samples])
    labelled = real & (sources == "eyepacs")
    print(f"AUROC gradable, EyePACS: {roc_auc_score(gradable[labelled], scores[labelled]):.3f} (n={labelled.sum()})")
    print(f"ungradable of EyePACS sent back: {sent_back[labelled & ~gradable].mean():.1%}")
    for source in np.unique(sources):
        chosen = real & gradable & (sources == source)
        print(f"gradable of {source} sent back: {sent_back[chosen].mean():.1%} of {chosen.sum()}")
    for kind in SPOILT:
        chosen = np.array([sample.spoilt == kind for sample in samples])
        print(f"spoilt by {kind}, sent back: {sent_back[chosen].mean():.1%} of {chosen.sum()}")


def main() -> None:
    """Measure on val (or the split named), or fit on train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--split", choices=("train", "val", "test"), default="val")
    parser.add_argument("--fit", action="store_true", help="fit on train and print the weights")
    arguments = parser.parse_args()
    split = "train" if arguments.fit else arguments.split
    rows = [row for row in read_manifest(arguments.data) if row.split == split]
    if arguments.fit:
        others = [row for row in rows if row.source != "eyepacs"]
        rows = [row for row in rows if row.source == "eyepacs"] + random.Random(3).sample(others, 450)
    samples = list(measure(rows, spoilt_share=0.2))
    report(samples)
    if arguments.fit:
        fit(samples)


if __name__ == "__main__":
    main()
