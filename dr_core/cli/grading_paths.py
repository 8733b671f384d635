"""Where ``grade`` may write: over nothing but its own reports, and never among what it grades."""

import os
from collections.abc import Sequence
from pathlib import Path

from dr_core.cli.output_file import check_place, check_suffix, quote_path, refuse_foreign, try_writing
from dr_core.domain.errors import ConfigurationError
from dr_core.imaging.decode import looks_like_image
from dr_core.reports.earlier_report import holds_fhir, holds_index, holds_report
from dr_core.reports.overlay_archive import INDEX_NAME
from dr_core.reports.parquet import PARQUET_SUFFIX
from dr_core.screening.folder import holds_photograph
from dr_core.screening.overlay_mark import has_overlay_name
from dr_core.screening.sources import read_head

__all__ = ["check_fhir", "check_heatmaps", "check_output", "find_problem"]

REPORT_SUFFIXES = (".csv", PARQUET_SUFFIX)
# It cannot be the name of a report, nor of the journal or a part of one.
FHIR_SUFFIX = ".ndjson"


def check_output(out: Path, paths: Sequence[str], operating_point: Path | None) -> None:
    """Refuse a report that cannot be written, or that would replace what is no report.

    Args:
        out: the report; a link is followed, since the report is written where it leads.
        paths: what is to be graded.
        operating_point: the clinic's own, which is read.

    Raises:
        ConfigurationError: with the remedy.
        OSError: the path cannot be looked at.
    """
    check_place(out, "CSV")
    if not out.exists():
        check_suffix(out, REPORT_SUFFIXES)
        return
    if any(_is_same_file(out, path) for path in paths) or looks_like_image(read_head(str(out))):
        raise ConfigurationError("--out is a file to be graded, which it would replace: name a CSV file.")
    if operating_point is not None and _is_same_file(out, str(operating_point)):
        raise ConfigurationError("--out is the file of --operating-point, which it would replace: name a CSV file.")
    check_suffix(out, REPORT_SUFFIXES)
    if not holds_report(out):
        raise refuse_foreign(out, "a report of this command")


def check_fhir(fhir: Path | None, out: Path, paths: Sequence[str]) -> None:
    """Refuse a file of FHIR bundles that cannot be written, or that would replace what is none of this command's.

    Args:
        fhir: the file; a link is followed.
        out: the report of the same run.
        paths: what is to be graded.

    Raises:
        ConfigurationError: with the remedy.
        OSError: the path cannot be looked at.
    """
    if fhir is None:
        return
    check_place(fhir, "FHIR", option="--fhir")
    real = Path(os.path.realpath(fhir))
    if {fhir.suffix.lower(), real.suffix.lower()} != {FHIR_SUFFIX}:
        raise ConfigurationError(
            f"--fhir writes a bundle a line: let its name end in {FHIR_SUFFIX}. Received: {quote_path(str(fhir))}"
        )
    if real == Path(os.path.realpath(out)):
        raise ConfigurationError("--fhir is the file of --out: give each a file of its own.")
    if any(_is_same_file(fhir, path) for path in paths):
        raise ConfigurationError("--fhir is a file to be graded, which it would replace: name another.")
    if fhir.exists() and not holds_fhir(fhir):
        raise refuse_foreign(fhir, "FHIR that this command wrote", option="--fhir")
    try_writing(real, option="--fhir")


def check_heatmaps(heatmaps: Path | None, paths: Sequence[str]) -> None:
    """Refuse a folder of overlays in which photographs would be left out as overlays, or another index replaced.

    Raises:
        ConfigurationError: with the remedy.
        OSError: the path cannot be looked at.
    """
    if heatmaps is None:
        return
    if heatmaps.exists() and not heatmaps.is_dir():
        raise ConfigurationError("--heatmaps is a file: name a folder.")
    index = heatmaps / INDEX_NAME
    if index.exists() and not (index.is_file() and holds_index(index)):
        raise ConfigurationError(
            f"--heatmaps holds an {INDEX_NAME} that is none of overlays, and would be replaced: name a new folder."
        )
    real = Path(os.path.realpath(heatmaps))
    graded = {Path(os.path.realpath(path)) for path in paths}
    if real in graded:
        raise ConfigurationError("--heatmaps is a folder to be graded: name another, so that no overlay is graded.")
    if not graded.isdisjoint(real.parents):
        _require_own_files(real)


def find_problem(path: str) -> str:
    """Return why nothing is found at a path of the command line, and the remedy; empty when something is there."""
    try:
        os.lstat(path.removeprefix("file://"))
    except PermissionError:
        return f"Permission to look at {quote_path(path)} was refused: allow this account to open its folder."
    except (OSError, ValueError):
        return f"There is nothing at {quote_path(path)}: check the path."
    return ""


def _is_same_file(out: Path, path: str) -> bool:
    try:
        return out.samefile(path)
    except (OSError, ValueError):
        return False


def _require_own_files(folder: Path) -> None:
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)  # noqa: PTH118 - bytes kept
            # What else an earlier run left here (index, report, journal, parts) is no photograph. Overlays are not
            # opened: there may be a million of them.
            if not has_overlay_name(name) and holds_photograph(path):
                raise ConfigurationError(
                    "--heatmaps holds photographs, which would be left out of the report: name a new folder for the "
                    f"overlays. Found: {quote_path(path)}"
                )
