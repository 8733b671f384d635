"""Where a command may write: where it can, under a name that says what it is, and never over what is not its own."""

import os
from collections.abc import Sequence
from pathlib import Path

from dr_core.domain.errors import ConfigurationError
from dr_core.reports.wording import clean_text
from dr_core.screening.part_file import PartFile
from dr_core.screening.sources import format_name, has_image_extension

__all__ = ["check_place", "check_suffix", "quote_path", "refuse_foreign", "try_writing"]

KNOWN_SUFFIXES = frozenset(
    {".csv", ".parquet", ".json", ".ndjson", ".xlsx", ".xls", ".ods", ".zip", ".gz", ".pdf", ".docx", ".html", ".xml"}
)


def check_place(out: Path, kind: str, *, option: str = "--out") -> None:
    """Refuse a file that is none, is named like a photograph, or cannot be written where it shall stand.

    Args:
        out: the file; a link is followed.
        kind: what is written, such as CSV.
        option: of the command line, that names the file.

    Raises:
        ConfigurationError: with the remedy.
        OSError: the path cannot be looked at.
    """
    if str(out) == "-":
        raise ConfigurationError(f"Nothing is written to standard output ({option} -): name a {kind} file.")
    if out.is_dir():
        raise ConfigurationError(f"{option} is a folder: name the {kind} file in it.")
    if out.exists() and not out.is_file():
        raise ConfigurationError(f"{option} is a pipe or a device: name a {kind} file.")
    real = Path(os.path.realpath(out))
    if has_image_extension(out.name) or has_image_extension(real.name):
        raise ConfigurationError(f"{option} is named like a photograph, which it would replace: name a {kind} file.")
    if not real.parent.is_dir():
        raise ConfigurationError(
            f"The folder of {option} does not exist: make it first. Received: {quote_path(str(out))}"
        )
    if not os.access(real.parent, os.W_OK | os.X_OK) or (out.exists() and not os.access(out, os.W_OK)):
        raise ConfigurationError(
            f"{option} cannot be written there: choose another place. Received: {quote_path(str(out))}"
        )


def check_suffix(out: Path, allowed: Sequence[str]) -> None:
    """Refuse a name that promises another kind of file; one without suffix, or with an unknown one, promises nothing.

    Raises:
        ConfigurationError: with the remedy.
    """
    if out.suffix.lower() in KNOWN_SUFFIXES - set(allowed):
        raise ConfigurationError(
            f"--out is named as another kind of file: let its name end in {' or '.join(allowed)}. "
            f"Received: {quote_path(str(out))}"
        )


def refuse_foreign(out: Path, what: str, *, option: str = "--out") -> ConfigurationError:
    """Return what is said of a file that stands there and is not `what` this command writes."""
    return ConfigurationError(
        f"{option} is a file that holds something else than {what}, and would replace it: choose another name, or "
        f"delete the file first. Received: {quote_path(str(out))}"
    )


def try_writing(path: Path, *, option: str = "--out") -> None:
    """Refuse a file that cannot be written, before the work for it is done; missing folders are not made yet.

    Raises:
        ConfigurationError: with the remedy.
    """
    try:
        if path.exists() and not path.is_file():
            raise ConfigurationError(f"{clean_text(path.name)} is no file: choose another place with {option}.")
        folder = path.parent
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        # The disk is asked, since an administrator may write by the permissions where no file can be.
        part = PartFile(folder / path.name)
        part.clear()
        os.close(part.descriptor)
    except OSError as error:
        raise ConfigurationError(
            f"{clean_text(path.name)} cannot be written there ({error.strerror}): choose another place with {option}."
        ) from error


def quote_path(path: str) -> str:
    """Return a path from the command line as one line of harmless text in quotation marks."""
    return f'"{clean_text(format_name(path))}"'
