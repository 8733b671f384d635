"""The report as a Parquet file: columns and rows of the CSV, typed and compressed, for millions of photographs."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dr_core.reports.report_file import ReportFile

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PARQUET_SUFFIX", "ParquetFile"]

PARQUET_SUFFIX = ".parquet"
ROWS_PER_GROUP = 20_000
_WHOLE = frozenset({"grade", "width", "height"})
_FLAGS = frozenset({"referable", "gradable", "needs_reader"})
_DECIMAL = frozenset({"quality_score", "unfamiliarity", "seconds"})
_DECIMAL_PREFIX = "p_"


class ParquetFile(ReportFile):
    """A Parquet file that grows under another name and takes its own when it is complete; see `ReportFile`.

    Cells are given as the CSV's texts; an empty one becomes null, a number a number, ``yes`` true.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        """Open the file.

        Raises:
            StorageError: it cannot be written there.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        super().__init__(path)
        self._schema = pa.schema([(column, _find_type(column)) for column in columns])
        self._rows: list[dict[str, Any]] = []
        self._writer = pq.ParquetWriter(self._stream, self._schema, compression="zstd")

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
                raise self._explain(error) from error

    def _complete(self) -> None:
        self._write_group()
        self._writer.close()

    def _close(self) -> None:
        with suppress(OSError):
            self._writer.close()
        super()._close()

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
