"""Readings of the Screen page that are in no report yet: they end with the patient, and nobody should lose one so."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from dr_core.domain.reading import Reading
from dr_core.domain.results import ScreeningResult
from pages.components.session import list_kept

__all__ = ["READING", "Taken", "has_unsaved_reading", "recall_taken"]

# What `recall` keeps a photograph's reading under: a dict with the reading as "said".
READING = "reading"
TAKEN = "readings_taken"

Document = TypeVar("Document", str, bytes)


class Taken:
    """The readings that are in a report which was taken away, by the digest of their photograph."""

    def __init__(self) -> None:
        self.readings: dict[str, Reading | None] = {}

    def note(self, results: Sequence[ScreeningResult], make: Callable[[], Document]) -> Callable[[], Document]:
        """Return `make` so that it notes the readings of `results` as well when a report is asked for.

        A download is made outside the page's own run, where the session cannot be asked; this object can.
        """

        def make_and_note() -> Document:
            document = make()
            self.readings |= {result.provenance.photograph_sha256: result.reading for result in results}
            return document

        return make_and_note


def recall_taken() -> Taken:
    """Return what this session has taken away."""
    taken: Taken = st.session_state.setdefault(TAKEN, Taken())
    return taken


def has_unsaved_reading() -> bool:
    """Whether a person's grade of a photograph on the page is in no report that was taken away."""
    taken = recall_taken().readings
    kept: dict[str, dict[str, Reading | None]] = list_kept(READING)
    said = {sha256: reading.get("said") for sha256, reading in kept.items()}
    return any(reading is not None and taken.get(sha256) != reading for sha256, reading in said.items())
