"""``train``: learn a model from labelled photographs and write it as a release."""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from dr_core.domain.errors import ConfigurationError
from dr_core.imaging.preprocess import PREPROCESSING_VERSION
from dr_core.reports.wording import clean_text
from dr_core.training.plan import ENGINES, KERAS, Plan

NAME = "train"
SUMMARY = "Train the grader on labelled photographs and write the model that is released."
DEFAULT_NAME = "retinadesk-v7"
WEIGHTS_FILE = "mobilenetv2_imagenet_notop.weights.h5"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv and the photographs")
    parser.add_argument("--out", type=Path, default=Path("models"), help="where the model is written (default: models)")
    parser.add_argument(
        "--run-dir",
        type=Path,
        help="checkpoint and cached inputs; a run that was interrupted goes on from here (default: "
        "~/.cache/retinadesk/training)",
    )
    starts = parser.add_mutually_exclusive_group()
    starts.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help=f"start from MobileNetV2's weights; by default ../weights/{WEIGHTS_FILE} beside the data",
    )
    starts.add_argument("--start", type=Path, metavar="MODEL.keras", help="start from an earlier release instead")
    parser.add_argument(
        "--start-share",
        type=_parse_share,
        default=0.0,
        metavar="SHARE",
        help="of an earlier release's weights in the mean that is released, below 1 (default: %(default)s)",
    )
    parser.add_argument(
        "--teacher", type=Path, metavar="MODEL.keras", help="also learn the answers of an earlier release"
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default=KERAS,
        help="torch is faster on a CPU and needs requirements-train.txt (default: %(default)s)",
    )
    parser.add_argument(
        "--heads-only",
        action="store_true",
        help="leave the network of --start as it is, and fit all beside the grade anew: minutes instead of hours",
    )
    parser.add_argument("--name", default=DEFAULT_NAME, help=f"name and version of the model (default: {DEFAULT_NAME})")


def run(arguments: argparse.Namespace) -> int:
    """Train, choose the operating point on val, and export."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if arguments.heads_only and arguments.start is None:
        raise ConfigurationError("--heads-only needs --start: name the .keras file of the release to fit heads for.")
    if arguments.start_share and arguments.start is None:
        raise ConfigurationError("--start-share needs --start: a backbone without a head has nothing to keep.")
    start, run_dir = _find_start(arguments), _find_run_dir(arguments.run_dir)
    # TensorFlow takes seconds to load, and the other commands do without it.
    from dr_core.training.refit import refit_heads
    from dr_core.training.release import TrainingJob, train_and_release

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    teacher = _check_teacher(arguments.teacher) if arguments.teacher is not None else None
    plan = Plan(
        engine=arguments.engine,
        start=start.name,
        start_share=arguments.start_share,
        teacher=teacher.name if teacher else "",
    )
    job = TrainingJob(arguments.data, start, run_dir, arguments.out, plan, teacher)
    if arguments.heads_only:
        spec_path = refit_heads(job, name=arguments.name, say=say)
    else:
        spec_path = train_and_release(job, name=arguments.name, say=say)
        shutil.copyfile(run_dir / "training_log.csv", arguments.out / "training_log.csv")
    print(f"Wrote {spec_path.name}. Next: python -m dr_core evaluate --data {arguments.data}")
    return 0


def _parse_share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share < 1.0:
        raise argparse.ArgumentTypeError(f"must be a share from 0 to below 1. Received: {text}")
    return share


def _find_run_dir(named: Path | None) -> Path:
    if named is not None:
        return named
    try:
        return Path.home() / ".cache" / "retinadesk" / "training"
    except RuntimeError as error:
        raise ConfigurationError(
            "This account has no home folder for the run's checkpoint: name a folder with --run-dir."
        ) from error


def _find_start(arguments: argparse.Namespace) -> Path:
    if arguments.start is not None:
        return _check_release(arguments.start, "--start")
    weights: Path = arguments.weights or arguments.data / ".." / "weights" / WEIGHTS_FILE
    if not _is_file(weights):
        raise ConfigurationError("The start weights are missing. Name them with --weights.")
    return weights


def _check_release(path: Path, option: str) -> Path:
    if path.suffix != ".keras" or not _is_file(path):
        raise ConfigurationError(
            f"{clean_text(path.name)} is no .keras file. Name that of an earlier release with {option}."
        )
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for this system
        return False


def _check_teacher(path: Path) -> Path:
    """Refuse a teacher whose photographs were prepared in another way: its answers would be wrong, and learned."""
    teacher, spec = _check_release(path, "--teacher"), path.with_suffix(".model.json")
    if _is_file(spec):
        prepared = _read_preprocessing(spec)
        if prepared != PREPROCESSING_VERSION:
            raise ConfigurationError(
                f"{path.name} was made for photographs prepared as {clean_text(prepared)}, and this version prepares "
                f"them as {PREPROCESSING_VERSION}. Leave --teacher out, or name a release of this version."
            )
    return teacher


def _read_preprocessing(spec: Path) -> str:
    try:
        return str(json.loads(spec.read_text(encoding="utf-8"))["input"]["preprocessing"])
    except (LookupError, OSError, RecursionError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{spec.name} does not say how photographs were prepared for the release of --teacher: restore it as it "
            "was released, or leave --teacher out."
        ) from error
