"""Measure how often a photograph is refused as no retina, and how often something else is taken for one.

``python benchmarks/field_of_view.py`` sends the manifest's photographs, ungradable ones and those without a grade
included, through the whole pipeline, and then pictures that show no retina: drawn ones of many kinds, and the sample
pictures of installed packages, whole and cut round. It counts what the search for the field and its rules refuse alone,
what is refused with the network's opinion, and what of the rest is called ungradable or gets a grade. It prints counts;
no photograph is named.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.chosen_photographs import add_data_argument, choose_photographs, run_in_words
from benchmarks.non_fundus import cut_samples, draw_non_fundus
from dr_core.domain.errors import NotAFundusPhotograph, PhotographError
from dr_core.domain.results import Status
from dr_core.imaging.decode import ANALYSIS_SIDE_PX, decode_photograph
from dr_core.imaging.encode import encode_png
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.model.classifier import Classifier
from dr_core.reports.dataclass_json import write_record
from dr_core.screening.pipeline import screen_photograph
from dr_core.training.dataset import LabelledPhotograph
from dr_core.training.non_retina import NonRetina

GOAL_REFUSED = 0.005
DRAWN_PER_KIND = 60


@dataclass(frozen=True)
class RefusedCount:
    """Pictures of one source or kind, and those that were refused.

    Attributes:
        name: the source or the kind.
        n: how many there are.
        by_rules: refused before the network sees them.
        refused: refused by the rules or by the network.
        sent_back: not refused, but called ungradable.
    """

    name: str
    n: int
    by_rules: int
    refused: int
    sent_back: int

    @property
    def share(self) -> float:
        """Share that is refused, 0 to 1."""
        return self.refused / max(1, self.n)

    @property
    def graded(self) -> int:
        """How many got a grade."""
        return self.n - self.refused - self.sent_back


@dataclass(frozen=True)
class FieldRecord:
    """What is written with ``--json``."""

    model_name: str
    split: str
    goal_refused: float
    photographs: tuple[RefusedCount, ...]
    non_fundus: tuple[RefusedCount, ...]


def passes_rules(data: bytes) -> bool:
    """Whether a field of view with what may be a retina in it is found in a file."""
    try:
        find_field_of_view(decode_photograph(data, "", longest_side_px=ANALYSIS_SIDE_PX, exact=False).pixels)
    except NotAFundusPhotograph:
        return False
    except PhotographError as error:
        raise RuntimeError(f"a picture that cannot be read tells nothing about refusals: {error}") from error
    return True


def count_refused(files: Iterable[tuple[str, bytes]], classifier: Classifier) -> tuple[RefusedCount, ...]:
    """Send named files through the rules, and through the whole pipeline; the same name is counted together."""
    seen: Counter[str] = Counter()
    by_rules: Counter[str] = Counter()
    statuses: Counter[tuple[str, Status]] = Counter()
    for name, data in files:
        seen[name] += 1
        by_rules[name] += not passes_rules(data)
        statuses[name, screen_photograph(data, "", classifier=classifier).result.status] += 1
        print(f"\r  {name} {seen[name]:,} ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return tuple(
        RefusedCount(name, n, by_rules[name], statuses[name, Status.FAILED], statuses[name, Status.UNGRADABLE])
        for name, n in seen.items()
    )


def read_files(chosen: dict[str, list[LabelledPhotograph]]) -> Iterator[tuple[str, bytes]]:
    """Yield source and bytes of every photograph."""
    for source, rows in chosen.items():
        for row in rows:
            yield source, row.path.read_bytes()


def encode_pictures(pictures: Iterable[NonRetina]) -> Iterator[tuple[str, bytes]]:
    """Yield kind and bytes, without loss, of every picture that shows no retina."""
    for picture in pictures:
        yield picture.kind, encode_png(picture.pixels)


def print_table(title: str, counts: Sequence[RefusedCount], goal: str) -> None:
    """Print the counts as a table in Markdown, with their sum."""
    columns = (title, "pictures", "refused by rules", "with the network", "share", "else ungradable", "graded")
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    sums = [sum(getattr(count, name) for count in counts) for name in ("n", "by_rules", "refused", "sent_back")]
    for count in (*counts, RefusedCount("all", *sums)):
        refused = f"{count.by_rules:,} | {count.refused:,} | {count.share:.2%}"
        print(f"| {count.name} | {count.n:,} | {refused} | {count.sent_back:,} | {count.graded:,} |")
    print(f"goal: {goal}\n")


def main() -> int:
    """Count and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_data_argument(parser)
    parser.add_argument("--split", default="train,val,excluded", help="splits, separated by commas")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N photographs of a source")
    parser.add_argument("--drawn", type=int, default=DRAWN_PER_KIND, metavar="N", help="drawn pictures of each kind")
    parser.add_argument("--no-photographs", action="store_true", help="only the pictures that show no retina")
    parser.add_argument("--model", type=Path, metavar="DIR", help="folder of the model; the released one by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the counts there")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    classifier = Classifier.load(arguments.model)
    photographs: tuple[RefusedCount, ...] = ()
    if not arguments.no_photographs:
        chosen = choose_photographs(arguments.data, arguments.split.split(","), limit=arguments.limit, graded=False)
        photographs = count_refused(read_files(chosen), classifier)
        print_table("source", photographs, f"at most {GOAL_REFUSED:.1%} refused")
    pictures = chain(draw_non_fundus(arguments.drawn), cut_samples())
    non_fundus = count_refused(encode_pictures(pictures), classifier)
    print_table("no retina", non_fundus, "all refused")
    if arguments.json:
        record = FieldRecord(classifier.spec.name, arguments.split, GOAL_REFUSED, photographs, non_fundus)
        write_record(record, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(run_in_words(main))
