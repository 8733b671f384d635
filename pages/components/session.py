"""What a browser session holds, and nothing of it is shared: results and pictures in memory, keyed by photograph.

Of one photograph a session keeps, until it leaves the page:

- the uploaded bytes, once, in Streamlit's own store of uploads (`upload_store` lets go of them);
- one `Screening` with the photograph decoded at screen size, in the place of the smaller pixels that were graded;
- JPEGs of the renderings that were looked at, as the browser gets them; full resolution only while it is switched on;
- heatmaps that took long, on the network's own grid of some hundred cells.

Larger things are made from these when they are shown and then let go: overlays, enhanced pixels, heatmaps in the
photograph's frame, the pixels behind a full-resolution JPEG. The classifier alone is shared between sessions; it keeps
nothing of a photograph.
"""

import logging
import traceback
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import streamlit as st

from dr_core.domain.errors import ConfigurationError, DRError, ModelError, StorageError
from dr_core.domain.intended_use import describe_oedema_limit
from dr_core.model.classifier import Classifier
from dr_core.model.spec import ModelSpec, load_spec
from dr_core.reports.operating_point import read_operating_point
from dr_core.settings import load_settings
from pages.components.text import escape_markdown
from pages.components.upload_store import release_noted

__all__ = [
    "forget",
    "forget_all",
    "forget_others",
    "get_classifier",
    "grades_with_another",
    "list_kept",
    "page_border",
    "recall",
    "state_oedema_limit",
]

LOGGER = logging.getLogger("retinadesk.pages")
STORE_KEY = "photographs"

Value = TypeVar("Value")


@st.cache_resource(show_spinner="Loading the model", max_entries=1)
def _load_classifier(operating_point: Path | None, changed_ns: int) -> Classifier:
    """Load the model at the clinic's operating point; `changed_ns` makes a file that was written anew a new entry."""
    del changed_ns
    point = read_operating_point(operating_point) if operating_point is not None else None
    classifier = Classifier.load(operating_point=point)
    _note_loaded()["sha256"] = classifier.spec.sha256
    return classifier


@st.cache_resource(show_spinner=False)
def _note_loaded() -> dict[str, str]:
    """Return what all sessions of this server know of the model that it grades with."""
    return {}


def grades_with_another(spec: ModelSpec) -> bool:
    """Whether this server has loaded a model already, and another than the one whose files stand there now."""
    return _note_loaded().get("sha256", spec.sha256) != spec.sha256


def get_classifier() -> Classifier:
    """Return the released model at the operating point of this installation, loaded once for all sessions.

    Ends the page with the remedy when one of them cannot be used: a clinic that set an operating point must not be
    served at another without knowing.
    """
    try:
        path = load_settings().operating_point
        return _load_classifier(path, path.stat().st_mtime_ns if path and path.is_file() else 0)
    except (ModelError, ConfigurationError, StorageError) as error:
        st.error(f"**Nothing can be graded.** {escape_markdown(str(error))}", icon=":material/block:")
        st.stop()


def state_oedema_limit() -> str:
    """Say what results of the installed model tell of macular oedema, without loading its weights."""
    try:
        side = load_spec().side
    except ModelError:
        side = None
    return describe_oedema_limit(validated=side is not None and side.oedema_validated)


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


def list_kept(what: Hashable) -> dict[str, Any]:
    """Return one thing that `recall` keeps, of every photograph that has it, by the digest of the photograph."""
    kept = cast(dict[str, dict[Hashable, Any]], st.session_state.get(STORE_KEY, {}))
    return {sha256: things[what] for sha256, things in kept.items() if what in things}


def forget(sha256: str, what: Hashable) -> None:
    """Drop one thing that `recall` keeps about a photograph, if it does."""
    kept = cast(dict[str, dict[Hashable, object]], st.session_state.get(STORE_KEY, {}))
    kept.get(sha256, {}).pop(what, None)


def forget_all() -> None:
    """Drop everything about photographs, their uploaded bytes too; the first thing that a page without them does."""
    st.session_state[STORE_KEY] = {}
    release_noted()


def forget_others(sha256s: set[str]) -> None:
    """Drop everything about photographs that are no longer on the page."""
    kept = st.session_state.get(STORE_KEY, {})
    st.session_state[STORE_KEY] = {sha256: things for sha256, things in kept.items() if sha256 in sha256s}


@contextmanager
def page_border() -> Iterator[None]:
    """Turn an error that escapes a page, or a fragment of one, into a sentence, and log where it arose.

    The log gets the error's type and the lines of code, never its message: that may quote a file name. A fragment needs
    a border of its own, inside: Streamlit itself logs what leaves it, before the page sees it.
    """
    try:
        yield
    except DRError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
    except Exception as error:  # noqa: BLE001 - the page border
        frames = "".join(traceback.format_tb(error.__traceback__))
        LOGGER.error("%s on a page\n%s", type(error).__name__, frames)
        st.error(
            "This part of the page met an unexpected error and is not complete. Reload the page and try again; if it "
            "happens again, tell whoever runs RetinaDesk: the server's log says where.",
            icon=":material/error:",
        )
