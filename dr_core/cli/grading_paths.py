"""Where ``grade`` may write: never over a photograph, another input or a setting, and never among what it grades."""

import os
from collections.abc import Sequence
from pathlib import Path

from dr_core.domain.errors import ConfigurationError
from dr_core.imaging.decode import looks_like_image
from dr_core.reports.wording import clean_text
from dr_core.screening.folder import holds_photograph
from dr_core.screening.overlay_mark import has_overlay_name
from dr_core.screening.sources import format_name, has_image_extension, read_head

__all__ = ["check_heatmaps", "check_output", "quote_path"]


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
    if out.is_dir():
        raise ConfigurationError("--out is a folder: name the CSV file in it.")
    if out.exists() and not out.is_file():
        raise ConfigurationError("--out is a pipe or a device: name a CSV file.")
    real = Path(os.path.realpath(out))
    if has_image_extension(out.name) or has_image_extension(real.name):
        raise ConfigurationError("--out is named like a photograph, which it would replace: name a CSV file.")
    if not real.parent.is_dir():
        raise ConfigurationError(f"The folder of --out does not exist: make it first. Received: {quote_path(str(out))}")
    if not os.access(real.parent, os.W_OK | os.X_OK) or (out.exists() and not os.access(out, os.W_OK)):
        raise ConfigurationError(
            f"--out cannot be written there: choose another place. Received: {quote_path(str(out))}"
        )
    if not out.exists():
        return
    if any(_is_same_file(out, path) for path in paths) or looks_like_image(read_head(str(out))):
        raise ConfigurationError("--out is a file to be graded, which it would replace: name a CSV file.")
    if operating_point is not None and _is_same_file(out, str(operating_point)):
        raise ConfigurationError("--out is the file of --operating-point, which it would replace: name a CSV file.")


def check_heatmaps(heatmaps: Path | None, paths: Sequence[str]) -> None:
    """Refuse a folder of overlays in which photographs would be taken for overlays, and left out.

    Raises:
        ConfigurationError: with the remedy.
        OSError: the path cannot be looked at.
    """
    if heatmaps is None:
        return
    if heatmaps.exists() and not heatmaps.is_dir():
        raise ConfigurationError("--heatmaps is a file: name a folder.")
    real = Path(os.path.realpath(heatmaps))
    graded = {Path(os.path.realpath(path)) for path in paths}
    if real in graded:
        raise ConfigurationError("--heatmaps is a folder to be graded: name another, so that no overlay is graded.")
    if not graded.isdisjoint(real.parents):
        _require_own_files(real)


def quote_path(path: str) -> str:
    """Return a path from the command line as one line of harmless text in quotation marks."""
    return f'"{clean_text(format_name(path))}"'


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
