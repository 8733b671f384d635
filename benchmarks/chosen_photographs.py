"""Which photographs a benchmark looks at: folder, splits, sources and a limit, drawn evenly and always the same."""

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from dr_core.domain.errors import ConfigurationError, DRError
from dr_core.training.dataset import LabelledPhotograph, read_manifest

SEED = 0
DATA_VARIABLE = "RETINADESK_DATA"
BESIDE = "../shared/data"


def add_data_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--data DIR``; by default the folder that the app and the tests use, too."""
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get(DATA_VARIABLE) or BESIDE),
        metavar="DIR",
        help=f"holds manifest.csv (default: what {DATA_VARIABLE} names, or else {BESIDE})",
    )


def run_in_words(main: Callable[[], int | None]) -> int | str | None:
    """Run a benchmark; where there is no data it ends with a sentence for `sys.exit` instead of a traceback."""
    try:
        return main()
    except DRError as error:
        return str(error)


def choose_photographs(
    data_dir: Path, splits: Sequence[str], *, limit: int | None = None, graded: bool = True
) -> dict[str, list[LabelledPhotograph]]:
    """Return photographs by source, in the manifest's order.

    Args:
        data_dir: holds ``manifest.csv``.
        splits: train, val, test, excluded.
        limit: at most so many of each source, drawn at random; all by default.
        graded: leave out photographs without a reader's grade.

    Raises:
        ConfigurationError: no manifest, or no photograph in these splits.
    """
    by_source: dict[str, list[LabelledPhotograph]] = {}
    for row in read_manifest(data_dir):
        if row.split in splits and not (graded and row.grade is None):
            by_source.setdefault(row.source, []).append(row)
    if not by_source:
        raise ConfigurationError(f"No photographs in the splits {', '.join(splits)}. Choose train, val or test.")
    if limit is not None:
        random = np.random.default_rng(SEED)
        for source, rows in by_source.items():
            by_source[source] = [rows[pick] for pick in sorted(random.permutation(len(rows))[:limit])]
    return by_source
