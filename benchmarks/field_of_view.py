"""Measure how often the field of view is found in photographs, and how often something else is taken for one.

``python benchmarks/field_of_view.py`` goes through the manifest's photographs, ungradable ones and those without a
grade included, and then through pictures that show no retina: drawn ones of many kinds, and the sample pictures of
installed packages, whole and cut round. It prints counts alone; no photograph is named.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.chosen_photographs import choose_photographs
from benchmarks.non_fundus import NonFundus, cut_samples, draw_non_fundus
from dr_core.domain.errors import NotAFundusPhotograph
from dr_core.domain.photograph import UInt8Array
from dr_core.imaging.decode import ANALYSIS_SIDE_PX, decode_photograph
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.reports.dataclass_json import write_record
from dr_core.training.dataset import LabelledPhotograph

GOAL_FOUND = 0.995
DRAWN_PER_KIND = 60


@dataclass(frozen=True)
class FoundCount:
    """Photographs of one source, and those in which the field was found."""

    source: str
    n: int
    found: int

    @property
    def share(self) -> float:
        """Share of photographs with a field, 0 to 1."""
        return self.found / max(1, self.n)


@dataclass(frozen=True)
class RefusedCount:
    """Pictures of one kind that show no retina, and those that were refused."""

    kind: str
    n: int
    refused: int


@dataclass(frozen=True)
class FieldRecord:
    """What is written with ``--json``."""

    split: str
    goal_found: float
    photographs: tuple[FoundCount, ...]
    non_fundus: tuple[RefusedCount, ...]


def shows_field(pixels: UInt8Array) -> bool:
    """Whether a field of view with a retina in it is found."""
    try:
        find_field_of_view(pixels)
    except NotAFundusPhotograph:
        return False
    return True


def count_found(chosen: dict[str, list[LabelledPhotograph]]) -> tuple[FoundCount, ...]:
    """Look for the field in every photograph, decoded as the pipeline decodes it."""
    counts = []
    for source, rows in chosen.items():
        found = 0
        for done, row in enumerate(rows, start=1):
            photograph = decode_photograph(row.path.read_bytes(), "", longest_side_px=ANALYSIS_SIDE_PX)
            found += shows_field(photograph.pixels)
            print(f"\r  {source} {done:,} of {len(rows):,} ", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        counts.append(FoundCount(source, len(rows), found))
    return tuple(counts)


def count_refused(pictures: Iterable[NonFundus]) -> tuple[RefusedCount, ...]:
    """Show every picture that is no retina to the search for the field."""
    seen: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for picture in pictures:
        seen[picture.kind] += 1
        refused[picture.kind] += not shows_field(picture.pixels)
    return tuple(RefusedCount(kind, n, refused[kind]) for kind, n in seen.items())


def print_tables(photographs: Sequence[FoundCount], non_fundus: Sequence[RefusedCount]) -> None:
    """Print both counts as tables in Markdown, each with its sum."""
    if photographs:
        print("| source | photographs | field found | share |\n|---|---|---|---|")
        every = FoundCount("all sources", sum(row.n for row in photographs), sum(row.found for row in photographs))
        for row in (*photographs, every):
            print(f"| {row.source} | {row.n:,} | {row.found:,} | {row.share:.2%} |")
        print(f"goal: field found in at least {GOAL_FOUND:.1%}\n")
    print("| no retina | pictures | refused |\n|---|---|---|")
    total = RefusedCount("all", sum(row.n for row in non_fundus), sum(row.refused for row in non_fundus))
    for kind in (*non_fundus, total):
        print(f"| {kind.kind} | {kind.n:,} | {kind.refused:,} |")
    print("goal: all refused")


def main() -> int:
    """Count and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="DIR", help="holds manifest.csv")
    parser.add_argument("--split", default="train,val,excluded", help="splits, separated by commas")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N photographs of a source")
    parser.add_argument("--drawn", type=int, default=DRAWN_PER_KIND, metavar="N", help="drawn pictures of each kind")
    parser.add_argument("--no-photographs", action="store_true", help="only the pictures that show no retina")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the counts there")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    photographs: tuple[FoundCount, ...] = ()
    if not arguments.no_photographs:
        splits = arguments.split.split(",")
        photographs = count_found(choose_photographs(arguments.data, splits, limit=arguments.limit, graded=False))
    non_fundus = count_refused(chain(draw_non_fundus(arguments.drawn), cut_samples()))
    print_tables(photographs, non_fundus)
    if arguments.json:
        write_record(FieldRecord(arguments.split, GOAL_FOUND, photographs, non_fundus), arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
