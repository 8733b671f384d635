"""Blind readings as the list that a local calibration takes: ``file,grade``."""

import csv
import io
from collections.abc import Sequence

from dr_core.domain.results import ScreeningResult
from dr_core.reports.spreadsheet import defuse_cell
from dr_core.screening.agreement import list_blind_readings

__all__ = ["render_graded_csv"]


def render_graded_csv(results: Sequence[ScreeningResult]) -> bytes:
    """Return a CSV in UTF-8 of what persons said before they saw the program's answer; U where they could not grade."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(("file", "grade"))
    for result in list_blind_readings(results):
        grade = result.reading.grade if result.reading is not None else None
        writer.writerow((defuse_cell(result.name), "U" if grade is None else int(grade)))
    return stream.getvalue().encode("utf-8")
