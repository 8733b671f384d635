"""How well a grader does on a source that it has never seen: train without it, and read its validation photographs.

Every run starts from ImageNet's weights, never from a release, which has seen all sources. With ``--reference`` one
more run leaves nothing out: what it says of each source, at the same width and epochs, is what to compare with.
Nothing is chosen: the figures are those of the run's average after its last epoch, at the most probable grade, with 95%
bootstrap intervals over photographs. The test split is not read.

    python benchmarks/leave_one_source_out.py --data DIR --weights FILE --run-dir DIR --engine torch --json FILE

Each run has a folder of its own in ``--run-dir``; the same command goes on where it was interrupted.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dr_core.imaging.preprocess import InputSize
from dr_core.training.dataset import DiscCache
from dr_core.training.engine import check_engine
from dr_core.training.fit import fit_grader, predict_probabilities
from dr_core.training.metrics import FloatArray, area_under_roc, quadratic_weighted_kappa
from dr_core.training.plan import ENGINES, KERAS, Plan, Stage
from dr_core.training.release import prepare_caches
from dr_core.training.run_folder import RunFolder

RESAMPLES, RESAMPLING_SEED = 2000, 7
REFERABLE = 2
NOTHING = ""


@dataclass(frozen=True)
class Figure:
    """One figure and its 95% bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class SourceFigures:
    """What one run says of one source's validation photographs.

    Attributes:
        source: that was measured.
        left_out: whether the run had not seen it.
        n_train: photographs that the run learned from.
        n_val: photographs measured.
        n_referable: of these.
        auc: of P(grade >= 2) for referable DR.
        kappa: quadratic-weighted.
    """

    source: str
    left_out: bool
    n_train: int
    n_val: int
    n_referable: int
    auc: Figure
    kappa: Figure


def list_sources(val: DiscCache) -> list[str]:
    """Return the sources in the order of the manifest."""
    return list(dict.fromkeys(photograph.source for photograph in val.photographs))


def train_without(caches: tuple[DiscCache, DiscCache], left_out: str, run: RunFolder, start: Path | None) -> Any:
    """Return a grader trained on every source but `left_out`; each epoch is logged on the source that is missing."""
    train, val = caches
    if left_out:
        train = train.select(lambda photograph: photograph.source != left_out)
        val = val.select(lambda photograph: photograph.source == left_out)
    name = f"without {left_out}" if left_out else "with every source"
    print(f"{name}: {len(train.photographs)} photographs to train on", file=sys.stderr, flush=True)

    def say(line: str) -> None:
        print(f"  {name}: {line}", file=sys.stderr, flush=True)

    return fit_grader(train, val, run, start=start, say=say)


def measure_source(grader: Any, caches: tuple[DiscCache, DiscCache], source: str, *, left_out: bool) -> SourceFigures:
    """Measure a grader on one source's validation photographs."""
    train, val = caches
    val = val.select(lambda photograph: photograph.source == source)
    probabilities = predict_probabilities(grader.predict_on_batch, val, InputSize(*grader.input_shape[1:3]))
    grades, referable = val.grades, val.grades >= REFERABLE
    risks, found = probabilities[:, REFERABLE:].sum(axis=1), probabilities.argmax(axis=1)
    n_train = sum(not left_out or photograph.source != source for photograph in train.photographs)
    return SourceFigures(
        source=source,
        left_out=left_out,
        n_train=n_train,
        n_val=len(grades),
        n_referable=int(referable.sum()),
        auc=resample(lambda chosen: area_under_roc(referable[chosen], risks[chosen]), len(grades)),
        kappa=resample(lambda chosen: quadratic_weighted_kappa(grades[chosen], found[chosen]), len(grades)),
    )


def resample(measure: Callable[[Any], Any], count: int) -> Figure:
    """Return a figure over `count` photographs with its interval; resamples in which it is undefined are left out."""
    random = np.random.default_rng(RESAMPLING_SEED)
    drawn: FloatArray = np.array([float(measure(random.integers(count, size=count))) for _ in range(RESAMPLES)])
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    return Figure(round(float(measure(np.arange(count))), 4), round(float(low), 4), round(float(high), 4))


def print_table(figures: Sequence[SourceFigures]) -> None:
    """Print the figures in Markdown."""
    print("\n| source | trained on it | n train | n val | referable | AUC rDR | QWK |\n|---|---|---|---|---|---|---|")
    for row in figures:
        seen = "no" if row.left_out else "yes"
        counts = f"{row.n_train:,} | {row.n_val:,} | {row.n_referable:,}"
        print(f"| {row.source} | {seen} | {counts} | {row.auc} | {row.kappa} |")


def main(argv: Sequence[str] | None = None) -> int:
    """Train every run, print the table and write it if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="folder that holds manifest.csv")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="MobileNetV2 weights without top; else random")
    parser.add_argument("--run-dir", required=True, type=Path, metavar="DIR", help="cache and one folder a run")
    parser.add_argument("--engine", choices=ENGINES, default=KERAS)
    parser.add_argument("--width", type=int, default=256, metavar="PX", help="input width (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=5, help="of each run (default: %(default)s)")
    parser.add_argument(
        "--peak-rate",
        type=float,
        default=1e-3,
        metavar="R",
        help="learning rate after the warm-up; more than a release's, which goes on from an earlier one (default: "
        "%(default)s)",
    )
    parser.add_argument("--copies", type=int, default=1, help="variants of each photograph (default: %(default)s)")
    parser.add_argument("--sources", nargs="+", metavar="NAME", help="leave out these alone (default: each in turn)")
    parser.add_argument("--reference", action="store_true", help="also train once with every source")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures into this file")
    arguments = parser.parse_args(argv)
    if arguments.weights is not None and arguments.weights.suffix == ".keras":
        parser.error("a release has seen every source; name MobileNetV2's weights")
    check_engine(arguments.engine)
    start = arguments.weights.name if arguments.weights else ""
    plan = Plan(
        (Stage(arguments.width, arguments.epochs),),
        peak_rate=arguments.peak_rate,
        # The outlined photographs are of one source, which may be the one left out, and the companions of all four.
        outlined=0,
        companions=0,
        copies=arguments.copies,
        engine=arguments.engine,
        start=start,
    )
    caches = prepare_caches(arguments.data, plan, arguments.run_dir, lambda line: print(line, file=sys.stderr))
    sources = list_sources(caches[1])
    chosen = arguments.sources or sources
    if unknown := sorted(set(chosen) - set(sources)):
        parser.error(f"no photograph in val is from {', '.join(unknown)}; there are {', '.join(sources)}")
    figures = []
    for left_out in [*chosen, NOTHING] if arguments.reference else chosen:
        run = RunFolder(arguments.run_dir / (f"without_{left_out}" if left_out else "every_source"), plan)
        grader = train_without(caches, left_out, run, arguments.weights)
        measured = [left_out] if left_out else chosen
        figures += [measure_source(grader, caches, source, left_out=bool(left_out)) for source in measured]
        # Written after each run, so that an interruption loses none of what is known.
        if arguments.json is not None:
            found = {"plan": asdict(plan), "split": "val", "sources": [asdict(row) for row in figures]}
            arguments.json.parent.mkdir(parents=True, exist_ok=True)
            arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print_table(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
