"""A clinic's list of photographs with its readers' grades, as spreadsheets write it: ``file,grade``.

Lenient about everything that spreadsheets differ in (delimiter, byte order mark, encoding, case of the header, further
columns, ``2.0`` for 2), strict about everything that would pair a photograph with another one's grade.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dr_core.domain.errors import ConfigurationError
from dr_core.domain.grades import GRADE_COUNT
from dr_core.screening.sources import format_name

__all__ = ["MAX_BYTES", "TEMPLATE", "GradedList", "ListedGrade", "parse_graded_list", "quote_name", "split_path"]

TEMPLATE = b"file,grade\r\nphotograph_001.jpg,0\r\nphotograph_002.jpg,2\r\nphotograph_003.jpg,U\r\n"
FILE_COLUMNS = ("file", "filename", "file name", "image", "photograph", "name", "path")
GRADE_COLUMNS = ("grade", "icdr", "icdr grade", "dr grade", "level")
# The program's own report has these; its grades are the program's, and agreeing with oneself proves nothing.
OWN_REPORT_COLUMNS = frozenset({"p_referable", "quality_score", "sha256"})
UNGRADED = frozenset({"", "u", "ungradable", "n/a", "na", "x"})
DELIMITERS = ",;\t"
MAX_BYTES = 5_000_000
MAX_ROWS = 5_000
MAX_QUOTED = 80
# Python's numbers may also hold underscores and the digits of every script.
_NUMBER = re.compile(r"[0-9.,eE+-]+")
_CODECS = ("utf-8-sig", "cp1252", "latin-1")
# An apostrophe that keeps a spreadsheet from taking a file's name for a formula (`dr_core.reports.spreadsheet`).
_DEFUSED = re.compile("(^|[;\t|](?:[^\\S\t]|\")*+)'(?=[=+\\-@\uff1d\uff0b\uff0d\uff20])")
# Longer than a system's paths. Sorting a name's accents takes seconds for one that is made of nothing else.
MAX_COMPOSED = 4_096
_WORKBOOK_MARKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class ListedGrade:
    """One row of the list; the name is untrusted text."""

    name: str
    grade: int


@dataclass(frozen=True)
class GradedList:
    """The list as read.

    Attributes:
        rows: photographs with a grade, in the order of the list.
        ungraded: rows to which the readers gave no grade, which are left out.
    """

    rows: tuple[ListedGrade, ...]
    ungraded: int

    @property
    def grades(self) -> NDArray[np.int64]:
        """The grades, (N,) int64."""
        return np.array([row.grade for row in self.rows], dtype=np.int64)


def parse_graded_list(data: bytes) -> GradedList:
    """Read a list.

    Args:
        data: a CSV with the columns file and grade.

    Raises:
        ConfigurationError: it is no such list, a grade lies outside 0 to 4, or a file stands in it twice.
    """
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"The list of grades has more than {MAX_BYTES / 1e6:.0f} MB: is it the right file?")
    lines = _split_cells(_decode(data))
    file_at, grade_at = _find_columns(lines)
    rows: list[ListedGrade] = []
    seen: set[tuple[str, ...]] = set()
    ungraded = 0
    for number, cells in lines[1:]:
        name = _DEFUSED.sub(r"\1", _read_cell(cells, file_at))
        grade = _read_grade(_read_cell(cells, grade_at), number)
        if not name:
            if grade is not None:
                raise ConfigurationError(f"Line {number} of the list has a grade and no file: name the file.")
            continue
        path = tuple(split_path(name))
        if path in seen:
            raise ConfigurationError(
                f"{quote_name(name)} stands in the list twice (line {number}): keep one of its lines."
            )
        seen.add(path)
        if grade is None:
            ungraded += 1
        else:
            rows.append(ListedGrade(name, grade))
    if len(rows) > MAX_ROWS:
        raise ConfigurationError(f"The list has {len(rows):,} photographs, and {MAX_ROWS:,} is the limit: 200 suffice.")
    if not rows:
        raise ConfigurationError("The list holds no grade: give each file a grade from 0 to 4.")
    return GradedList(tuple(rows), ungraded)


def _decode(data: bytes) -> str:
    codecs = ("utf-16",) if data.startswith(_UTF16_MARKS) else _CODECS
    for codec in () if data.startswith(_WORKBOOK_MARKS) else codecs:
        try:
            return data.decode(codec)
        except UnicodeDecodeError:
            continue
    raise ConfigurationError("The list of grades is not a text file: save it as CSV from the spreadsheet.")


def _split_cells(text: str) -> list[tuple[int, list[str]]]:
    """Return line number and cells of every line that is not blank."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    # Excel writes a line that names the delimiter and nothing else.
    names_delimiter = first.lower().startswith("sep=")
    delimiter = first[4] if names_delimiter and first[4:] in [*DELIMITERS] else max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise ConfigurationError(
            f"The list of grades is no CSV ({error}): save it again from the spreadsheet."
        ) from error
    return lines[1:] if names_delimiter else lines


def _find_columns(lines: list[tuple[int, list[str]]]) -> tuple[int, int]:
    """Return the places of the columns file and grade in the first line."""
    titles = [cell.strip().lower() for cell in lines[0][1]] if lines else []
    if set(titles) >= OWN_REPORT_COLUMNS:
        raise ConfigurationError(
            "This is a report of RetinaDesk, and the grades in it are the program's own: make a list of the readers' "
            "grades, with the columns file and grade."
        )
    file_title = next((title for title in FILE_COLUMNS if title in titles), None)
    grade_title = next((title for title in GRADE_COLUMNS if title in titles), None)
    if file_title is None or grade_title is None:
        raise ConfigurationError(
            "The list of grades needs a first line with the titles file and grade, and a line for each photograph, "
            "such as: photograph_001.jpg,2"
        )
    for title in (file_title, grade_title):
        if titles.count(title) > 1:
            raise ConfigurationError(
                f"The list has {titles.count(title)} columns with the title {title}, and only one can count: give the "
                "others another title."
            )
    return titles.index(file_title), titles.index(grade_title)


def _read_cell(cells: Sequence[str], at: int) -> str:
    return cells[at].strip() if at < len(cells) else ""


def _read_grade(cell: str, number: int) -> int | None:
    """Return the grade in a cell; None where the readers gave none."""
    if cell.lower() in UNGRADED:
        return None
    try:
        grade = float(cell.replace(",", ".")) if _NUMBER.fullmatch(cell) else -1.0
    except ValueError:
        grade = -1.0
    if not (grade.is_integer() and 0 <= grade < GRADE_COUNT):
        raise ConfigurationError(
            f"Line {number} of the list has the grade {quote_name(cell)}: write 0, 1, 2, 3 or 4, or U where the reader "
            "could not grade."
        )
    return int(grade)


def split_path(name: str) -> list[str]:
    """Return folders and file name, in the one of Unicode's forms that spreadsheets write and macOS's disks do not."""
    plain = format_name(name)
    composed = unicodedata.normalize("NFC", plain) if len(plain) <= MAX_COMPOSED else plain
    parts = composed.replace("\\", "/").split("/")
    return [part for part in parts if part not in ("", ".")] or [""]


def quote_name(text: str) -> str:
    """Return untrusted text in quotation marks, without control characters and not too long for a message."""
    printable = "".join(char for char in format_name(text) if char.isprintable())
    shown = printable if len(printable) <= MAX_QUOTED else f"{printable[:MAX_QUOTED]}\N{HORIZONTAL ELLIPSIS}"
    return f'"{shown}"'
