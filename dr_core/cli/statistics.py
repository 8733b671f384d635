"""``statistics``: aggregate a manifest and its photographs into the JSON that the Dataset page shows."""

import argparse
import time
from pathlib import Path

from dr_core.cli.progress_line import ProgressLine
from dr_core.reports.dataset import write_statistics
from dr_core.screening.progress import BatchProgress

__all__ = ["NAME", "SUMMARY", "add_arguments", "run"]

NAME = "statistics"
SUMMARY = "Count grades, sizes, brightness, sharpness and duplicates of labelled photographs."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="folder that holds manifest.csv")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="JSON file to write")


def run(arguments: argparse.Namespace) -> int:
    """Measure every photograph of the manifest and write the statistics.

    Raises:
        ConfigurationError: the data folder is incomplete.
        StorageError: the file could not be written.
    """
    from dr_core.training.statistics import measure_dataset  # pandas is of no use to other commands

    line = ProgressLine()
    started = time.monotonic()

    def show(done: int, total: int) -> None:
        line.show(BatchProgress(total=total, graded=done, elapsed_s=time.monotonic() - started))

    statistics = measure_dataset(arguments.data, progress=show)
    write_statistics(statistics, arguments.out)
    line.say(
        f"{statistics.n_photographs:,} photographs of {len(statistics.sources)} sources in "
        f"{time.monotonic() - started:.0f} s, written to {arguments.out}"
    )
    return 0
