"""What tests of folders, ZIP files and single files share: the start of a JPEG, and the names in a list."""

from pathlib import Path

from dr_core.screening.sources import BatchInput

JPEG_HEAD = b"\xff\xd8\xff\xe0" + b"\x00" * 60


def names(batch: BatchInput, folder: Path | None = None) -> list[str]:
    prefix = f"{folder}/" if folder else ""
    return [source.name.removeprefix(prefix) for source in batch.photographs]
