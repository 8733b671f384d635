"""What a local calibration needs: the photographs, the readers' grades, a name and the wanted sensitivity."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dr_core.domain.errors import DRError
from dr_core.model.classifier import Classifier
from dr_core.reports.operating_point import DEFAULT_NAME, check_name
from dr_core.screening.archive import open_archive
from dr_core.screening.calibration_job import CalibrationJob, HeldPhotograph
from dr_core.screening.graded_list import TEMPLATE, parse_graded_list
from dr_core.screening.graded_photographs import match_photographs
from dr_core.screening.local_calibration import DEFAULT_SENSITIVITY, MIN_GRADED, MIN_PER_CLASS, check_sample
from dr_core.screening.sources import PhotographSource
from pages.components.text import escape_markdown
from pages.components.upload_limits import ARCHIVE_LIMIT_MB, LIST_LIMIT_MB, PHOTOGRAPH_LIMIT_MB
from pages.components.upload_store import release_uploads

__all__ = ["CalibrationRun", "ask_for_photographs", "choose_sensitivity", "find_run", "forget_run"]

FOLDER, FILES, ARCHIVE = "Folder", "Files", "ZIP file"
MAX_MESSAGE = 600
LOWEST, HIGHEST, STEP = 0.70, 0.98, 0.01
RUN = "calibration_run"
ROUND = "calibration_round"


@dataclass(frozen=True, eq=False)
class CalibrationRun:
    """What this session calibrates.

    Attributes:
        job: the screening of the photographs.
        name: under which results will quote the operating point.
        sensitivity: wanted when the run was started.
        ungraded: photographs that the list names without a grade.
    """

    job: CalibrationJob
    name: str
    sensitivity: float
    ungraded: int


def find_run() -> CalibrationRun | None:
    """Return the calibration of this session; None when there is none."""
    return st.session_state.get(RUN)


def forget_run() -> None:
    """Drop the calibration of this session."""
    st.session_state.pop(RUN, None)


def choose_sensitivity(start: float, *, key: str) -> float:
    """Let the user choose the sensitivity for referable DR."""
    return st.slider(
        "Wanted sensitivity for referable DR",
        LOWEST,
        HIGHEST,
        start,
        STEP,
        format="percent",
        help="More sensitivity misses fewer eyes that need referral, and refers more that do not. 90% is usual.",
        key=key,
    )


def ask_for_photographs(classifier: Classifier) -> None:
    """Let the user choose photographs and grades, and start the calibration."""
    st.markdown("# Calibrate for this clinic")
    left, right = st.columns([2, 1], gap="large")
    with left:
        kind = st.segmented_control(
            "Where are the photographs?", [FOLDER, FILES, ARCHIVE], default=FOLDER, required=True, key="calibrate_kind"
        )
        uploads = _choose_photographs(kind or FOLDER)
        listed = _choose_list()
        name_column, sensitivity_column = st.columns(2, gap="medium")
        with name_column:
            name = st.text_input(
                "Name of the operating point",
                _propose_name(classifier),
                help="Results and reports quote it, with its version: say site and camera.",
                key="calibrate_name",
            ).strip()
        with sensitivity_column:
            sensitivity = choose_sensitivity(DEFAULT_SENSITIVITY, key="calibrate_sensitivity")
        clicked = st.button(
            "Start calibration",
            type="primary",
            icon=":material/play_arrow:",
            disabled=not (uploads and listed),
            key="calibrate_start",
        )
    with right, st.container(border=True):
        _explain(classifier)
    if clicked and listed is not None:
        with left:
            _start(classifier, (kind or FOLDER, uploads), listed, name=name, sensitivity=sensitivity)


def _choose_photographs(kind: str) -> Sequence[UploadedFile]:
    # A new round makes a new, empty widget.
    key = f"calibrate_{kind}_{st.session_state.get(ROUND, 0)}"
    if kind == ARCHIVE:
        packed = st.file_uploader("ZIP file with photographs", type="zip", max_upload_size=ARCHIVE_LIMIT_MB, key=key)
        return [packed] if packed else []
    if kind == FILES:
        return st.file_uploader(
            "Photographs (JPEG, PNG, TIFF or DICOM)",
            accept_multiple_files=True,
            max_upload_size=PHOTOGRAPH_LIMIT_MB,
            key=key,
        )
    return st.file_uploader(
        "Folder with photographs (JPEG, PNG, TIFF or DICOM), with its subfolders",
        accept_multiple_files="directory",
        max_upload_size=PHOTOGRAPH_LIMIT_MB,
        key=key,
    )


def _choose_list() -> UploadedFile | None:
    listed = st.file_uploader(
        "The readers' grades: a CSV with the columns file and grade",
        type=["csv", "txt", "tsv"],
        max_upload_size=LIST_LIMIT_MB,
        key=f"calibrate_list_{st.session_state.get(ROUND, 0)}",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Template",
            data=TEMPLATE,
            file_name="graded.csv",
            mime="text/csv",
            icon=":material/table:",
            on_click="ignore",
            key="calibrate_template",
        )
        st.caption("Grades 0 to 4, or U where the reader could not grade. Commas or semicolons.", width="stretch")
    return listed


def _propose_name(classifier: Classifier) -> str:
    point = classifier.operating_point
    return point.name if point else DEFAULT_NAME


def _explain(classifier: Classifier) -> None:
    point = classifier.operating_point
    state = f"at **{escape_markdown(point.label)}**" if point else "**not locally validated**"
    st.markdown(
        "**What happens.** Another camera and other readers move the probabilities and the threshold that were frozen "
        "on public data. Your own graded photographs give yours, and say how often they err with you.\n\n"
        f"**What it takes.** 100 to 200 photographs, {MIN_GRADED} at least, {MIN_PER_CLASS} of them referable (grade 2 "
        "or more): one eye of each patient, graded by your readers without seeing the program's grade. Patients as "
        "they come are best, since how common disease is among them goes into the probabilities; referable ones that "
        "are added make the program refer rather too many.\n\n"
        "**What is kept.** Nothing. Photographs and grades stay in memory while this browser session lasts; you "
        "download the operating point.\n\n"
        f"**Now.** This installation works {state}."
    )


def _start(
    classifier: Classifier,
    photographs: tuple[str, Sequence[UploadedFile]],
    listed: UploadedFile,
    *,
    name: str,
    sensitivity: float,
) -> None:
    try:
        with st.spinner("Looking through the files"):
            check_name(name)
            graded = parse_graded_list(listed.getvalue())
            check_sample(graded.grades, sensitivity)
            job = CalibrationJob(match_photographs(graded, _gather(*photographs)))
    except DRError as error:
        st.error(escape_markdown(str(error), max_length=MAX_MESSAGE), icon=":material/error:")
        return
    job.start(classifier)
    st.session_state[RUN] = CalibrationRun(job, name, sensitivity, graded.ungraded)
    # The job holds its own; Streamlit would keep these until the browser session ends.
    release_uploads([*photographs[1], listed])
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
    st.rerun()


def _gather(kind: str, uploads: Sequence[UploadedFile]) -> Sequence[PhotographSource]:
    """Return what was uploaded, all of it in memory.

    Raises:
        DRError: the ZIP file is damaged or too large.
    """
    if kind == ARCHIVE:
        return open_archive(io.BytesIO(uploads[0].getvalue())).photographs
    return [HeldPhotograph(upload.name, upload) for upload in uploads]
