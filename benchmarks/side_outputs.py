"""Measure what the model says beside the grade: quality, grade sets, which eye, oedema risk, and how familiar.

``python benchmarks/side_outputs.py --split val`` prints the tables; ``--write`` puts them into the model's folder,
where the Model page shows them. Every photograph takes the pipeline that a clinic's photographs take.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.chosen_photographs import add_data_argument, run_in_words
from dr_core.domain.photograph import Laterality
from dr_core.domain.results import Decision, Prediction, ReviewReason, ScreeningResult, Status
from dr_core.domain.second_look import is_referred, needs_reader
from dr_core.model.calibration import decide
from dr_core.model.classifier import Classifier
from dr_core.model.spec import DEFAULT_MODEL_DIR
from dr_core.reports.measurements import MeasuredTable, put_measurement
from dr_core.screening.clinic_figures import measure_proportion
from dr_core.screening.pipeline import screen_photograph
from dr_core.training.dataset import LabelledPhotograph, read_manifest
from dr_core.training.metrics import area_under_roc

RESAMPLES = 2000
POOLED = "pooled"
REFERABLE = 2
LAMPS = REFER, READ, RETAKE, HOME = ("refer", "needs a reader", "retake", "green lamp")


@dataclass(frozen=True, eq=False)
class Read:
    """One labelled photograph and what the pipeline made of it, the decision that its prediction leads to included."""

    row: LabelledPhotograph
    result: ScreeningResult
    prediction: Prediction
    decision: Decision


def read_split(data: Path, split: str, classifier: Classifier) -> tuple[list[Read], int]:
    """Screen every photograph of a split that carries any label; return the readable ones and how many failed."""
    rows = [row for row in read_manifest(data) if row.split == split]
    found, failed, started = [], 0, time.monotonic()
    for done, row in enumerate(rows, start=1):
        result = screen_photograph(row.path.read_bytes(), "", classifier=classifier, grade_ungradable=True).result
        if result.prediction is None:
            failed += 1
        else:
            found.append(Read(row, result, result.prediction, decide(result.prediction, classifier.spec)))
        if done % 100 == 0:
            left = (time.monotonic() - started) / done * (len(rows) - done)
            print(f"  {done} of {len(rows)}, {left / 60:.1f} min left", file=sys.stderr, flush=True)
    return found, failed


def share(hits: int, count: int) -> str:
    """Return a share with its interval, or a dash where there is nothing to take it of."""
    if not count:
        return "-"
    found = measure_proportion(hits, count)
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"


def area(positive: Sequence[bool], scores: Sequence[float]) -> str:
    """Return an AUROC with its 95% bootstrap interval, or a dash where one class is missing."""
    flags, values = np.array(positive, dtype=bool), np.array(scores)
    if flags.all() or not flags.any():
        return "-"
    weights = np.random.default_rng(7).multinomial(len(flags), np.full(len(flags), 1 / len(flags)), RESAMPLES)
    low, high = np.nanpercentile(area_under_roc(flags, values, weights.astype(np.float64)), (2.5, 97.5))
    return f"{float(area_under_roc(flags, values)):.3f} ({low:.3f} to {high:.3f})"


def by_source(reads: Sequence[Read], measure: Callable[[list[Read]], tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Return one row a source and one for all."""
    sources = list(dict.fromkeys(read.row.source for read in reads))
    rows = [(source, *measure([read for read in reads if read.row.source == source])) for source in sources]
    return (*rows, (POOLED, *measure(list(reads)))) if len(sources) > 1 else tuple(rows)


def tabulate_sets(reads: list[Read]) -> MeasuredTable:
    """Coverage and size of the grade sets, and how often a person is asked."""

    def measure(chosen: list[Read]) -> tuple[str, ...]:
        hits = sum(read.row.grade in read.decision.grade_set for read in chosen)
        size = np.mean([len(read.decision.grade_set) for read in chosen])
        wide = sum(ReviewReason.WIDE_SET in read.decision.review for read in chosen)
        strange = sum(ReviewReason.UNFAMILIAR in read.decision.review for read in chosen)
        count = len(chosen)
        return f"{count}", share(hits, count), f"{size:.2f}", share(wide, count), share(strange, count)

    graded = [read for read in reads if read.row.grade is not None]
    columns = ("source", "photographs", "reader's grade in the set", "grades in a set", "wide sets", "unfamiliar")
    return MeasuredTable("Grade sets and requests for a person", columns, by_source(graded, measure), "", "")


def tabulate_quality(reads: list[Read]) -> MeasuredTable:
    """AUROC for the readers' gradability labels, and who is sent back."""

    def measure(chosen: list[Read]) -> tuple[str, ...]:
        gradable = [read.row.gradable is not False for read in chosen]
        scores = [read.result.quality.score if read.result.quality else 0.0 for read in chosen]
        back = [read.result.status is Status.UNGRADABLE for read in chosen]
        good = [sent for sent, fine in zip(back, gradable, strict=True) if fine]
        bad = [sent for sent, fine in zip(back, gradable, strict=True) if not fine]
        return area(gradable, scores), share(sum(good), len(good)), share(sum(bad), len(bad))

    columns = ("source", "AUROC gradable", "gradable, sent back", "ungradable, sent back")
    return MeasuredTable("Quality gate", columns, by_source(reads, measure), "", "")


def tabulate_eye(reads: list[Read]) -> MeasuredTable:
    """How often the photograph itself tells the eye rightly."""

    def measure(chosen: list[Read]) -> tuple[str, ...]:
        right = sum(
            (read.prediction.side is not None and read.prediction.side.p_right_eye >= 0.5)
            == (read.row.laterality is Laterality.OD)
            for read in chosen
        )
        sure = [read for read in chosen if read.result.seen_laterality is not None]
        agreed = sum(read.result.seen_laterality is read.row.laterality for read in sure)
        return f"{len(chosen)}", share(right, len(chosen)), share(len(sure), len(chosen)), share(agreed, len(sure))

    labelled = [read for read in reads if read.row.laterality is not None]
    columns = ("source", "photographs", "right", "sure enough to object", "right when sure")
    return MeasuredTable("Which eye", columns, by_source(labelled, measure), "", "")


def tabulate_oedema(reads: list[Read]) -> MeasuredTable:
    """AUROC of exudates near the fovea, whether or not the app shows the output."""

    def measure(chosen: list[Read]) -> tuple[str, ...]:
        near = [read.row.oedema_risk == 2 for read in chosen]
        risks = [read.prediction.side.p_oedema_risk or 0.0 if read.prediction.side else 0.0 for read in chosen]
        return f"{len(chosen)}", f"{sum(near)}", area(near, risks)

    labelled = [read for read in reads if read.row.oedema_risk is not None]
    columns = ("source", "photographs", "risk 2", "AUROC risk 2")
    title = "Hard exudates near the fovea (IDRiD's oedema risk 2)"
    return MeasuredTable(title, columns, by_source(labelled, measure), "", "")


def tabulate_lamps(reads: list[Read]) -> MeasuredTable:
    """What a clinic is told of eyes that its readers would refer, and of those that they would not."""

    def measure(chosen: list[Read]) -> tuple[str, ...]:
        cells = []
        for referable in (True, False):
            lamps = [name_lamp(read.result) for read in chosen if ((read.row.grade or 0) >= REFERABLE) is referable]
            cells += [f"{len(lamps)}", *(share(lamps.count(lamp), len(lamps)) for lamp in LAMPS)]
        return tuple(cells)

    graded = [read for read in reads if read.row.grade is not None]
    columns = ("source", "referable", *LAMPS, "not referable", *(f"{lamp} of these" for lamp in LAMPS))
    return MeasuredTable(
        "Who is referred, read, taken again, or sent home", columns, by_source(graded, measure), "", ""
    )


def name_lamp(result: ScreeningResult) -> str:
    """Return which of `LAMPS` the page shows for one photograph."""
    if result.decision is None:
        return RETAKE
    if is_referred(result):
        return REFER
    return READ if needs_reader(result) else HOME


def print_table(table: MeasuredTable) -> None:
    """Print one table with aligned columns."""
    widths = [max(len(row[place]) for row in (table.columns, *table.rows)) for place in range(len(table.columns))]
    print(f"\n{table.title}")
    for row in (table.columns, *table.rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def main() -> None:
    """Measure one split, print the tables and write them if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_argument(parser)
    parser.add_argument(
        "--split", choices=("val", "test"), default="val", help="test is read once for a released model"
    )
    parser.add_argument("--write", action="store_true", help="put the tables into the model's folder")
    arguments = parser.parse_args()
    classifier = Classifier.load()
    if classifier.spec.side is None:
        parser.error("the released model has no outputs beside the grade")
    # Measured whether or not it met its goal; the app shows it only if it did.
    classifier.spec = replace(classifier.spec, side=replace(classifier.spec.side, oedema_validated=True))
    reads, failed = read_split(arguments.data, arguments.split, classifier)
    note = (
        f"Split {arguments.split}, {len(reads)} photographs, {failed} failed; shares with 95% intervals (Wilson), "
        f"AUROC with 95% bootstrap intervals. Thresholds were frozen on val."
    )
    command = f"python benchmarks/side_outputs.py --split {arguments.split}"
    for tabulate in (tabulate_lamps, tabulate_sets, tabulate_quality, tabulate_eye, tabulate_oedema):
        table = replace(tabulate(reads), note=note, command=command)
        print_table(table)
        if arguments.write:
            put_measurement(table, DEFAULT_MODEL_DIR)


if __name__ == "__main__":
    sys.exit(run_in_words(main))
