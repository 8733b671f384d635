"""What an installation may set, all of it through environment variables, all of it optional.

RETINADESK_ROOTS             folders that the Batch page may read on the server, separated as in PATH; none if unset
RETINADESK_JOB_HOURS         hours for which results of a batch are kept; 24 if unset
RETINADESK_JOB_DIR           folder for private files of batches; the system's temporary folder if unset
RETINADESK_OPERATING_POINT   file of this clinic's own operating point; the released thresholds if unset
"""

import math
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dr_core.domain.errors import ConfigurationError

__all__ = ["Settings", "load_settings"]

DEFAULT_JOB_HOURS = 24.0
MAX_JOB_HOURS = 24.0 * 31


@dataclass(frozen=True)
class Settings:
    """Settings of this installation.

    Attributes:
        server_roots: folders that the Batch page may read; empty for none.
        job_hours: hours for which results of a batch are kept.
        named_job_dir: folder in which private files of batches are kept; None for the system's temporary one.
        operating_point: file of the clinic's own operating point; None for the released thresholds.
    """

    server_roots: tuple[Path, ...]
    job_hours: float
    named_job_dir: Path | None = None
    operating_point: Path | None = None

    @property
    def job_dir(self) -> Path:
        """Folder in which private files of batches are kept; looked for when asked, since `grade` needs none.

        Raises:
            ConfigurationError: none is named, and the system has no temporary folder that can be written.
        """
        if self.named_job_dir is not None:
            return self.named_job_dir
        try:
            return Path(tempfile.gettempdir())
        except OSError as error:
            raise ConfigurationError(
                "This computer has no temporary folder that can be written: name a folder with RETINADESK_JOB_DIR."
            ) from error


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environment`, by default that of the process.

    Raises:
        ConfigurationError: a setting cannot be understood; the message names it.
    """
    variables = os.environ if environment is None else environment
    roots = variables.get("RETINADESK_ROOTS", "")
    job_dir = variables.get("RETINADESK_JOB_DIR", "")
    point = variables.get("RETINADESK_OPERATING_POINT", "")
    return Settings(
        server_roots=tuple(_read_path("RETINADESK_ROOTS", root) for root in roots.split(os.pathsep) if root.strip()),
        job_hours=_read_hours("RETINADESK_JOB_HOURS", variables.get("RETINADESK_JOB_HOURS", "")),
        named_job_dir=_read_path("RETINADESK_JOB_DIR", job_dir) if job_dir.strip() else None,
        operating_point=_read_path("RETINADESK_OPERATING_POINT", point) if point.strip() else None,
    )


def _read_path(variable: str, text: str) -> Path:
    path = Path(text.strip())
    with suppress(RuntimeError):  # of a user whom nobody knows, or an account without home: not absolute, as it stands
        path = path.expanduser()
    if not path.is_absolute():
        raise ConfigurationError(f"{variable} must hold absolute paths. Received: {text.strip()!r}")
    return path


def _read_hours(variable: str, text: str) -> float:
    if not text.strip():
        return DEFAULT_JOB_HOURS
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not 0 < hours <= MAX_JOB_HOURS:
        raise ConfigurationError(f"{variable} must be a number of hours up to {MAX_JOB_HOURS:.0f}. Received: {text!r}")
    return hours
