"""Tables that benchmarks measured beside the evaluation: one file in the model's folder, which the Model page shows.

Each benchmark puts its own table there and leaves the others alone. Cells are text, formatted by who measured, so that
a figure can stand with its interval and a missing one says why it is missing.
"""

from dataclasses import dataclass
from pathlib import Path

from dr_core.reports.dataclass_json import read_record, write_record

__all__ = ["MEASUREMENTS_NAME", "MeasuredTable", "put_measurement", "read_measurements"]

MEASUREMENTS_NAME = "measurements.json"


@dataclass(frozen=True)
class MeasuredTable:
    """One table as a reader sees it.

    Attributes:
        title: what was measured; unique in the file.
        columns: headings, the first one over the names of the rows.
        rows: one text for each column.
        note: on which photographs, and what the figures do not say.
        command: prints the table again, as typed.

    Raises:
        ValueError: two columns have one heading, or a row has not one cell for each column.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str
    command: str

    def __post_init__(self) -> None:
        """Check the shape: a row that slipped would put figures under the wrong heading."""
        if len(set(self.columns)) != len(self.columns):
            raise ValueError(f"columns need different headings in {self.title!r}. Received: {self.columns}")
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"each row needs {len(self.columns)} cells in {self.title!r}. Received: {len(row)}")


@dataclass(frozen=True)
class _Measurements:
    tables: tuple[MeasuredTable, ...]


def read_measurements(folder: Path) -> tuple[MeasuredTable, ...]:
    """Read the tables that stand in the model's folder, in the order in which they were first put there.

    Raises:
        StorageError: the file cannot be read.
        ConfigurationError: the file was not written by this version.
    """
    path = folder / MEASUREMENTS_NAME
    return read_record(_Measurements, path).tables if path.is_file() else ()


def put_measurement(table: MeasuredTable, folder: Path) -> Path:
    """Write `table` into the model's folder, in the place of an older one of its title, and return the file's path.

    Raises:
        StorageError: the folder or the disk refused.
        ConfigurationError: the file that stands there was not written by this version.
    """
    tables = {known.title: known for known in read_measurements(folder)} | {table.title: table}
    path = folder / MEASUREMENTS_NAME
    write_record(_Measurements(tuple(tables.values())), path)
    return path
