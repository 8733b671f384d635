"""``calibrate``: a clinic's graded photographs in, its own operating point out, with what it is worth there."""

import argparse
import os
import shlex
import stat
import sys
from dataclasses import replace
from pathlib import Path

from dr_core.cli.progress_line import ProgressLine
from dr_core.domain.errors import ConfigurationError
from dr_core.model.calibration import REFERABLE_FROM
from dr_core.model.classifier import Classifier
from dr_core.reports.local_calibration import describe_left_out, format_summary
from dr_core.reports.operating_point import (
    DEFAULT_NAME,
    check_name,
    check_output,
    make_operating_point,
    write_operating_point,
)
from dr_core.screening.clinic_sample import screen_clinic
from dr_core.screening.folder import find_photographs
from dr_core.screening.graded_list import MAX_BYTES, GradedList, parse_graded_list
from dr_core.screening.graded_photographs import match_photographs
from dr_core.screening.local_calibration import DEFAULT_SENSITIVITY, calibrate_locally, check_sample
from dr_core.screening.progress import BatchProgress
from dr_core.screening.sources import BatchInput, DiskPhotograph, format_name

__all__ = ["NAME", "SUMMARY", "add_arguments", "run"]

NAME = "calibrate"
SUMMARY = "Find a clinic's own calibration and threshold on its graded photographs, and measure it there."
EXIT_DONE, EXIT_INTERRUPTED = 0, 130
GRADED_HELP = (
    "CSV with the columns file and grade (the readers', 0 to 4, or U for ungradable); 100 to 200 photographs, of one "
    "eye of each patient at best"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("--graded", required=True, type=Path, metavar="FILE", help=GRADED_HELP)
    parser.add_argument(
        "--images",
        required=True,
        type=Path,
        metavar="DIR",
        help="folder that holds the photographs, or its subfolders do",
    )
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="DIR_OR_FILE",
        help="folder that gets the operating point as the next version of its name, or a .json file",
    )
    parser.add_argument(
        "--name",
        default=DEFAULT_NAME,
        help='under which results quote it (default: "%(default)s"); say site and camera',
    )
    parser.add_argument(
        "--sensitivity",
        type=float,
        default=DEFAULT_SENSITIVITY,
        metavar="SHARE",
        help="wanted for referable DR, 0.5 to 0.99 (default: %(default).2f)",
    )
    parser.add_argument("--model", type=Path, metavar="DIR", help="folder of the model (default: the released one)")


def run(arguments: argparse.Namespace) -> int:
    """Screen the graded photographs, choose and measure the operating point, and write it.

    Raises:
        ConfigurationError: the list or the photographs do not do; nothing is written.
        ModelError: the model is missing or altered.
        StorageError: the file could not be written.
    """
    line = ProgressLine(sys.stderr)
    check_name(arguments.name)
    check_output(arguments.out, arguments.name)
    graded = parse_graded_list(_read_list(arguments.graded))
    # Before the work, so that a clinic with too few photographs need not wait to hear it.
    check_sample(graded.grades, arguments.sensitivity)
    photographs = match_photographs(graded, _find_photographs(arguments.images).photographs)
    classifier = Classifier.load(arguments.model)
    line.say(_describe_start(graded, classifier))
    shown = BatchProgress(total=len(photographs))

    def show(progress: BatchProgress) -> None:
        nonlocal shown
        shown = progress
        line.show(progress)

    try:
        sample = screen_clinic(photographs, classifier, progress=show)
    except KeyboardInterrupt:
        line.say(f"Stopped: {shown.text}. No operating point was written.")
        return EXIT_INTERRUPTED
    line.say(f"{shown.done:,} photographs screened. {describe_left_out(sample, graded.ungraded)}".rstrip())
    calibration = calibrate_locally(
        sample.probabilities,
        sample.grades,
        wanted_sensitivity=arguments.sensitivity,
        released_threshold=sample.released_threshold,
    )
    point = make_operating_point(calibration, arguments.name, sample.model_sha256)
    written, path = write_operating_point(point, arguments.out)
    print(format_summary(calibration, sample, written))
    print(f"\nWritten to {path}. Use it: RETINADESK_OPERATING_POINT={shlex.quote(str(path.resolve()))} make run")
    print(f"or: python -m dr_core grade PATH... --out report.csv --operating-point {shlex.quote(str(path))}")
    return EXIT_DONE


def _read_list(path: Path) -> bytes:
    try:
        # Not waited for, should it be a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise ConfigurationError("--graded is a pipe or a device: name the CSV file.")
            # One byte more than the limit, so that the list is refused by its size.
            return stream.read(MAX_BYTES + 1) or b""
    except OSError as error:
        raise ConfigurationError(
            f"The list of --graded could not be read ({error.strerror}): check the path."
        ) from error


def _find_photographs(folder: Path) -> BatchInput:
    """Return the photographs of `folder`, named as they lie in it."""
    if not folder.is_dir():
        raise ConfigurationError("--images is no folder: name the folder that holds the photographs.")
    found = find_photographs([str(folder)])
    prefix = f"{format_name(str(folder)).rstrip('/')}/"
    return BatchInput(
        tuple(
            replace(source, name=source.name.removeprefix(prefix)) if isinstance(source, DiskPhotograph) else source
            for source in found.photographs
        )
    )


def _describe_start(graded: GradedList, classifier: Classifier) -> str:
    referable = int((graded.grades >= REFERABLE_FROM).sum())
    return (
        f"{len(graded.rows):,} photographs with a reader's grade, {referable:,} of them referable. "
        f"Model: {classifier.spec.label}. Ctrl+C stops; nothing is written until the end."
    )
