"""``evaluate``: measure the model on a split of labelled photographs, per source and pooled, and choose nothing."""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

from dr_core.cli.output_file import try_writing
from dr_core.cli.progress_line import ProgressLine
from dr_core.domain.errors import ConfigurationError
from dr_core.domain.evaluation import POOLED
from dr_core.domain.results import ScreeningResult
from dr_core.model.classifier import Classifier
from dr_core.model.spec import DEFAULT_MODEL_DIR
from dr_core.reports.evaluation import SPLITS, find_kept, format_counts, format_table, name_evaluation, write_evaluation
from dr_core.screening.pipeline import screen_photograph
from dr_core.screening.progress import BatchProgress

__all__ = ["NAME", "SUMMARY", "add_arguments", "run"]

NAME = "evaluate"
SUMMARY = "Measure the model on labelled photographs, per source and pooled, with 95% intervals."
OUT_HELP = (
    "folder for the JSON (default: the model's, where the Model page finds it; an evaluation of more or of other "
    "photographs stays there until this names the folder)"
)


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
    parser.add_argument("--out", type=Path, metavar="DIR", help=OUT_HELP)


def run(arguments: argparse.Namespace) -> int:
    """Screen the split, print the tables and write the record that the Model page shows.

    Raises:
        ConfigurationError: the data folder is incomplete, or the record cannot be written or would replace one of more
            photographs.
        ModelError: the model is missing or altered.
        StorageError: the record could not be written.
    """
    # pandas and the metrics are of no use to other commands
    from dr_core.training.evaluate import count_labelled, evaluate_model

    classifier = Classifier.load(arguments.model)
    folder: Path = arguments.out or arguments.model or DEFAULT_MODEL_DIR
    try_writing(folder / name_evaluation(arguments.split))
    if arguments.out is None:
        _check_replaced(folder, arguments.split, count_labelled(arguments.data, arguments.split))
    line = ProgressLine()
    line.say(f"Evaluating {classifier.spec.label} on the split {arguments.split}")
    started = time.monotonic()

    def screen(data: bytes, name: str) -> ScreeningResult:
        return screen_photograph(data, name, classifier=classifier, grade_ungradable=True).result

    def show(done: int, total: int) -> None:
        line.show(BatchProgress(total=total, graded=done, elapsed_s=time.monotonic() - started))

    record = evaluate_model(arguments.data, classifier.spec, screen=screen, split=arguments.split, progress=show)
    path = write_evaluation(record, folder)
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


def _check_replaced(folder: Path, split: str, counts: Mapping[str, int]) -> None:
    """Refuse to replace the model's evaluation, which the Model page shows, by one of fewer or other photographs."""
    kept = find_kept(folder, split, counts)
    if kept is not None:
        total = sum(source.n_labelled for source in kept.sources if source.source != POOLED)
        raise ConfigurationError(
            f"The model's folder holds an evaluation of {total:,} photographs, and this data folder does not have as "
            f"many of each source of theirs: name a folder for the new one with --out, which may be the model's."
        )
