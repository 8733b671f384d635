"""Evaluation records on disk, and as the table that MODEL_CARD.md quotes."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from dr_core.domain.errors import ConfigurationError, StorageError
from dr_core.domain.evaluation import POOLED, BaselineRecord, Estimate, EvaluationRecord, OperatingPoint, SliceMetrics
from dr_core.reports.dataclass_json import read_record, write_record

SPLITS = ("test", "val")
BASELINE_PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "notebook_baseline.json"
_MISSING = "n/a"


def name_evaluation(split: str) -> str:
    """Return the file name under which the record of one split stands in the model's folder."""
    return f"evaluation_{split}.json"


def write_evaluation(record: EvaluationRecord, folder: Path) -> Path:
    """Write a record into `folder` and return where.

    Raises:
        StorageError: the folder or the disk refused.
    """
    path = folder / name_evaluation(record.split)
    write_record(record, path)
    return path


def read_evaluations(folder: Path) -> tuple[EvaluationRecord, ...]:
    """Read the records that stand in `folder`, test before val; empty when none does.

    Raises:
        StorageError: a record cannot be read.
        ConfigurationError: a record was not written by this version.
    """
    paths = [folder / name_evaluation(split) for split in SPLITS]
    return tuple(read_record(EvaluationRecord, path) for path in paths if path.is_file())


def find_kept(folder: Path, split: str, counts: Mapping[str, int]) -> EvaluationRecord | None:
    """Return the record in `folder` that an evaluation of fewer or of other photographs would replace.

    Args:
        folder: of the model.
        split: that is to be measured.
        counts: labelled photographs of it, by source.

    Returns:
        The record, or None when there is none, when it cannot be read, or when `counts` holds at least as many
        photographs of each of its sources.
    """
    try:
        record = read_record(EvaluationRecord, folder / name_evaluation(split))
    except (ConfigurationError, StorageError):
        return None
    measured = [source for source in record.sources if source.source != POOLED]
    return None if all(counts.get(source.source, 0) >= source.n_labelled for source in measured) else record


def read_baseline(path: Path) -> BaselineRecord | None:
    """Read the notebook baseline's record; None when the benchmark was not run.

    Raises:
        StorageError: the record cannot be read.
        ConfigurationError: the record was not written by this version.
    """
    return read_record(BaselineRecord, path) if path.is_file() else None


def format_estimate(estimate: Estimate, *, digits: int = 3) -> str:
    """Format ``0.912 (0.890-0.931)``, the figure alone when it has no interval, or ``n/a``."""
    if estimate.value is None:
        return _MISSING
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.{digits}f}"
    return f"{estimate.value:.{digits}f} ({estimate.low:.{digits}f}-{estimate.high:.{digits}f})"


def format_table(record: EvaluationRecord, *, gradable_only: bool = False) -> str:
    """Format the figures as a Markdown table, one row a source.

    Args:
        record: what the evaluation measured.
        gradable_only: figures over the photographs that passed the quality gate, instead of all with a prediction.
    """
    header = (
        "source", "n", "accuracy", "QWK", "AUC rDR", "sens. rDR", "spec. rDR", "AUC vtDR", "sens. vtDR", "spec. vtDR",
        "ECE >=1", "ECE >=2", "ECE >=3",
    )  # fmt: skip
    rows: list[tuple[str, ...]] = [header]
    for source in record.sources:
        metrics = source.gradable if gradable_only else source.everything
        if metrics is not None:
            rows.append((source.source, str(metrics.n), *_figures(metrics)))
    return _format_rows(rows)


def format_counts(record: EvaluationRecord) -> str:
    """Format how many photographs each source has, and how many were refused or failed, as a Markdown table."""
    header = ("source", "labelled", "gradable", "ungradable", "failed", "accuracy, failed = wrong")
    rows: list[tuple[str, ...]] = [header]
    for source in record.sources:
        counts = (source.n_labelled, source.n_gradable, source.n_ungradable, source.n_failed)
        rows.append((source.source, *map(str, counts), f"{source.accuracy_failed_as_wrong:.3f}"))
    return _format_rows(rows)


def _figures(metrics: SliceMetrics) -> Iterator[str]:
    yield format_estimate(metrics.accuracy)
    yield format_estimate(metrics.kappa)
    for boundary in (2, 3):
        at = metrics.at_boundary(boundary)
        yield format_estimate(at.auc)
        yield from _rates(at.operating_point)
    for boundary in (1, 2, 3):
        yield format_estimate(metrics.at_boundary(boundary).calibration_error)


def _rates(point: OperatingPoint | None) -> tuple[str, str]:
    if point is None:
        return _MISSING, _MISSING
    return format_estimate(point.sensitivity), format_estimate(point.specificity)


def _format_rows(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], rule, *lines[1:]])
