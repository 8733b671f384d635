"""Ask how much of the grade can be told from a photograph's framing alone, before and after our normalisation.

``python benchmarks/framing_probe.py`` measures three numbers of framing (width over height of what is lit, whether it
touches the top and the bottom, and its share of the picture) on each raw photograph and again on the network's input,
and lets a random forest predict referable DR from them in cross-validation. A camera that gives the grade away shows as
a high AUC on the raw photographs; on the input the same numbers must be worth next to nothing, and little more with the
input's mean colour added. No retina is looked at.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.chosen_photographs import add_data_argument, choose_photographs, run_in_words
from dr_core.domain.errors import DRError, NotAFundusPhotograph
from dr_core.domain.photograph import AnyArray, BoolArray, Float32Array
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import PREPROCESSING_VERSION, prepare_input
from dr_core.model.spec import load_spec
from dr_core.reports.dataclass_json import write_record
from dr_core.training.dataset import LabelledPhotograph

HOME_SOURCE = "aptos2019"  # where the camera gives the grade away
REFERABLE_FROM = 2
INPUT_SIZE = load_spec().input_size
LIT_LEVEL, CLOSING_PX = 15, 5  # brighter than any camera's surround, darker than almost all of the retina
FOLDS, TREES, MIN_LEAF, SEED = 5, 300, 5, 0
GOAL_FRAMING, GOAL_WITH_COLOUR = 0.60, 0.70

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Framing:
    """How a picture is framed: nothing of the retina.

    Attributes:
        width_over_height: of the bounding box of what is lit.
        touches_top_and_bottom: whether what is lit reaches both.
        filled_share: share of the picture that is lit, 0 to 1.
    """

    width_over_height: float
    touches_top_and_bottom: bool
    filled_share: float


@dataclass(frozen=True)
class SourceProbe:
    """AUC of a random forest for referable DR, by what it was given.

    Attributes:
        source: the public set.
        n: photographs measured.
        referable: those of grade 2 or more.
        no_field: photographs in which no field was found, which are left out.
        raw_framing: three numbers of the raw photograph.
        input_framing: the same three of the network's input.
        input_framing_and_colour: with the input's mean colour added.
    """

    source: str
    n: int
    referable: int
    no_field: int
    raw_framing: float
    input_framing: float
    input_framing_and_colour: float


@dataclass(frozen=True)
class ProbeRecord:
    """What is written with ``--json``."""

    split: str
    preprocessing_version: str
    input_width_px: int
    input_height_px: int
    goal_framing: float
    goal_with_colour: float
    sources: tuple[SourceProbe, ...]


@dataclass(frozen=True, eq=False)
class Measured:
    """The numbers of one source's photographs.

    Attributes:
        referable: (n,) bool.
        raw: (n, 3) float64, framing of the photograph.
        seen: (n, 3) float64, framing of the network's input.
        colour: (n, 3) float64, mean of the input's lit pixels.
        no_field: photographs without a field.
    """

    referable: BoolArray
    raw: FloatArray
    seen: FloatArray
    colour: FloatArray
    no_field: int


def measure_framing(lit: BoolArray) -> Framing:
    """Measure the framing of a picture from (H, W) bool `lit`; holes inside the largest lit piece are filled."""
    piece = _fill_largest_piece(lit)
    height = piece.shape[0]
    rows, columns = np.flatnonzero(piece.any(axis=1)), np.flatnonzero(piece.any(axis=0))
    if not rows.size:
        return Framing(0.0, False, 0.0)
    box_height, box_width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    touches = bool(rows[0] <= 1 and rows[-1] >= height - 2)
    return Framing(float(box_width / box_height), touches, float(piece.mean()))


def find_lit_photograph(pixels: AnyArray) -> BoolArray:
    """Return (H, W) bool, True where a raw photograph (H, W, 3) uint8 is lit."""
    return np.asarray(cv2.GaussianBlur(pixels.max(axis=2), (0, 0), 1.0) > LIT_LEVEL, dtype=np.bool_)


def find_lit_input(tensor: Float32Array) -> BoolArray:
    """Return (H, W) bool, True where the network's input (H, W, 3) is not the neutral value of the surround."""
    return np.asarray((tensor != 0).any(axis=2), dtype=np.bool_)


def measure_source(rows: Sequence[LabelledPhotograph]) -> Measured:
    """Measure all photographs of one source."""
    referable: list[bool] = []
    raw: list[list[float]] = []
    seen: list[list[float]] = []
    colour: list[FloatArray] = []
    no_field = 0
    for done, row in enumerate(rows, start=1):
        photograph = decode_photograph(row.path.read_bytes(), "")
        try:
            field = find_field_of_view(photograph.pixels)
        except NotAFundusPhotograph:
            no_field += 1
            continue
        tensor = prepare_input(photograph, field, INPUT_SIZE).tensor
        lit = find_lit_input(tensor)
        referable.append((row.grade or 0) >= REFERABLE_FROM)
        raw.append(_as_numbers(measure_framing(find_lit_photograph(photograph.pixels))))
        seen.append(_as_numbers(measure_framing(lit)))
        colour.append(tensor[lit].mean(axis=0).astype(np.float64))
        print(f"\r  {row.source} {done:,} of {len(rows):,} ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return Measured(np.array(referable), np.array(raw), np.array(seen), np.array(colour), no_field)


def predict_referable(features: FloatArray, referable: BoolArray) -> float:
    """Return the AUC of a random forest in stratified cross-validation; each photograph is judged unseen.

    Raises:
        DRError: fewer photographs of a class than folds.
    """
    if min(referable.sum(), (~referable).sum()) < FOLDS:
        raise DRError(f"At least {FOLDS} photographs with and without referable DR are needed. Raise --limit.")
    forest = RandomForestClassifier(TREES, min_samples_leaf=MIN_LEAF, random_state=SEED)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    scores = cross_val_predict(forest, features, referable, cv=folds, method="predict_proba")[:, 1]
    return round(float(roc_auc_score(referable, scores)), 4)


def probe_source(source: str, rows: Sequence[LabelledPhotograph]) -> SourceProbe:
    """Measure one source and let the forest guess."""
    measured = measure_source(rows)
    return SourceProbe(
        source,
        len(measured.referable),
        int(measured.referable.sum()),
        measured.no_field,
        predict_referable(measured.raw, measured.referable),
        predict_referable(measured.seen, measured.referable),
        predict_referable(np.hstack([measured.seen, measured.colour]), measured.referable),
    )


def print_table(sources: Sequence[SourceProbe]) -> None:
    """Print the probe as a table in Markdown."""
    print("| source | n | referable | raw framing | input framing | input framing and mean colour |")
    print("|---|---|---|---|---|---|")
    for probe in sources:
        print(
            f"| {probe.source} | {probe.n} | {probe.referable} | {probe.raw_framing:.3f} "
            f"| {probe.input_framing:.3f} | {probe.input_framing_and_colour:.3f} |"
        )
    print(f"goals for {HOME_SOURCE}: input framing <= {GOAL_FRAMING:.2f}, with mean colour <= {GOAL_WITH_COLOUR:.2f}")


def _fill_largest_piece(lit: BoolArray) -> BoolArray:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (CLOSING_PX, CLOSING_PX))
    # A dark margin keeps pieces that reach the picture's edge as they are.
    framed = np.pad(lit.astype(np.uint8), CLOSING_PX)
    closed = cv2.morphologyEx(framed, cv2.MORPH_CLOSE, kernel)
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(framed.shape, dtype=np.uint8)
    if outlines:
        cv2.drawContours(filled, [max(outlines, key=cv2.contourArea)], -1, 1, thickness=-1)
    return np.asarray(filled[CLOSING_PX:-CLOSING_PX, CLOSING_PX:-CLOSING_PX] > 0, dtype=np.bool_)


def _as_numbers(framing: Framing) -> list[float]:
    return [framing.width_over_height, float(framing.touches_top_and_bottom), framing.filled_share]


def main() -> int:
    """Measure the splits named and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_data_argument(parser)
    parser.add_argument("--split", default="train,val", help="splits, separated by commas")
    parser.add_argument("--source", help="only this source")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N photographs of a source")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    chosen = choose_photographs(arguments.data, arguments.split.split(","), limit=arguments.limit)
    if arguments.source:
        chosen = {arguments.source: chosen.get(arguments.source, [])}
    sources = tuple(probe_source(source, rows) for source, rows in chosen.items())
    print_table(sources)
    if arguments.json:
        write_record(
            ProbeRecord(
                arguments.split,
                PREPROCESSING_VERSION,
                INPUT_SIZE.width_px,
                INPUT_SIZE.height_px,
                GOAL_FRAMING,
                GOAL_WITH_COLOUR,
                sources,
            ),
            arguments.json,
        )
    return 0


if __name__ == "__main__":
    sys.exit(run_in_words(main))
