"""Tells a report that `grade` wrote from every other file, by its columns, so that it replaces nothing else."""

from pathlib import Path
from typing import BinaryIO

from dr_core.reports.csv import CSV_COLUMNS, DETAIL_COLUMNS
from dr_core.reports.fhir import FHIR_LINE_START, FHIR_READING_MARK
from dr_core.reports.fhir_resources import OUR_CODES
from dr_core.reports.overlay_archive import INDEX_COLUMNS

__all__ = ["holds_fhir", "holds_index", "holds_report"]

# What the command line writes. A report with readers' columns comes from the Batch page, and holds their work.
REPLACED = (CSV_COLUMNS, (*CSV_COLUMNS, *DETAIL_COLUMNS))
HEAD_BYTES = 4096
SCANNED_BYTES = 1 << 20
_PARQUET_MAGIC = b"PAR1"


def holds_report(path: Path) -> bool:
    """Whether a file is a report of `grade`, CSV or Parquet whatever its name says, or empty.

    Raises:
        OSError: the file cannot be read.
    """
    head = _read_head(path)
    if head.startswith(_PARQUET_MAGIC):
        return _read_parquet_columns(path) in REPLACED
    return not head or _read_title(head) in map(",".join, REPLACED)


def holds_index(path: Path) -> bool:
    """Whether a file is the index of a folder of overlays, or empty.

    Raises:
        OSError: the file cannot be read.
    """
    head = _read_head(path)
    return not head or _read_title(head) == ",".join(INDEX_COLUMNS)


def holds_fhir(path: Path) -> bool:
    """Whether a file is the FHIR of a batch as `grade` writes it, without any reader's grade, or empty.

    Raises:
        OSError: the file cannot be read.
    """
    start = FHIR_LINE_START.encode("ascii")
    with path.open("rb") as stream:
        head = stream.read(SCANNED_BYTES)
        if not head:
            return True
        # The first line is much shorter than that, and names our codes.
        if not head.startswith(start) or OUR_CODES.encode("ascii") not in head:
            return False
        stream.seek(0)
        return not _holds(stream, FHIR_READING_MARK.encode("ascii"))


def _holds(stream: BinaryIO, words: bytes) -> bool:
    """Whether `words` stand in the rest of a file, of which no more than a piece is read at a time."""
    tail = b""
    while piece := stream.read(SCANNED_BYTES):
        if words in tail + piece:
            return True
        tail = piece[-len(words) :]
    return False


def _read_head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(HEAD_BYTES)


def _read_title(head: bytes) -> str:
    return head.partition(b"\n")[0].rstrip(b"\r").decode("utf-8", "replace")


def _read_parquet_columns(path: Path) -> tuple[str, ...]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return tuple(pq.read_schema(path).names)
    except (OSError, ValueError, pa.ArrowException):  # no Parquet behind the first bytes
        return ()
