"""How often a field ends at the bottom alone, and what becomes of photographs whose file broke off.

``python benchmarks/broken_off.py`` prints, of the photographs of `--split`, by source, how many lack so much more of
their field below than above that a reader is asked; and of 12 of each source of `val`, with everything black from some
height on, how many are sent back, ask for a reader for that reason, or do neither.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.chosen_photographs import add_data_argument, choose_photographs, run_in_words
from dr_core.domain.errors import NotAFundusPhotograph
from dr_core.domain.results import ReviewReason, Status
from dr_core.imaging.decode import ANALYSIS_SIDE_PX, decode_photograph
from dr_core.imaging.encode import encode_png
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.model.classifier import Classifier
from dr_core.screening.pipeline import CUT_BELOW_FROM, screen_photograph

KEPT_SHARES = (0.5, 0.7, 0.8, 0.9)
COPIED = 12


def count_cut_below(paths: list[Path]) -> tuple[int, int]:
    """Return how many fields are found, and how many of them end at the bottom alone."""
    found = cut = 0
    for path in paths:
        photograph = decode_photograph(path.read_bytes(), "", longest_side_px=ANALYSIS_SIDE_PX)
        try:
            field = find_field_of_view(photograph.pixels)
        except NotAFundusPhotograph:
            continue
        found += 1
        cut += field.missing_below > CUT_BELOW_FROM
    return found, cut


def break_off(path: Path, kept_share: float) -> bytes:
    """Return a photograph as PNG, black from `kept_share` of its height on."""
    pixels = np.array(decode_photograph(path.read_bytes(), "").pixels)
    pixels[round(kept_share * len(pixels)) :] = 0
    return encode_png(pixels)


def judge(data: bytes, classifier: Classifier) -> str:
    """Return what becomes of one photograph, in a word."""
    result = screen_photograph(data, "", classifier=classifier).result
    if result.status is not Status.GRADED or result.decision is None:
        return "sent back"
    return "asks" if ReviewReason.CUT_BELOW in result.decision.review else "neither"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data_argument(parser)
    parser.add_argument("--split", default="train,val", help="splits, separated by commas (default: train,val)")
    arguments = parser.parse_args()
    print("| source | fields found | end at the bottom alone |\n|---|---|---|")
    chosen = choose_photographs(arguments.data, arguments.split.split(","), graded=False)
    for source, rows in chosen.items():
        found, cut = count_cut_below([row.path for row in rows])
        print(f"| {source} | {found:,} | {cut} |", flush=True)
    classifier = Classifier.load()
    copied = choose_photographs(arguments.data, ["val"], limit=COPIED)
    paths = [row.path for rows in copied.values() for row in rows]
    print("\n| black from | photographs | sent back | ask for a reader | neither |\n|---|---|---|---|---|")
    for kept in KEPT_SHARES:
        found = Counter(judge(break_off(path, kept), classifier) for path in paths)
        print(
            f"| {kept:.0%} | {len(paths)} | {found['sent back']} | {found['asks']} | {found['neither']} |", flush=True
        )


if __name__ == "__main__":
    sys.exit(run_in_words(main))
