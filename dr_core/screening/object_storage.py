"""Photographs in object storage (s3://, gs://, abfs:// and whatever else fsspec knows), found by the rules of `folder`.

PyArrow itself speaks S3, Google Cloud Storage and Azure; any other scheme goes through fsspec and the package that
fsspec names. Keys to the storage come from where its own tools take them: environment, profile or the machine's role.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dr_core.domain.errors import ConfigurationError, PhotographTooLarge, UnreadablePhotograph
from dr_core.imaging.decode import HEAD_BYTES, MAX_BYTES
from dr_core.screening.folder import FolderListing, locate
from dr_core.screening.sources import (
    BatchInput,
    counts_as_photograph,
    format_name,
    has_image_extension,
    name_is_enough,
)

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

__all__ = ["StoredPhotograph", "count_named_twice", "find_stored_photographs", "is_address"]

ARROW_SCHEMES = frozenset({"s3", "gs", "gcs", "abfs", "abfss", "hdfs", "viewfs"})
_UNREADABLE = "The storage did not give this photograph: check that it is still there and may be read, and run again."


@dataclass(frozen=True, eq=False)
class StoredPhotograph:
    """An object in a storage.

    Attributes:
        name: its address, without keys and options.
        filesystem: where it lies; the same object for all photographs of one listing.
        path: bucket and key, as the filesystem takes them.
        size_bytes: when listed.
        modified_ns: when listed; 0 where the storage does not tell.
    """

    name: str
    filesystem: "FileSystem"
    path: str
    size_bytes: int
    modified_ns: int

    def read_bytes(self) -> bytes:
        """Return the object's bytes.

        Raises:
            UnreadablePhotograph: it is gone, or the storage refuses it.
            PhotographTooLarge: more than `MAX_BYTES`.
        """
        try:
            with self.filesystem.open_input_stream(self.path, compression=None) as stream:
                data = bytes(stream.read(MAX_BYTES + 1))
        except OSError as error:
            raise UnreadablePhotograph(_UNREADABLE) from error
        if len(data) > MAX_BYTES:
            raise PhotographTooLarge(
                f"The file has more than {MAX_BYTES / 1e6:,.0f} MB, which is the limit: export the photograph as JPEG."
            )
        return data

    def fingerprint(self) -> str:
        """Return size and modification time as they were listed."""
        return f"{self.size_bytes}-{self.modified_ns}"


def is_address(path: str) -> bool:
    """Return True for an address such as ``s3://bucket/folder``, and False for a path on disk."""
    scheme, mark, _ = path.partition("://")
    return bool(mark) and scheme.isalnum() and scheme.lower() != "file"


def count_named_twice(paths: Sequence[str]) -> int:
    """Return how many of `paths`, disk or storage, name a file or folder that another one before names already."""
    named = [path.rstrip("/") if is_address(path) else locate(path.removeprefix("file://")) for path in paths]
    return len(named) - len(set(named))


def find_stored_photographs(paths: Sequence[str], *, exclude: Sequence[str] = ()) -> BatchInput:
    """Return the photographs of `paths`, each a path on disk or an address, in the order given.

    Args:
        paths: files, folders and addresses of either.
        exclude: files and folders on disk that the program writes itself.

    Raises:
        ConfigurationError: an address cannot be opened or listed.
    """
    listing = FolderListing(exclude=exclude)
    seen: set[str] = set()
    other_objects = 0
    for path in paths:
        if not is_address(path):
            listing.add_named(path.removeprefix("file://"))
            continue
        stored, others = _list_address(path)
        listing.add_sources(photograph for photograph in stored if photograph.name not in seen)
        seen.update(photograph.name for photograph in stored)
        other_objects += others
    found = listing.finish()
    return replace(found, other_files=found.other_files + other_objects)


def _list_address(address: str) -> tuple[list[StoredPhotograph], int]:
    """Return the photographs under `address` in the order of their names, and how many other objects there are."""
    from pyarrow.fs import FileSelector, FileType

    scheme = address.partition("://")[0]
    try:
        filesystem, path = _open_filesystem(address)
        top = filesystem.get_file_info(path)
        if top.type == FileType.File:
            return [_describe(scheme, filesystem, top)], 0
        entries = [] if top.type == FileType.NotFound else filesystem.get_file_info(FileSelector(path, recursive=True))
        files = [entry for entry in entries if entry.type == FileType.File]
        chosen = [entry for entry in files if _holds_photograph(filesystem, entry)]
    except (OSError, ValueError, ImportError) as error:
        # An address of its own that PyArrow refuses is wrong, whatever fsspec would need for another try.
        if scheme not in ARROW_SCHEMES and (package := _find_missing_package(error)):
            raise ConfigurationError(
                f"{scheme}://... needs the Python package {package}, which is not installed: pip install {package}"
            ) from error
        raise ConfigurationError(
            f"{scheme}://... cannot be listed ({type(error).__name__}): check the address, the keys to the storage and "
            "the network."
        ) from error
    if not files:
        raise ConfigurationError(f"There is nothing at the {scheme}:// address: check bucket and folder.")
    chosen.sort(key=lambda entry: entry.path.split("/"))
    return [_describe(scheme, filesystem, entry) for entry in chosen], len(files) - len(chosen)


def _find_missing_package(error: Exception) -> str:
    """Return the package for want of which a storage cannot be opened; empty where that is not the reason."""
    # fsspec wraps what Python said of the import.
    reason = error if isinstance(error, ModuleNotFoundError) else error.__cause__
    return (reason.name or "").partition(".")[0] if isinstance(reason, ModuleNotFoundError) else ""


def _open_filesystem(address: str) -> "tuple[FileSystem, str]":
    import pyarrow as pa
    from pyarrow.fs import FileSystem, FSSpecHandler, PyFileSystem

    try:
        filesystem, path = FileSystem.from_uri(address)
    except pa.ArrowInvalid:
        import fsspec  # comes with requirements-cluster.txt

        opened, path = fsspec.url_to_fs(address)
        filesystem = PyFileSystem(FSSpecHandler(opened))
    return filesystem, path


def _holds_photograph(filesystem: "FileSystem", entry: "FileInfo") -> bool:
    name = entry.base_name
    if name_is_enough(name):
        return has_image_extension(name)
    with filesystem.open_input_stream(entry.path, compression=None) as stream:
        return counts_as_photograph(name, bytes(stream.read(HEAD_BYTES)))


def _describe(scheme: str, filesystem: "FileSystem", entry: "FileInfo") -> StoredPhotograph:
    name = format_name(f"{scheme}://{entry.path.lstrip('/')}")
    return StoredPhotograph(name, filesystem, entry.path, entry.size or 0, entry.mtime_ns or 0)
