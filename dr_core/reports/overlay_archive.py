"""The overlays of a batch in one ZIP file, with a table that says which overlay belongs to which photograph."""

import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dr_core.domain.errors import StorageError
from dr_core.domain.results import ScreeningResult
from dr_core.reports.csv import CsvFile
from dr_core.reports.spreadsheet import defuse_cell

__all__ = ["INDEX_COLUMNS", "INDEX_NAME", "OverlayEntry", "format_index_row", "list_overlays", "write_overlay_archive"]

INDEX_NAME = "index.csv"
INDEX_COLUMNS = ("row", "file", "sha256", "overlay")


@dataclass(frozen=True)
class OverlayEntry:
    """One overlay and the photograph it belongs to.

    Attributes:
        row: row of the report, from 1.
        file: name of the photograph; untrusted.
        sha256: hex digest of the photograph.
        overlay: generated name of the overlay's file.
    """

    row: int
    file: str
    sha256: str
    overlay: str


def list_overlays(results: Sequence[ScreeningResult], find_overlay: Callable[[int], str]) -> list[OverlayEntry]:
    """Return an entry for each result that has an overlay; `find_overlay` gives the file name of a row, or nothing."""
    found = ((number, result, find_overlay(number)) for number, result in enumerate(results, start=1))
    return [
        OverlayEntry(number, result.name, result.provenance.photograph_sha256, overlay)
        for number, result, overlay in found
        if overlay
    ]


def format_index_row(entry: OverlayEntry) -> dict[str, str]:
    """Return the cells of one row of the index by column name."""
    return {
        "row": str(entry.row),
        "file": defuse_cell(entry.file),
        "sha256": entry.sha256,
        "overlay": entry.overlay,
    }


def write_overlay_archive(path: Path, entries: Iterable[OverlayEntry], pictures: Path) -> None:
    """Write `path`, a ZIP of the overlays in the folder `pictures` and of their index.

    Args:
        path: where to write; an index is written beside it on the way.
        entries: the overlays, in the order of the report.
        pictures: folder that holds them under `OverlayEntry.overlay`.

    Raises:
        StorageError: the disk refused.
    """
    index = path.with_suffix(".index.csv")
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive, CsvFile(index, INDEX_COLUMNS) as table:
            for entry in entries:
                archive.write(pictures / entry.overlay, entry.overlay)
                table.write_row(format_index_row(entry))
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.write(index, INDEX_NAME)
        index.unlink()
    except OSError as error:
        raise StorageError(f"The overlays could not be packed ({error.strerror}): check the free space.") from error
