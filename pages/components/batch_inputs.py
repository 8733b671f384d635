"""Where the photographs of a batch come from: a folder, files, a ZIP, or a folder on the server."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dr_core.domain.errors import DRError
from dr_core.model.classifier import Classifier
from dr_core.screening.archive import open_archive
from dr_core.screening.folder import find_server_photographs
from dr_core.screening.job import JobRequest
from dr_core.screening.jobs import JobRegistry
from dr_core.screening.sources import BatchInput
from dr_core.screening.spool import Spool, spool_uploads
from dr_core.settings import Settings
from pages.components.batch_link import link_batch
from pages.components.session import state_oedema_limit
from pages.components.text import escape_markdown
from pages.components.upload_limits import ARCHIVE_LIMIT_MB, PHOTOGRAPH_LIMIT_MB
from pages.components.upload_store import release_uploads

__all__ = ["start_batch"]

FOLDER, FILES, ARCHIVE, SERVER = "Folder", "Files", "ZIP file", "Folder on the server"
ROUND = "batch_round"
READ_FIRST_HELP = (
    "A grade that you give before you see the program's is independent of it. The page then shows how far you agree, "
    "and gives your grades away as a list for Calibrate."
)


@dataclass(frozen=True)
class Choice:
    """What the user has chosen so far.

    Attributes:
        kind: one of the four kinds.
        uploads: files that came through the browser; empty for a folder on the server.
        folder: path that the user typed; empty for uploads.
    """

    kind: str
    uploads: Sequence[UploadedFile] = ()
    folder: str = ""


@dataclass(frozen=True)
class Wishes:
    """How the batch is to be done; as in `JobRequest`."""

    grade_ungradable: bool
    read_first: bool


def start_batch(registry: JobRegistry, classifier: Classifier, settings: Settings) -> None:
    """Let the user choose photographs, and start grading them."""
    st.markdown("# Grade many photographs")
    left, right = st.columns([2, 1], gap="large")
    with left:
        kinds = [FOLDER, FILES, ARCHIVE, *([SERVER] if settings.server_roots else [])]
        kind = st.segmented_control("Where are they?", kinds, default=FOLDER, required=True, key="batch_kind")
        choice = _choose_input(kind, settings.server_roots)
        if len(choice.uploads) > 1:
            st.caption(f"{len(choice.uploads):,} files chosen.")
        grade_ungradable = st.checkbox(
            "Also compute probabilities of ungradable photographs (research)",
            help="They still get no grade, and the advice to retake or refer.",
            key="batch_grade_ungradable",
        )
        read_first = st.checkbox(
            "Read first: hide the program's answers until I have given my grade",
            help=READ_FIRST_HELP,
            key="batch_read_first",
        )
        ready = bool(choice.uploads) or bool(choice.folder.strip())
        clicked = st.button(
            "Start grading", type="primary", icon=":material/play_arrow:", disabled=not ready, key="batch_start"
        )
    with right, st.container(border=True):
        _explain(settings.job_hours)
    if clicked:
        with left:
            wishes = Wishes(grade_ungradable=grade_ungradable, read_first=read_first)
            _start(registry, classifier, choice, settings, wishes)


def _choose_input(kind: str, roots: Sequence[Path]) -> Choice:
    # A new round makes a new widget: the files of the old one are on disk by then, and no longer in memory.
    key = f"batch_{kind}_{st.session_state.get(ROUND, 0)}"
    if kind == SERVER:
        allowed = ", ".join(escape_markdown(str(root)) for root in roots)
        folder = st.text_input("Path of the folder on the server", placeholder=str(roots[0]), key=key)
        st.caption(f"Allowed: {allowed} and what lies below.")
        return Choice(kind, folder=folder)
    if kind == ARCHIVE:
        packed = st.file_uploader("ZIP file with photographs", type="zip", max_upload_size=ARCHIVE_LIMIT_MB, key=key)
        return Choice(kind, uploads=[packed] if packed else [])
    if kind == FILES:
        files = st.file_uploader(
            "Photographs (JPEG, PNG, TIFF or DICOM)",
            accept_multiple_files=True,
            max_upload_size=PHOTOGRAPH_LIMIT_MB,
            key=key,
        )
        return Choice(kind, uploads=files)
    content = st.file_uploader(
        "Folder with photographs (JPEG, PNG, TIFF or DICOM), with its subfolders",
        accept_multiple_files="directory",
        max_upload_size=PHOTOGRAPH_LIMIT_MB,
        key=key,
    )
    return Choice(kind, uploads=content)


def _explain(job_hours: float) -> None:
    st.markdown(
        "**What happens.** Every photograph gets one row: graded, ungradable or failed, with the reason. "
        "Grading goes on when you leave or reload this page; its private link brings you back.\n\n"
        "**What is kept.** Photographs and results stay in a private folder of this server for "
        f"{job_hours:g} hours after the end, or until you delete them.\n\n"
        f"**Limits.** {state_oedema_limit()} Ungradable photographs get no grade: retake or refer."
    )


def _start(registry: JobRegistry, classifier: Classifier, choice: Choice, settings: Settings, wishes: Wishes) -> None:
    spool: Spool | None = None
    started = False
    try:
        with st.spinner("Looking through the files"):
            spool = registry.make_spool()
            batch = _gather(choice, spool, settings.server_roots)
            request = JobRequest(batch, spool, wishes.grade_ungradable, wishes.read_first)
            job = registry.start(request, classifier)
            started = True
    except DRError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
        return
    finally:
        # Also when the user leaves in the middle, which ends the script here.
        if spool is not None and not started:
            spool.remove()
    release_uploads(choice.uploads)
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
    link_batch(job)
    st.rerun()


def _gather(choice: Choice, spool: Spool, roots: Sequence[Path]) -> BatchInput:
    if choice.kind == SERVER:
        return find_server_photographs(choice.folder, roots)
    if choice.kind == ARCHIVE:
        packed = choice.uploads[0]
        packed.seek(0)
        return open_archive(Path(spool.add(packed.name, packed).path))
    files = [(upload.name, upload) for upload in choice.uploads]
    return spool_uploads(spool, files, chosen_outright=choice.kind == FILES)
