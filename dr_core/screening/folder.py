"""Lists the photographs of folders and of paths named outright, in an order that is always the same.

The rules: a path named outright always counts. A folder is walked for files that carry the extension of an image and
for files without extension whose content is an image; all other files, overlays of ours too, are only counted. Links
to files are followed, links to folders are not (they may lead in circles), except when named outright. A folder called
like a photograph ("eye.jpg") has a row that says so, and is walked as well. A photograph reached twice, through
overlapping paths, has one row, under the first name. Paths keep their given order; within a folder, names are sorted.
"""

# Paths stay strings, byte for byte as they were given: `Path` would rewrite them.
# ruff: noqa: PTH111, PTH112, PTH118, PTH206

import errno
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from dr_core.domain.errors import ConfigurationError, UnreadablePhotograph
from dr_core.screening.sources import (
    BatchInput,
    BrokenSource,
    DiskPhotograph,
    PhotographSource,
    counts_as_photograph,
    format_name,
    has_image_extension,
    name_is_enough,
    read_head,
)

__all__ = ["FolderListing", "find_photographs", "find_server_photographs", "holds_photograph", "locate"]

_UNLISTABLE = "This folder could not be opened: allow this account to read it, and run again."
_TOO_DEEP = "The path of this folder is too long for this system: move it to a shorter path, and run again."
_NO_FOLDER = "No such folder under the allowed folders: check the path."


def find_photographs(paths: Sequence[str], *, exclude: Collection[str] = ()) -> BatchInput:
    """Return the photographs of `paths`: files as they are, folders walked.

    Args:
        paths: files and folders, as given on the command line.
        exclude: files and folders that the program writes itself, left out wherever the walk meets them.
    """
    listing = FolderListing(exclude=exclude)
    for path in paths:
        listing.add_named(path)
    return listing.finish()


def find_server_photographs(folder: str, roots: Sequence[Path]) -> BatchInput:
    """Return the photographs of a folder on the server, which must lie under one of `roots` once links are resolved.

    Args:
        folder: absolute path as typed by the user.
        roots: folders that the configuration allows.

    Raises:
        ConfigurationError: the folder is outside the roots, does not exist, or cannot be listed; the message is the
            same for all of them, so that it tells nothing of the server's disks.
    """
    real_roots = tuple(os.path.realpath(root) for root in roots)
    try:
        real = os.path.realpath(os.path.expanduser(folder.strip()), strict=True)
        allowed = any(os.path.commonpath((root, real)) == root for root in real_roots)
        if not allowed or not os.path.isdir(real):
            raise ConfigurationError(_NO_FOLDER)
        os.scandir(real).close()
    except (OSError, ValueError) as error:
        raise ConfigurationError(_NO_FOLDER) from error
    listing = FolderListing(roots=real_roots)
    listing.walk(real)
    return listing.finish(relative_to=real)


class FolderListing:
    """What has been found so far; a file that is named twice, by whatever path, has one row."""

    def __init__(self, roots: tuple[str, ...] = (), exclude: Collection[str] = ()) -> None:
        """Begin with nothing.

        Args:
            roots: real paths of the folders that photographs must lie in once links are resolved; anywhere if none.
            exclude: files and folders that the program writes itself, left out wherever the walk meets them.
        """
        self._roots = roots
        self._exclude = frozenset(os.path.realpath(path) for path in exclude)
        self._found: list[PhotographSource] = []
        self._seen: set[str] = set()
        self._other_files: set[str] = set()
        self._linked_folders: set[str] = set()

    def add_named(self, path: str) -> None:
        """Take one path of the command line."""
        if os.path.isdir(path):
            self.walk(path)
        else:
            self._add_file(path, locate(path))

    def add_sources(self, sources: Iterable[PhotographSource]) -> None:
        """Take photographs that lie on no disk of this computer, behind those that were found so far."""
        self._found.extend(sources)

    def walk(self, top: str) -> None:
        """Take every photograph of `top` and of the folders in it."""
        start = len(self._found)
        folders = [(top, os.path.realpath(top))]
        while folders:
            folder, real_folder = folders.pop()
            if real_folder in self._exclude or real_folder in self._seen:
                continue
            self._seen.add(real_folder)
            try:
                with os.scandir(folder) as scan:
                    entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in scan]
            except OSError as error:
                problem = _TOO_DEEP if error.errno == errno.ENAMETOOLONG else _UNLISTABLE
                self._found.append(BrokenSource(format_name(folder), problem))
                continue
            for name, is_folder in entries:
                path, real = os.path.join(folder, name), os.path.join(real_folder, name)
                if is_folder:
                    folders.append((path, real))
                self._add_entry(path, real, is_folder=is_folder)
        self._found[start:] = sorted(self._found[start:], key=lambda source: source.name.split(os.sep))

    def finish(self, *, relative_to: str | None = None) -> BatchInput:
        """Return what was found; with `relative_to`, names no longer tell where the folder lies."""
        found = self._found
        if relative_to is not None:
            prefix = format_name(os.path.join(relative_to, ""))
            found = [_rename(source, source.name.removeprefix(prefix)) for source in found]
        # A file that is named outright as well has its row, so it is no longer an other file.
        others = len(self._other_files - self._seen)
        return BatchInput(tuple(found), others, len(self._linked_folders - self._seen))

    def _add_entry(self, path: str, real: str, *, is_folder: bool) -> None:
        if real in self._exclude or real in self._seen:
            return
        if is_folder:
            if has_image_extension(path):
                self._found.append(DiskPhotograph(format_name(path), path, self._roots))
        elif not has_image_extension(path) and os.path.isdir(path):
            self._linked_folders.add(real)
        elif holds_photograph(path, self._roots):
            self._add_file(path, real)
        else:
            self._other_files.add(real)

    def _add_file(self, path: str, real: str) -> None:
        if real not in self._seen:
            self._seen.add(real)
            self._found.append(DiskPhotograph(format_name(path), path, self._roots))


def locate(path: str) -> str:
    """Return what two names of one file or folder have in common."""
    if os.path.isdir(path):
        return os.path.realpath(path)
    # The folder's links are resolved, the file's are not: two links to one photograph are two inputs.
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)


def holds_photograph(path: str, roots: tuple[str, ...] = ()) -> bool:
    """Return True when a file that a folder holds gets a row: by its extension, or else by its content.

    Args:
        path: the file.
        roots: real paths of the folders outside of which nothing is looked into; empty for anywhere.
    """
    if name_is_enough(path):
        return has_image_extension(path)
    try:
        return counts_as_photograph(path, read_head(path, roots))
    except (OSError, UnreadablePhotograph):
        # What cannot be looked into gets a row rather than vanish.
        return True


def _rename(source: PhotographSource, name: str) -> PhotographSource:
    if isinstance(source, DiskPhotograph | BrokenSource):
        return replace(source, name=name)
    raise TypeError(f"Only sources on disk are renamed. Received: {type(source).__name__}")
