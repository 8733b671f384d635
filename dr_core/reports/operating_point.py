"""A clinic's operating point as a file: named, versioned, written whole or not at all, and checked when it is read."""

import json
import math
import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from dr_core.domain.errors import ConfigurationError, StorageError
from dr_core.domain.operating_point import LocalOperatingPoint, Proportion
from dr_core.model.calibration import GRADE_FROM
from dr_core.reports.dataclass_json import read_record, write_record
from dr_core.reports.spreadsheet import defuse_cell
from dr_core.reports.wording import clean_text
from dr_core.screening.clinic_settings import SHIFTS, TEMPERATURES
from dr_core.screening.local_calibration import SENSITIVITIES, LocalCalibration
from dr_core.screening.part_file import PART_SUFFIX

__all__ = [
    "DEFAULT_NAME",
    "check_name",
    "check_output",
    "make_operating_point",
    "name_file",
    "read_operating_point",
    "render_operating_point",
    "write_operating_point",
]

FILE_FORMAT = 1
MAX_NAME = 60
# Of a clinic that gives its operating point none.
DEFAULT_NAME = "This clinic"
MAX_BYTES = 100_000
SUFFIX = ".json"
_REMEDY = "Write it anew with: python -m dr_core calibrate"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class OperatingPointFile:
    """What stands in the file.

    Attributes:
        format: of the file.
        operating_point: what it is for.
    """

    format: int
    operating_point: LocalOperatingPoint


def make_operating_point(calibration: LocalCalibration, name: str, model_sha256: str) -> LocalOperatingPoint:
    """Return the first version of an operating point under `name`.

    Raises:
        ConfigurationError: results could not quote the name.
    """
    check_name(name)
    return LocalOperatingPoint(
        name=name,
        version=1,
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        model_sha256=model_sha256,
        temperature=calibration.after.temperature,
        referable_threshold=calibration.after.threshold,
        wanted_sensitivity=calibration.wanted_sensitivity,
        sensitivity=calibration.after.sensitivity,
        specificity=calibration.after.specificity,
        graded_count=calibration.graded_count,
        shift=calibration.after.shift,
    )


def check_name(name: str) -> None:
    """Refuse a name that results and reports cannot quote.

    Raises:
        ConfigurationError: empty, long, with control characters, or like a spreadsheet's formula.
    """
    if not name or clean_text(name, max_length=MAX_NAME) != name or defuse_cell(name) != name:
        raise ConfigurationError(
            f"The name of an operating point has 1 to {MAX_NAME} ordinary characters and begins with a letter or a "
            "figure, such as: North clinic, Topcon NW400."
        )


def check_output(out: Path, name: str) -> None:
    """Refuse a place that cannot take an operating point, before the work is done.

    Raises:
        ConfigurationError: `out` is a file of another kind or of another name, or this account may not write there.
        StorageError: the folder cannot be listed.
    """
    try:
        _next_version(name, out)
        folder = out
        if _is_file_name(out):
            folder = out.parent
            out.with_name(out.name + PART_SUFFIX).exists()  # it grows under this name, which may be too long
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        writable = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        raise ConfigurationError(
            f"--out cannot be used ({error.strerror}): check the path, or choose a shorter name."
        ) from error
    if not writable:
        raise ConfigurationError("--out cannot be written there: name a folder, or a .json file, of your own.")


def write_operating_point(point: LocalOperatingPoint, out: Path) -> tuple[LocalOperatingPoint, Path]:
    """Write an operating point as the next version of its name; an older version is never lost in a folder.

    Args:
        point: of any version.
        out: a folder, which gets a file of its own for each version; or a file ending in .json, which the next version
            of the same name replaces, and nothing else does.

    Returns:
        The operating point with its version, and its file.

    Raises:
        ConfigurationError: `out` is a file of another kind, or of another name.
        StorageError: the disk refused.
    """
    versioned = replace(point, version=_next_version(point.name, out))
    path = out if _is_file_name(out) else out / name_file(versioned)
    write_record(OperatingPointFile(FILE_FORMAT, versioned), path)
    return versioned, path


def render_operating_point(point: LocalOperatingPoint) -> bytes:
    """Return the file's bytes, for a download."""
    record = asdict(OperatingPointFile(FILE_FORMAT, point))
    return (json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode("utf-8")


def read_operating_point(path: Path) -> LocalOperatingPoint:
    """Read and check an operating point; whether it fits the model is checked where the model is loaded.

    Raises:
        ConfigurationError: there is no such file, or it is not what the program writes; the message has the remedy.
    """
    try:
        size_bytes = path.stat().st_size
        if not path.is_file() or size_bytes > MAX_BYTES:
            raise ConfigurationError(f"{path.name} is not an operating point. {_REMEDY}")
        record = read_record(OperatingPointFile, path)
    except (OSError, StorageError) as error:
        raise ConfigurationError(
            f"The operating point {path.name} could not be read: check RETINADESK_OPERATING_POINT or "
            "--operating-point, and that this account may read the file."
        ) from error
    problem = f"format {record.format}" if record.format != FILE_FORMAT else _find_problem(record.operating_point)
    if problem:
        raise ConfigurationError(f"{path.name} is not an operating point of this version ({problem}). {_REMEDY}")
    return record.operating_point


def name_file(point: LocalOperatingPoint) -> str:
    """Return the file name of one version, such as ``north-clinic-v2.json``."""
    return f"{_simplify(point.name)}-v{point.version}{SUFFIX}"


def _find_problem(point: LocalOperatingPoint) -> str:
    """Return what is wrong with a record that has the right shape; empty when nothing is."""
    try:
        check_name(point.name)
        dated = datetime.fromisoformat(point.created_utc).tzinfo is not None
    except (ConfigurationError, ValueError):
        return "name or date"
    counted = point.sensitivity.count + point.specificity.count == point.graded_count
    checks = (
        ("version", point.version >= 1),
        ("date", dated),
        ("model_sha256", _SHA256.fullmatch(point.model_sha256) is not None),
        ("temperature", TEMPERATURES[0] <= point.temperature <= TEMPERATURES[-1]),
        ("shift", SHIFTS[0] <= point.shift <= SHIFTS[-1]),
        ("referable_threshold", 0.0 < point.referable_threshold <= GRADE_FROM),
        ("wanted_sensitivity", SENSITIVITIES[0] <= point.wanted_sensitivity <= SENSITIVITIES[1]),
        ("sensitivity", _is_proportion(point.sensitivity)),
        ("specificity", _is_proportion(point.specificity)),
        ("graded_count", counted),
    )
    return ", ".join(name for name, holds in checks if not holds)


def _is_proportion(share: Proportion) -> bool:
    finite = all(map(math.isfinite, (share.value, share.low, share.high)))
    ordered = 0.0 <= share.low <= share.value + _TOLERANCE and share.value <= share.high + _TOLERANCE
    return finite and ordered and share.high <= 1.0 and share.count > 0


def _simplify(name: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-") or "operating-point"


def _is_file_name(out: Path) -> bool:
    return out.suffix.lower() == SUFFIX and not out.is_dir()


def _next_version(name: str, out: Path) -> int:
    if _is_file_name(out):
        return _next_in_file(name, out)
    if out.exists() and not out.is_dir():
        raise ConfigurationError("--out is neither a folder nor a .json file: name one of them.")
    return _next_in_folder(name, out)


def _next_in_folder(name: str, folder: Path) -> int:
    """Return the version after the highest in the folder, by file name, so that a damaged file is not replaced."""
    own = re.compile(re.escape(_simplify(name)) + r"-v(\d{1,6})" + re.escape(SUFFIX))
    try:
        names: Sequence[str] = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    except OSError as error:
        raise StorageError(f"{folder.name} could not be listed ({error.strerror}). Choose another folder.") from error
    return 1 + max((int(match[1]) for match in map(own.fullmatch, names) if match), default=0)


def _next_in_file(name: str, path: Path) -> int:
    if not path.exists():
        return 1
    earlier = read_operating_point(path)
    if earlier.name != name:
        raise ConfigurationError(
            f"{path.name} holds the operating point {earlier.label}: choose another file for --out, or its name for "
            "--name."
        )
    return earlier.version + 1
