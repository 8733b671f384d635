"""``grade``: photographs in, one row of the report for each out; the same pipeline as the pages."""

import argparse
import os
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from dr_core.cli.grading_paths import check_fhir, check_heatmaps, check_output, find_problem
from dr_core.cli.grading_run import Engine, GradingPlan, GradingRun
from dr_core.cli.progress_line import ProgressLine
from dr_core.domain.errors import ConfigurationError, StorageError
from dr_core.model.classifier import Classifier
from dr_core.reports.operating_point import read_operating_point
from dr_core.reports.wording import clean_text
from dr_core.screening.batch import screen_batch
from dr_core.screening.cluster import RayCluster
from dr_core.screening.cluster_session import THIS_COMPUTER
from dr_core.screening.cluster_worker import pack_job
from dr_core.screening.journal import Journal, describe_setup
from dr_core.screening.keepsakes import PictureFolder
from dr_core.screening.object_storage import count_named_twice, find_stored_photographs, is_address
from dr_core.screening.part_file import PART_SUFFIX
from dr_core.screening.sources import BatchInput
from dr_core.settings import load_settings

__all__ = ["NAME", "SUMMARY", "add_arguments", "run"]

NAME = "grade"
SUMMARY = "Grade photographs and folders of photographs, and write one row of the report for each."
JOURNAL_SUFFIX = ".journal"
PATH_HELP = (
    "photograph, or folder to search with its subfolders: image files get a row each (those that are not JPEG, PNG, "
    "TIFF or DICOM a failed one), files without extension are looked into, other files and linked folders are only "
    "counted; or the address of either in object storage (s3://, gs://, abfs://)"
)
ENGINES = ("local", "ray")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help=PATH_HELP)
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="report to write: .csv, or .parquet")
    parser.add_argument(
        "--heatmaps", type=Path, metavar="DIR", help="also write heatmap overlays into this folder, with an index.csv"
    )
    parser.add_argument(
        "--fhir",
        type=Path,
        metavar="FILE",
        help="also write FHIR R4 into this file (.ndjson): a bundle a line for each photograph, in the report's order, "
        "without the patient",
    )
    parser.add_argument("--resume", action="store_true", help="go on where an interrupted run with this --out stopped")
    parser.add_argument(
        "--grade-ungradable",
        action="store_true",
        help="fill the probabilities of ungradable photographs as well (for research); they still get no grade",
    )
    parser.add_argument(
        "--details",
        action="store_true",
        help="append columns to the report: likely grades, reasons to have it read, the eye that is seen, and others",
    )
    parser.add_argument(
        "--operating-point", type=Path, metavar="FILE", help="the clinic's own operating point, made by calibrate"
    )
    parser.add_argument(
        "--engine", choices=ENGINES, default="local", help="local: this computer alone; ray: a Ray cluster"
    )
    parser.add_argument(
        "--address",
        metavar="ADDR",
        help="where the Ray cluster is: HOST:PORT of its head node, or auto on one of its nodes (default: Ray is "
        "started on this computer alone, for the time of the run)",
    )
    parser.add_argument("--model", type=Path, metavar="DIR", help="folder of the model (default: the released one)")


def run(arguments: argparse.Namespace) -> int:
    """Grade everything; return 0 when every input has its row.

    Raises:
        ConfigurationError: a path or an option cannot be used.
        ModelError: the model is missing or altered; nothing is graded.
        StorageError: the disk refused in the course of the work.
    """
    line = ProgressLine(sys.stderr)
    out: Path = arguments.out
    # As on the pages: a clinic that has set its operating point is not graded at another without knowing.
    point_path: Path | None = arguments.operating_point or load_settings().operating_point
    _check_engine(arguments)
    real_out = os.path.realpath(out)
    journal_path = Path(real_out + JOURNAL_SUFFIX)
    try:
        check_output(out, arguments.paths, point_path)
        check_heatmaps(arguments.heatmaps, arguments.paths)
        check_fhir(arguments.fhir, out, arguments.paths)
        unfinished = journal_path.exists()  # has a longer name than the report, which the system may refuse
    except OSError as error:
        raise ConfigurationError(
            f"A path cannot be used ({error.strerror}): check --out, --heatmaps and --fhir, or choose shorter names."
        ) from error
    _check_inputs(arguments.paths, line)
    point = None if point_path is None else read_operating_point(point_path)
    classifier = Classifier.load(arguments.model, operating_point=point)
    own_files = [real_out, real_out + PART_SUFFIX, str(journal_path)]
    if arguments.heatmaps is not None:
        own_files.append(str(arguments.heatmaps))
    if arguments.fhir is not None:
        real_fhir = os.path.realpath(arguments.fhir)
        own_files += [real_fhir, real_fhir + PART_SUFFIX]
    with ExitStack() as stack:
        screen: Engine = screen_batch
        cluster: RayCluster | None = None
        if arguments.engine == "ray":
            cluster = stack.enter_context(RayCluster(arguments.address or THIS_COMPUTER))
            job = pack_job(classifier, grade_ungradable=arguments.grade_ungradable)
            screen = partial(cluster.screen, job=job)
            line.say(f"Ray: {cluster.describe()}.")
        batch = find_stored_photographs(arguments.paths, exclude=own_files)
        plan = GradingPlan(batch, classifier, screen, arguments.grade_ungradable, arguments.details, arguments.fhir)
        setup = describe_setup(plan.classifier, grade_ungradable=plan.grade_ungradable)
        try:
            pictures = PictureFolder(arguments.heatmaps) if arguments.heatmaps is not None else None
            journal = Journal(journal_path, setup, resume=arguments.resume)
        except StorageError as error:
            # Nothing has been graded yet, so this is a wrong argument rather than a failure on the way.
            raise ConfigurationError(str(error)) from error
        line.say(f"{_describe_batch(batch, count_named_twice(arguments.paths))} Model: {classifier.spec.label}.")
        if point is not None:
            line.say(f"Operating point: {clean_text(point.label)}.")
        line.say(_describe_start(journal, resume=arguments.resume, unfinished=unfinished))
        status = GradingRun(plan, journal, pictures=pictures, line=line).write_report(out)
        if cluster is not None and cluster.graded_here:
            line.say(f"Not reached by the cluster, graded by this computer: {cluster.graded_here:,}.")
    return status


def _check_engine(arguments: argparse.Namespace) -> None:
    if arguments.engine == "ray" and arguments.heatmaps is not None:
        raise ConfigurationError("--heatmaps are drawn by the local engine alone: leave --engine or --heatmaps out.")
    if arguments.engine != "ray" and arguments.address is not None:
        raise ConfigurationError("--address says where a Ray cluster is: add --engine ray.")


def _check_inputs(paths: list[str], line: ProgressLine) -> None:
    problems = [problem for path in paths if not is_address(path) and (problem := find_problem(path))]
    if len(problems) == len(paths):
        raise ConfigurationError(" ".join(problems))
    for problem in problems:
        line.say(f"{problem} Its row in the report says failed.")


def _describe_batch(batch: BatchInput, named_twice: int) -> str:
    count = len(batch.photographs)
    parts = [f"{count:,} photograph{'' if count == 1 else 's'} found."]
    if named_twice:
        parts.append(f"Named twice, graded once: {named_twice:,}.")
    if batch.other_files:
        parts.append(f"Other files, not graded: {batch.other_files:,}.")
    if batch.linked_folders:
        parts.append(f"Linked folders, not followed (name them to grade them): {batch.linked_folders:,}.")
    if not count:
        parts.append("The report will be empty: name photographs, or a folder that holds some.")
    return " ".join(parts)


def _describe_start(journal: Journal, *, resume: bool, unfinished: bool) -> str:
    if resume and journal.recorded:
        return f"Going on: {journal.recorded:,} are done already."
    if resume:
        return "There is nothing to go on with: starting from the first photograph."
    if unfinished:
        return "An unfinished run of this report is dropped (--resume would have gone on with it)."
    return "Ctrl+C stops; --resume goes on."
