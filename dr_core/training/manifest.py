"""Reads ``manifest.csv``, strictly: a line that is torn or off the scale is named, and nothing is measured or learned.

What the columns mean stands in docs/data.md. A photograph with another one's grade, or with a grade that does not
exist, would enter every figure without a word.
"""

import csv
import io
import math
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.grades import GRADE_COUNT

__all__ = ["MANIFEST_NAME", "SPLITS", "ManifestLine", "is_there", "leads_out", "quote_cell", "read_lines"]

MANIFEST_NAME = "manifest.csv"
SPLITS = ("train", "val", "test", "excluded")
MAX_QUOTED = 60
_NEEDED = ("image_id", "path", "source")
_DESCRIBED = "docs/data.md describes the columns."


@dataclass(frozen=True)
class ManifestLine:
    """One photograph's line, as texts.

    Attributes:
        number: of the line in the file, from 1.
        cells: by column.
    """

    number: int
    cells: dict[str, str]

    def read_whole(self, column: str, count: int) -> int | None:
        """Return a whole number from 0 to below `count`, which may be written ``2.0``; None where the cell is empty.

        Raises:
            ConfigurationError: the cell holds something else.
        """
        if not self.cells[column]:
            return None
        number = _parse_number(self.cells[column])
        if not (number.is_integer() and 0 <= number < count):
            raise self._refuse(column, f"write a whole number from 0 to {count - 1}, or leave it empty")
        return int(number)

    def read_number(self, column: str) -> float | None:
        """Return a number; None where the cell is empty.

        Raises:
            ConfigurationError: the cell holds something else, or no finite number.
        """
        if not self.cells[column]:
            return None
        number = _parse_number(self.cells[column])
        if not math.isfinite(number):
            raise self._refuse(column, "write a number, or leave it empty")
        return number

    def read_choice(self, column: str, allowed: Collection[str]) -> str:
        """Return one of a few texts.

        Raises:
            ConfigurationError: the cell holds none of them.
        """
        if self.cells[column] not in allowed:
            raise self._refuse(column, f"write one of {', '.join(allowed)}")
        return self.cells[column]

    def _refuse(self, column: str, remedy: str) -> ConfigurationError:
        return ConfigurationError(
            f"Line {self.number} of {MANIFEST_NAME} has {quote_cell(self.cells[column])} in the column {column}: "
            f"{remedy}. {_DESCRIBED}"
        )


def read_lines(data_dir: Path, columns: Sequence[str]) -> list[ManifestLine]:
    """Read the lines of a data folder's manifest; each has a photograph, a grade on the scale or none, and a split.

    Args:
        data_dir: folder of the manifest.
        columns: that it must have, `path`, `grade` and `split` among them; it may have more.

    Raises:
        ConfigurationError: there is no manifest, or it is not as docs/data.md describes it; the message has the remedy.
    """
    reader = csv.DictReader(io.StringIO(_read_text(data_dir), newline=""))
    lines: list[ManifestLine] = []
    try:
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise ConfigurationError(f"{MANIFEST_NAME} lacks the columns {', '.join(missing)}: {_DESCRIBED}")
        seen: dict[str, int] = {}
        for cells in reader:
            # Of a short line the missing cells are None, of a long one the surplus stands under None.
            if None in cells or None in cells.values():
                raise ConfigurationError(
                    f"Line {reader.line_num} of {MANIFEST_NAME} has more or fewer cells than the first line has "
                    f"titles: mend it, or write the file anew. {_DESCRIBED}"
                )
            line = _check_line(ManifestLine(reader.line_num, cells))
            _check_identity(line, seen)
            lines.append(line)
    except csv.Error as error:
        raise ConfigurationError(
            f"{MANIFEST_NAME} is no CSV from line {reader.line_num + 1} on ({error}): write it anew. {_DESCRIBED}"
        ) from error
    if not lines:
        raise ConfigurationError(f"{MANIFEST_NAME} lists no photograph: write a line for each. {_DESCRIBED}")
    return lines


def quote_cell(text: str) -> str:
    """Return untrusted text in quotation marks, without control characters and not too long for a message."""
    printable = "".join(char for char in text if char.isprintable())
    shown = printable if len(printable) <= MAX_QUOTED else f"{printable[:MAX_QUOTED]}\N{HORIZONTAL ELLIPSIS}"
    return f'"{shown}"'


def is_there(path: Path) -> bool:
    """Whether a photograph of the manifest is a file; no pipe or device, which would be read without end."""
    try:
        return path.is_file()
    except OSError:  # a name that is too long for this system
        return False


def leads_out(path: str) -> bool:
    """Whether a path of a list leads out of the list's folder.

    By its words alone: links inside the folder may lead to where its owner keeps the photographs.
    """
    normal = Path(os.path.normpath(path))
    return normal.is_absolute() or os.pardir in normal.parts


def _parse_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _read_text(data_dir: Path) -> str:
    path = data_dir / MANIFEST_NAME
    try:
        found = path.is_file()
        data = path.read_bytes() if found else b""
    except OSError as error:
        raise ConfigurationError(
            f"{MANIFEST_NAME} could not be read ({error.strerror}): check the folder of --data."
        ) from error
    if not found:
        raise ConfigurationError(
            f"There is no {MANIFEST_NAME} in {quote_cell(data_dir.name)}. Point --data at the folder that holds the "
            "labelled photographs."
        )
    try:
        # Spreadsheets put a mark before the first title.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"Line {line} of {MANIFEST_NAME} is not in UTF-8: save it as CSV in UTF-8 from the spreadsheet."
        ) from error


def _check_line(line: ManifestLine) -> ManifestLine:
    empty = [column for column in _NEEDED if not line.cells.get(column, " ")]
    if empty:
        raise ConfigurationError(
            f"Line {line.number} of {MANIFEST_NAME} has nothing in the column {empty[0]}: fill it, or take the line "
            f"out. {_DESCRIBED}"
        )
    if "\0" in line.cells["path"]:
        raise ConfigurationError(
            f"Line {line.number} of {MANIFEST_NAME} has a zero byte in the column path: write the file anew."
        )
    if leads_out(line.cells["path"]):
        raise ConfigurationError(
            f"Line {line.number} of {MANIFEST_NAME} has {quote_cell(line.cells['path'])} in the column path, which "
            f"leads out of the folder: write it relative to the folder. {_DESCRIBED}"
        )
    line.read_whole("grade", GRADE_COUNT)
    line.read_choice("split", SPLITS)
    return line


def _check_identity(line: ManifestLine, seen: dict[str, int]) -> None:
    """Refuse a name that an earlier line has: what is known of one photograph would be taken for the other's."""
    name = line.cells.get("image_id")
    if name is None:
        return
    if name in seen:
        raise ConfigurationError(
            f"Line {line.number} of {MANIFEST_NAME} has the image_id of line {seen[name]}, {quote_cell(name)}: name "
            f"each photograph once. {_DESCRIBED}"
        )
    seen[name] = line.number
