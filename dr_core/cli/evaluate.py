"""``evaluate``: measure the model on a split of labelled photographs, per source and pooled, and choose nothing."""

import argparse
import time
from pathlib import Path

from dr_core.cli.progress_line import ProgressLine
from dr_core.domain.results import ScreeningResult
from dr_core.model.classifier import Classifier
from dr_core.model.spec import DEFAULT_MODEL_DIR
from dr_core.reports.evaluation import SPLITS, format_counts, format_table, write_evaluation
from dr_core.screening.pipeline import screen_photograph
from dr_core.screening.progress import BatchProgress

__all__ = ["NAME", "SUMMARY", "add_arguments", "run"]

NAME = "evaluate"
SUMMARY = "Measure the model on labelled photographs, per source and pooled, with 95%% intervals."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="folder that holds manifest.csv")
    parser.add_argument("--model", type=Path, metavar="DIR", help="folder of the model (default: the released one)")
    parser.add_argument(
        "--split",
        choices=SPLITS,
        default=SPLITS[0],
        help="photographs to measure on (default: %(default)s, which is read once for each released model)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the JSON (default: the model's)")


def run(arguments: argparse.Namespace) -> int:
    """Screen the split, print the tables and write the record that the Model page shows.

    Raises:
        ConfigurationError: the data folder is incomplete.
        ModelError: the model is missing or altered.
        StorageError: the record could not be written.
    """
    from dr_core.training.evaluate import evaluate_model  # pandas and the metrics are of no use to other commands

    classifier = Classifier.load(arguments.model)
    line = ProgressLine()
    line.say(f"Evaluating {classifier.spec.label} on the split {arguments.split}")
    started = time.monotonic()

    def screen(data: bytes, name: str) -> ScreeningResult:
        return screen_photograph(data, name, classifier=classifier, grade_ungradable=True).result

    def show(done: int, total: int) -> None:
        line.show(BatchProgress(total=total, graded=done, elapsed_s=time.monotonic() - started))

    record = evaluate_model(arguments.data, classifier.spec, screen=screen, split=arguments.split, progress=show)
    path = write_evaluation(record, arguments.out or arguments.model or DEFAULT_MODEL_DIR)
    line.say(f"Done in {time.monotonic() - started:.0f} s, {record.seconds_per_photograph * 1000:.0f} ms a photograph")
    print(
        f"All photographs that have a prediction, 95% intervals of {record.bootstrap_resamples:,} resamples by patient:"
    )
    print(format_table(record))
    print("\nPhotographs that passed the quality gate:")
    print(format_table(record, gradable_only=True))
    print("\nCounts:")
    print(format_counts(record))
    line.say(f"Written to {path}")
    return 0
