"""Which photographs a benchmark looks at: splits, sources and a limit, drawn evenly and always the same."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dr_core.domain.errors import ConfigurationError
from dr_core.training.dataset import LabelledPhotograph, read_manifest

SEED = 0


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
