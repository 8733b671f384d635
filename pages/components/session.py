"""What a browser session holds, and nothing of it is shared: results and pictures in memory, keyed by photograph.

The classifier alone is shared between sessions; it keeps nothing of a photograph.
"""

import logging
import traceback
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

import streamlit as st

from dr_core.domain.errors import DRError, ModelError
from dr_core.model.classifier import Classifier
from pages.components.text import escape_markdown

__all__ = ["forget_others", "get_classifier", "page_border", "recall"]

LOGGER = logging.getLogger("retinadesk.pages")
STORE_KEY = "photographs"

Value = TypeVar("Value")


@st.cache_resource(show_spinner="Loading the model")
def _load_classifier() -> Classifier:
    return Classifier.load()


def get_classifier() -> Classifier:
    """Return the released model, loaded once for all sessions; end the page with the remedy when it cannot be used."""
    try:
        return _load_classifier()
    except ModelError as error:
        st.error(f"**Nothing can be graded.** {escape_markdown(str(error))}", icon=":material/block:")
        st.stop()


def recall(sha256: str, what: Hashable, make: Callable[[], Value]) -> Value:
    """Return what this session keeps about a photograph, made at the first call.

    Args:
        sha256: digest of the photograph's bytes.
        what: which thing, unique within the photograph.
        make: makes it.
    """
    kept = cast(dict[str, dict[Hashable, object]], st.session_state.setdefault(STORE_KEY, {}))
    things = kept.setdefault(sha256, {})
    if what not in things:
        things[what] = make()
    return cast(Value, things[what])


def forget_others(sha256s: set[str]) -> None:
    """Drop everything about photographs that are no longer on the page."""
    kept = st.session_state.get(STORE_KEY, {})
    st.session_state[STORE_KEY] = {sha256: things for sha256, things in kept.items() if sha256 in sha256s}


@contextmanager
def page_border() -> Iterator[None]:
    """Turn an error that escapes a page into a sentence, and log where it arose.

    The log gets the error's type and the lines of code, never its message: that may quote a file name.
    """
    try:
        yield
    except DRError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
    except Exception as error:  # noqa: BLE001 - the page border
        frames = "".join(traceback.format_tb(error.__traceback__))
        LOGGER.error("%s on a page\n%s", type(error).__name__, frames)
        st.error(
            "The page met an unexpected error, and the photograph was not graded. Reload the page and try again; if it "
            "happens again, tell whoever runs RetinaDesk: the server's log says where.",
            icon=":material/error:",
        )
