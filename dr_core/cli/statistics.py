"""``statistics``: aggregate a manifest and its photographs into the JSON that the Dataset page shows."""

import argparse
import time
from pathlib import Path

from dr_core.cli.output_file import check_place, check_suffix, refuse_foreign, try_writing
from dr_core.cli.progress_line import ProgressLine
from dr_core.domain.errors import ConfigurationError, StorageError
from dr_core.reports.dataset import read_statistics, write_statistics
from dr_core.screening.progress import BatchProgress

__all__ = ["NAME", "SUMMARY", "add_arguments", "run"]

NAME = "statistics"
SUMMARY = "Count grades, sizes, brightness, sharpness and duplicates of labelled photographs."
MAX_EARLIER_BYTES = 10_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="folder that holds manifest.csv")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="JSON file to write")


def run(arguments: argparse.Namespace) -> int:
    """Measure every photograph of the manifest and write the statistics.

    Raises:
        ConfigurationError: the data folder is incomplete, or the file would replace what is none of statistics.
        StorageError: the file could not be written.
    """
    from dr_core.training.statistics import measure_dataset  # pandas is of no use to other commands

    _check_output(arguments.out)
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


def _check_output(out: Path) -> None:
    """Refuse a place that cannot take the statistics, before the photographs are measured."""
    try:
        check_place(out, "JSON")
        check_suffix(out, (".json",))
        earlier = out.exists()
        size_bytes = out.stat().st_size if earlier else 0
    except OSError as error:
        raise ConfigurationError(
            f"--out cannot be used ({error.strerror}): check the path, or choose a shorter name."
        ) from error
    if earlier and size_bytes and not (size_bytes <= MAX_EARLIER_BYTES and _holds_statistics(out)):
        raise refuse_foreign(out, "statistics of a data folder")
    try_writing(out)


def _holds_statistics(path: Path) -> bool:
    try:
        read_statistics(path)
    except (ConfigurationError, StorageError):
        return False
    return True
