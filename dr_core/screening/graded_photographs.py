"""Pairs a clinic's photographs with the grades of its list: never one photograph with another one's grade."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from dr_core.domain.errors import ConfigurationError
from dr_core.screening.graded_list import GradedList, ListedGrade, quote_name, split_path
from dr_core.screening.sources import PhotographSource, has_image_extension

__all__ = ["GradedPhotograph", "match_photographs"]

NAMES_IN_MESSAGE = 3


@dataclass(frozen=True, eq=False)
class GradedPhotograph:
    """A photograph with its reader's grade, 0 to 4."""

    source: PhotographSource
    grade: int


def match_photographs(graded: GradedList, sources: Sequence[PhotographSource]) -> tuple[GradedPhotograph, ...]:
    """Find the photograph of each row: by file name with or without extension, and by as many folders as both have.

    Args:
        graded: the readers' list.
        sources: photographs at hand; those that no row names are left out.

    Raises:
        ConfigurationError: a row names no photograph, or several; or two rows name the same one.
    """
    by_base = _index_names(sources)
    found: dict[int, ListedGrade] = {}
    unknown: list[str] = []
    for row in graded.rows:
        places = _find_places(row.name, sources, by_base)
        if not places:
            unknown.append(row.name)
        elif len(places) > 1:
            raise ConfigurationError(
                f"{quote_name(row.name)} fits {len(places)} photographs: write subfolder or extension into the list."
            )
        elif places[0] in found:
            both = f"{quote_name(found[places[0]].name)} and {quote_name(row.name)}"
            raise ConfigurationError(f"{both} in the list are the same photograph: keep one of the lines.")
        else:
            found[places[0]] = row
    if unknown:
        raise ConfigurationError(_explain_unknown(unknown, len(sources)))
    return tuple(GradedPhotograph(sources[at], row.grade) for at, row in found.items())


def _find_places(name: str, sources: Sequence[PhotographSource], by_base: dict[str, list[int]]) -> list[int]:
    """Return which of `sources` a row means, folders compared as far as both names have any."""
    for written in (name, name.removeprefix("'")):
        parts = split_path(written)
        places = [
            at
            for at in by_base.get(_fold(parts[-1]), [])
            if all(map(_same, reversed(parts[:-1]), reversed(split_path(sources[at].name)[:-1])))
        ]
        exact = [at for at in places if split_path(sources[at].name) == parts]
        if places:
            return exact or places
    return []


def _index_names(sources: Sequence[PhotographSource]) -> dict[str, list[int]]:
    """Return the places of photographs by file name; names without extension come in where no file has that name."""
    by_base: dict[str, list[int]] = {}
    by_stem: dict[str, list[int]] = {}
    for at, source in enumerate(sources):
        base = split_path(source.name)[-1]
        by_base.setdefault(_fold(base), []).append(at)
        if has_image_extension(base):
            by_stem.setdefault(_fold(PurePosixPath(base).stem), []).append(at)
    return by_stem | by_base


def _same(one: str, other: str) -> bool:
    return _fold(one) == _fold(other)


def _fold(text: str) -> str:
    return text.casefold()


def _explain_unknown(unknown: Sequence[str], photographs: int) -> str:
    named = ", ".join(map(quote_name, unknown[:NAMES_IN_MESSAGE]))
    others = f" and {len(unknown) - NAMES_IN_MESSAGE:,} more" if len(unknown) > NAMES_IN_MESSAGE else ""
    return (
        f"No photograph is there for {named}{others}, which the list names ({photographs:,} photographs were given): "
        "add the photographs, or take the lines out of the list."
    )
