"""Measure the quality gate on real and on spoilt photographs, and fit its weights.

``python benchmarks/quality_gate.py`` prints AUROC against the EyePACS gradability labels, the share of each source's
gradable photographs that the gate sends back, and the share of spoilt ones that it catches; then of those whose retina
is hidden to a quarter or more, or at its middle, by kinds of cover that the network learned from and by cloth, which it
has never seen. ``--fit`` fits the handmade score of `dr_core.imaging.quality`, which serves models without a quality
head, again on the train split and prints it.
"""

import argparse
import math
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.chosen_photographs import add_data_argument, run_in_words
from dr_core.domain.errors import NotAFundusPhotograph
from dr_core.domain.photograph import FieldOfView, FundusPhotograph
from dr_core.domain.quality import QualityReport
from dr_core.imaging import quality
from dr_core.imaging.colour import COMMON_SHARE
from dr_core.imaging.decode import ANALYSIS_SIDE_PX, decode_photograph
from dr_core.imaging.disc import cut_disc
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import prepare_input
from dr_core.model.classifier import Classifier
from dr_core.model.visibility import CENTER_SHARE
from dr_core.training.cover import COVERS, cover_disc
from dr_core.training.dataset import LabelledPhotograph, read_manifest
from dr_core.training.spoil import SPOILT, spoil_photograph

# Other sources carry no gradability label: their photographs count as gradable, and for less.
WEIGHT_LABELLED, WEIGHT_OTHER, WEIGHT_SPOILT = 1.0, 0.4, 0.35
# A cover that no reader would grade through hides this much of what every camera shows, or of its middle.
HIDDEN_SHARE, HIDDEN_MIDDLE = 0.25, 0.6
CLOTH = "cloth"


@dataclass(frozen=True)
class Sample:
    """One measured photograph; `spoilt` names what was done to it, and is empty for a real one."""

    source: str
    spoilt: str
    gradable: bool
    features: quality.QualityFeatures
    report: QualityReport


def measure(rows: list[LabelledPhotograph], classifier: Classifier, *, spoilt_share: float) -> Iterator[Sample]:
    """Yield what the gate says of every photograph, and of spoilt copies of some."""
    chance = np.random.default_rng(4)
    for row in rows:
        photograph = decode_photograph(row.path.read_bytes(), "", longest_side_px=ANALYSIS_SIDE_PX)
        try:
            field = find_field_of_view(photograph.pixels)
        except NotAFundusPhotograph:
            continue
        gradable = row.gradable is not False
        yield judge(photograph, field, classifier, (row.source, "", gradable))
        if gradable and chance.random() < spoilt_share:
            for kind in SPOILT:
                copy = replace(photograph, pixels=spoil_photograph(photograph.pixels, field, kind, chance))
                yield judge(copy, field, classifier, (row.source, kind, False))
            for kind in (*COVERS, CLOTH):
                if covered := cover(photograph, field, kind, chance):
                    yield judge(*covered, classifier, (row.source, f"cover: {kind}", False))


def cover(
    photograph: FundusPhotograph, field: FieldOfView, kind: str, chance: np.random.Generator
) -> tuple[FundusPhotograph, FieldOfView] | None:
    """Return the field by itself, covered so that no reader would grade it; None where chance covers less."""
    side = round(2 * field.radius_px)
    disc, inside = cut_disc(photograph.pixels, field, side)
    covered, hidden = cover_disc(disc, inside, "lid" if kind == CLOTH else kind, chance)
    rows, columns = np.mgrid[:side, :side]
    if kind == CLOTH:
        weave = np.sin(rows * chance.uniform(0.3, 1.2)) * np.sin(columns * chance.uniform(0.3, 1.2))
        cloth = chance.uniform(30, 220, 3) + 40 * weave[..., None]
        mixed = disc * (1 - hidden[..., None]) + cloth * hidden[..., None]
        covered = np.where(inside[..., None], np.clip(mixed, 0, 255), disc).astype(np.uint8)
    middle = np.hypot(rows - side / 2, columns - side / 2) < CENTER_SHARE * side / 2
    common = inside & (np.abs(rows - side / 2) < COMMON_SHARE * side / 2)
    if (hidden[common] > 0.75).mean() < HIDDEN_SHARE and (hidden[middle] > 0.75).mean() < HIDDEN_MIDDLE:
        return None
    pixels = np.where(inside[..., None], covered, 0).astype(np.uint8)
    whole = FieldOfView((side / 2 - 0.5, side / 2 - 0.5), side / 2, 1.0, (side, side), 1.0)
    return replace(photograph, pixels=pixels, source_width_px=side, source_height_px=side), whole


def judge(
    photograph: FundusPhotograph, field: FieldOfView, classifier: Classifier, about: tuple[str, str, bool]
) -> Sample:
    """Return the gate's verdict on one photograph of which (source, how it was spoilt, gradable) is known."""
    features = quality.measure_quality(photograph, field)
    (prediction,) = classifier.predict([prepare_input(photograph, field, classifier.spec.input_size)])
    opinion, hidden = None, None
    if prediction.side is not None and classifier.spec.side is not None:
        side = classifier.spec.side
        opinion = quality.NetworkOpinion(prediction.side.p_gradable, side.gate_weights, side.gradable_score)
        hidden = prediction.side.hidden
    report = quality.assess_quality(photograph, field, opinion, hidden=hidden)
    return Sample(*about, features, report)


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
    scores = np.array([sample.report.score for sample in samples])
    sent_back = np.array([not sample.report.gradable for sample in samples])
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
    for kind in (*COVERS, CLOTH):
        chosen = np.array([sample.spoilt == f"cover: {kind}" for sample in samples])
        if chosen.any():
            print(f"hidden by {kind}, sent back: {sent_back[chosen].mean():.1%} of {chosen.sum()}")


def main() -> None:
    """Measure on val (or the split named), or fit on train."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_argument(parser)
    parser.add_argument("--split", choices=("train", "val", "test"), default="val")
    parser.add_argument("--fit", action="store_true", help="fit on train and print the weights")
    arguments = parser.parse_args()
    split = "train" if arguments.fit else arguments.split
    rows = [row for row in read_manifest(arguments.data) if row.split == split]
    if arguments.fit:
        others = [row for row in rows if row.source != "eyepacs"]
        rows = [row for row in rows if row.source == "eyepacs"] + random.Random(3).sample(others, 450)
    samples = list(measure(rows, Classifier.load(), spoilt_share=0.2))
    report(samples)
    if arguments.fit:
        fit(samples)


if __name__ == "__main__":
    sys.exit(run_in_words(main))
