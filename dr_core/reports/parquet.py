"""The report as a Parquet file: columns and rows of the CSV, typed and compressed, for millions of photographs."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dr_core.reports.text_file import explain_refusal
from dr_core.screening.part_file import PartFile

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PARQUET_SUFFIX", "ParquetFile"]

PARQUET_SUFFIX = ".parquet"
ROWS_PER_GROUP = 20_000
_WHOLE = frozenset({"grade", "width", "height"})
_FLAGS = frozenset({"referable", "gradable", "needs_reader"})
_DECIMAL = frozenset({"quality_score", "unfamiliarity", "seconds"})
_DECIMAL_PREFIX = "p_"


class ParquetFile:
    """A Parquet file that grows under another name and takes its own when it is complete, as `CsvFile` does.

    Cells are given as the CSV's texts; an empty one becomes null, a number a number, ``yes`` true.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        """Open the file.

        Raises:
            StorageError: it cannot be written there.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._path = Path(os.path.realpath(path))
        self._schema = pa.schema([(column, _find_type(column)) for column in columns])
        self._rows: list[dict[str, Any]] = []
        try:
            self._part = PartFile(self._path)
        except OSError as error:
            raise explain_refusal(self._path, error) from error
        self._stream = os.fdopen(self._part.descriptor, "wb")
        self._writer = pq.ParquetWriter(self._stream, self._schema, compression="zstd")

    def __enter__(self) -> Self:
        """Return the file itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Put the complete file in its place, or clear away a part of one."""
        try:
            if kind is None:
                self._write_group()
                self._writer.close()
                self._stream.flush()
                os.fsync(self._stream.fileno())
                self._part.take_place()
        except OSError as failure:
            raise explain_refusal(self._path, failure) from failure
        finally:
            # On a full disk closing fails too, and the part is what takes the room.
            self._part.clear()
            for close in (self._writer.close, self._stream.close):
                with suppress(OSError):
                    close()

    def write_row(self, cells: Mapping[str, str]) -> None:
        """Take one row; `cells` holds a text for every column.

        Raises:
            StorageError: the disk refused.
        """
        self._rows.append({column: _parse_cell(column, cells[column]) for column in self._schema.names})
        if len(self._rows) >= ROWS_PER_GROUP:
            try:
                self._write_group()
            except OSError as error:
                raise explain_refusal(self._path, error) from error

    def _write_group(self) -> None:
        import pyarrow as pa

        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []


def _find_type(column: str) -> "pa.DataType":
    import pyarrow as pa

    if column in _WHOLE:
        return pa.int32()
    if column in _FLAGS:
        return pa.bool_()
    if column in _DECIMAL or column.startswith(_DECIMAL_PREFIX):
        return pa.float64()
    return pa.string()


def _parse_cell(column: str, text: str) -> str | int | float | bool | None:
    if not text:
        return None
    if column in _WHOLE:
        return int(text)
    if column in _FLAGS:
        return text == "yes"
    if column in _DECIMAL or column.startswith(_DECIMAL_PREFIX):
        return float(text)
    return text
