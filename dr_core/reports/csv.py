"""The CSV report: one row for each photograph, in UTF-8, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from dr_core.domain.guideline import UNGRADABLE_ADVICE
from dr_core.domain.reading import UNGRADABLE_LABEL
from dr_core.domain.results import ScreeningResult, Status
from dr_core.domain.second_look import needs_reader, needs_second_reader
from dr_core.reports.referral import list_checks
from dr_core.reports.report_file import TextFile
from dr_core.reports.spreadsheet import defuse_cell
from dr_core.reports.wording import clean_text

__all__ = [
    "CSV_COLUMNS",
    "DETAIL_COLUMNS",
    "READING_COLUMNS",
    "CsvFile",
    "format_details",
    "format_reading",
    "format_row",
    "render_csv",
]

CSV_COLUMNS = (
    "file",
    "status",
    "grade",
    "grade_name",
    "referable",
    "p_grade_0",
    "p_grade_1",
    "p_grade_2",
    "p_grade_3",
    "p_grade_4",
    "p_referable",
    "gradable",
    "quality_score",
    "defects",
    "follow_up",
    "eye",
    "width",
    "height",
    "sha256",
    "model",
    "seconds",
    "error",
)
# Further columns for those who ask for them; the ones above stay as programs know them.
DETAIL_COLUMNS = (
    "grade_set", "review", "eye_seen", "p_gradable", "unfamiliarity", "p_oedema_risk", "operating_point",
    "needs_reader", "check",
)  # fmt: skip
# What persons say, behind all else, in reports of which at least one photograph has been read.
READING_COLUMNS = (
    "reader_grade", "reader_grade_name", "reader_referable", "reader_follow_up", "reader_agrees", "second_reader",
    "reader", "reader_note", "read_utc", "read_blind",
)  # fmt: skip
MODEL_SHA_CHARACTERS = 12


def format_row(result: ScreeningResult) -> dict[str, str]:
    """Return the cells of one row by column name; a value that does not exist is empty, not zero."""
    row = dict.fromkeys(CSV_COLUMNS, "")
    row["file"] = defuse_cell(result.name)
    row["status"] = result.status.value
    if result.decision is not None:
        row["grade"] = str(int(result.decision.grade))
        row["grade_name"] = result.decision.grade.label
        row["referable"] = _format_flag(result.decision.referable)
        # Whoever books by this report sees what the page's lamp says, with or without details.
        first = "Needs a reader first. " if needs_reader(result) else ""
        row["follow_up"] = first + result.decision.follow_up.text
    elif result.status is Status.UNGRADABLE:
        row["follow_up"] = UNGRADABLE_ADVICE
    if result.prediction is not None:
        for grade, probability in enumerate(result.prediction.probabilities):
            row[f"p_grade_{grade}"] = f"{probability:.6f}"
        row["p_referable"] = f"{result.prediction.p_referable:.6f}"
    if result.quality is not None:
        row["gradable"] = _format_flag(result.quality.gradable)
        row["quality_score"] = f"{result.quality.score:.4f}"
        row["defects"] = "; ".join(defect.value for defect in result.quality.defects)
    row["eye"] = result.laterality.value if result.laterality else ""
    row["width"] = str(result.width_px) if result.width_px else ""
    row["height"] = str(result.height_px) if result.height_px else ""
    row["sha256"] = result.provenance.photograph_sha256
    row["model"] = _format_model(result)
    row["seconds"] = f"{result.elapsed_s:.3f}"
    row["error"] = defuse_cell(result.error)
    return row


def format_details(result: ScreeningResult) -> dict[str, str]:
    """Return the cells of `DETAIL_COLUMNS` by column name; a value that does not exist is empty, not zero."""
    row = dict.fromkeys(DETAIL_COLUMNS, "")
    if result.decision is not None:
        # Not "1-2": a spreadsheet would make a date of it.
        row["grade_set"] = "; ".join(str(int(grade)) for grade in result.decision.grade_set)
        row["review"] = "; ".join(reason.value for reason in result.decision.review)
        row["operating_point"] = defuse_cell(result.decision.operating_point)
        row["needs_reader"] = _format_flag(needs_reader(result))
    row["check"] = " ".join(list_checks(result))
    row["eye_seen"] = result.seen_laterality.value if result.seen_laterality else ""
    side = result.prediction.side if result.prediction else None
    if side is not None:
        row["p_gradable"] = f"{side.p_gradable:.6f}"
        row["unfamiliarity"] = f"{side.unfamiliarity:.4f}"
        row["p_oedema_risk"] = "" if side.p_oedema_risk is None else f"{side.p_oedema_risk:.6f}"
    return row


def format_reading(result: ScreeningResult) -> dict[str, str]:
    """Return the cells of `READING_COLUMNS` by column name; all empty where nobody has read the photograph."""
    row = dict.fromkeys(READING_COLUMNS, "")
    reading = result.reading
    if reading is not None:
        row["reader_grade"] = "U" if reading.grade is None else str(int(reading.grade))
        row["reader_grade_name"] = UNGRADABLE_LABEL if reading.grade is None else reading.grade.label
        row["reader_referable"] = "" if reading.grade is None else _format_flag(reading.grade.referable)
        row["reader_follow_up"] = result.final_follow_up.text if result.final_follow_up else UNGRADABLE_ADVICE
        row["second_reader"] = _format_flag(needs_second_reader(result))
        row["reader_agrees"] = _format_flag(reading.grade == (result.decision.grade if result.decision else None))
        row["reader"] = defuse_cell(reading.reader)
        row["reader_note"] = defuse_cell(reading.note)
        row["read_utc"] = reading.read_utc
        row["read_blind"] = _format_flag(reading.blind)
    return row


def render_csv(results: Iterable[ScreeningResult], *, details: bool = False) -> bytes:
    """Return the whole report, as it would stand in a file.

    Args:
        results: one row each; `READING_COLUMNS` are appended if any has been read.
        details: append `DETAIL_COLUMNS`.
    """
    rows = list(results)
    read = any(result.reading is not None for result in rows)
    titles = (*CSV_COLUMNS, *(DETAIL_COLUMNS if details else ()), *(READING_COLUMNS if read else ()))
    lines = [_format_line(titles)]
    for result in rows:
        cells = format_row(result) | (format_details(result) if details else {})
        lines.append(_format_line((cells | (format_reading(result) if read else {})).values()))
    return "".join(lines).encode("utf-8")


class CsvFile(TextFile):
    """A CSV file that grows under another name and takes its own when it is complete; see `TextFile`."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        """Open the file and write its header.

        Raises:
            StorageError: it cannot be written there.
        """
        super().__init__(path)
        self._columns = tuple(columns)
        self.write(_format_line(self._columns))

    def write_row(self, cells: Mapping[str, str]) -> None:
        """Write one row; `cells` holds a text for every column.

        Raises:
            StorageError: the disk refused.
        """
        self.write(_format_line(cells[column] for column in self._columns))


def _format_line(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    # With this line end the writer quotes a cell with a carriage return in it, which it else would not.
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().removesuffix("\r\n") + "\n"


def _format_flag(flag: bool) -> str:
    return "yes" if flag else "no"


def _format_model(result: ScreeningResult) -> str:
    model = result.provenance
    name = f"{model.model_name} {model.model_sha256[:MODEL_SHA_CHARACTERS]}".strip()
    own_point = result.decision.operating_point if result.decision else ""
    return defuse_cell(f"{name}, {clean_text(own_point)}") if own_point else name
