"""``train``: learn a model from labelled photographs and write it as a release."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from dr_core.domain.errors import ConfigurationError

NAME = "train"
SUMMARY = "Train the grader on labelled photographs and write the model that is released."
DEFAULT_NAME = "retinadesk-v1"
WEIGHTS_FILE = "mobilenetv2_imagenet_notop.weights.h5"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv and the photographs")
    parser.add_argument("--out", type=Path, default=Path("models"), help="where the model is written (default: models)")
    parser.add_argument(
        "--run-dir",
        type=Path,
        default=Path.home() / ".cache" / "retinadesk" / "training",
        help="checkpoints and cached inputs; a run that was interrupted goes on from here",
    )
    parser.add_argument(
        "--weights", type=Path, help=f"start weights; by default ../weights/{WEIGHTS_FILE} beside the data"
    )
    parser.add_argument("--name", default=DEFAULT_NAME, help=f"name and version of the model (default: {DEFAULT_NAME})")


def run(arguments: argparse.Namespace) -> int:
    """Train, choose the operating point on val, and export."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    weights = arguments.weights or arguments.data / ".." / "weights" / WEIGHTS_FILE
    if not weights.is_file():
        raise ConfigurationError("The start weights are missing. Name them with --weights.")
    # TensorFlow takes seconds to load, and the other commands do without it.
    from dr_core.training.release import TrainingPaths, train_and_release

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    paths = TrainingPaths(arguments.data, weights, arguments.run_dir, arguments.out)
    spec_path = train_and_release(paths, name=arguments.name, say=say)
    shutil.copyfile(arguments.run_dir / "training_log.csv", arguments.out / "training_log.csv")
    print(f"Wrote {spec_path.name}. Next: python -m dr_core evaluate --data {arguments.data}")
    return 0
