"""Frozen dataclasses to JSON and back, checked on the way in: a file that was edited by hand fails with its place."""

import dataclasses
import json
import os
import re
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from dr_core.domain.errors import ConfigurationError, StorageError
from dr_core.screening.part_file import PartFile

Record = TypeVar("Record")

# A list of numbers alone stays on one line, so that a curve is one line of a difference and not two hundred.
_NUMBER_LIST = re.compile(r"\[[-\d.,\seE+]*\]")


class _MismatchError(Exception):
    """The JSON does not have the dataclass's shape; the message names the place."""


def write_record(record: Any, path: Path) -> None:
    """Write a dataclass as JSON, whole or not at all.

    Raises:
        StorageError: the folder or the disk refused.
        ValueError: the record holds a NaN or an infinity.
    """
    text = json.dumps(dataclasses.asdict(record), indent=1, allow_nan=False, ensure_ascii=False)
    text = _NUMBER_LIST.sub(lambda match: " ".join(match[0].split()), text)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = PartFile(path)
        # Its lock lasts until the part has its place: another run that writes the same file takes another part.
        with os.fdopen(part.descriptor, "w", encoding="utf-8") as stream:
            try:
                stream.write(text + "\n")
                stream.flush()
                part.take_place()
            finally:
                part.clear()
    except OSError as error:
        raise StorageError(f"{path.name} could not be written ({error.strerror}). Choose another folder.") from error


def read_record(kind: type[Record], path: Path) -> Record:
    """Read a dataclass from JSON.

    Raises:
        StorageError: the file is missing or cannot be read.
        ConfigurationError: the file is not what the program writes.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{path.name} could not be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path.name} is not a text file. Write it anew.") from error
    try:
        return typing.cast(Record, _build(kind, json.loads(text), kind.__name__))
    except (_MismatchError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path.name} is not a record of this version ({error}). Write it anew.") from error


def _build(kind: Any, value: Any, place: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return _build_optional(kind, value, place)
    if origin is tuple:
        return _build_tuple(kind, value, place)
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, value, place)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise _MismatchError(f"{place} should be {kind.__name__}, is {type(value).__name__}")
    return value


def _build_optional(kind: Any, value: Any, place: str) -> Any:
    if value is None:
        return None
    (inner,) = (option for option in typing.get_args(kind) if option is not type(None))
    return _build(inner, value, place)


def _build_tuple(kind: Any, value: Any, place: str) -> Any:
    if not isinstance(value, list):
        raise _MismatchError(f"{place} should be a list, is {type(value).__name__}")
    inner, *rest = typing.get_args(kind)
    kinds = [inner] * len(value) if rest == [...] else [inner, *rest]
    if len(kinds) != len(value):
        raise _MismatchError(f"{place} should hold {len(kinds)} values, holds {len(value)}")
    return tuple(
        _build(one, item, f"{place}[{index}]") for index, (one, item) in enumerate(zip(kinds, value, strict=True))
    )


def _build_dataclass(kind: Any, value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        raise _MismatchError(f"{place} should be an object, is {type(value).__name__}")
    hints = typing.get_type_hints(kind)
    names = {field.name for field in dataclasses.fields(kind)}
    # A field with a default is younger than the files of earlier versions.
    younger = {field.name for field in dataclasses.fields(kind) if field.default is not dataclasses.MISSING}
    if not names - younger <= set(value) <= names:
        wrong = (names - younger - set(value)) | (set(value) - names)
        raise _MismatchError(f"{place} should have other fields: {', '.join(sorted(wrong))}")
    return kind(**{name: _build(hints[name], value[name], f"{place}.{name}") for name in names & set(value)})
