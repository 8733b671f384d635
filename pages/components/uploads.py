"""What comes into the Screen page: up to two photographs from the user, or a drawn sample."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import streamlit as st

from dr_core.domain.photograph import Laterality
from dr_core.imaging.drawing import SAMPLES
from pages.components.unsaved import has_unsaved_reading
from pages.components.upload_limits import PHOTOGRAPH_LIMIT_MB
from pages.components.upload_store import note_uploads, release_noted

__all__ = ["EYES", "Upload", "choose_eye", "choose_photographs"]

EYES = 2
ASSETS = Path(__file__).parents[2] / "assets"
SAMPLE_LABELS = {
    "sample_lesions.jpg": "With lesions",
    "sample_healthy.jpg": "Healthy",
    "sample_blurred.jpg": "Blurred",
}
PATIENT, ASKED = "patient_round", "patient_asked"
NOT_STATED = "Not stated"
EYE_LABELS = {"Right (OD)": Laterality.OD, "Left (OS)": Laterality.OS, NOT_STATED: None}


@dataclass(frozen=True)
class Upload:
    """Bytes as they came, with the name they came under; the name is untrusted text.

    Attributes:
        data: the file's bytes.
        name: the file's own name.
        sha256: hex digest of `data`.
        eye: which eye, where it is known without reading the name.
    """

    data: bytes
    name: str
    sha256: str
    eye: Laterality | None = None


def choose_photographs() -> list[Upload]:
    """Show the drop zone and the samples; return at most two photographs, without repeats."""
    with st.container(key="inputs"):
        drop, samples = st.columns([1.9, 1.1], vertical_alignment="top")
        files = drop.file_uploader(
            "Drop fundus photographs of one patient here, one eye or both: JPEG, PNG, TIFF or DICOM, to 50 megapixels",
            accept_multiple_files=True,
            max_upload_size=PHOTOGRAPH_LIMIT_MB,
            on_change=_put_sample_away,
            # A new patient gets a new widget: an upload adds to what an old one holds.
            key=f"uploads_{st.session_state.get(PATIENT, 0)}",
        )
        with samples:
            if files:
                _offer_next_patient()
            else:
                _offer_samples()
    note_uploads(files)
    if not files:
        sample = st.session_state.get("sample")
        return [_load_sample(sample)] if sample else []
    different: dict[str, Upload] = {}
    repeats = 0
    for file in files:
        if len(different) == EYES:
            break  # what comes after is not looked at, however much it is
        upload = _read_upload(file.getvalue(), file.name)
        repeats += upload.sha256 in different
        different.setdefault(upload.sha256, upload)
    if repeats:
        st.warning("The same photograph was given twice; it is shown once.", icon=":material/content_copy:")
    if len(files) - repeats > EYES:
        st.warning(
            f"{len(files)} photographs were given; the first two are shown here. Are the others of another patient? "
            "Press Next patient, and drop them again. Use the Batch page for many.",
            icon=":material/filter_2:",
        )
        st.page_link("pages/batch.py", label="Go to Batch", icon=":material/folder_open:")
    return list(different.values())


def choose_eye(upload: Upload, derived: Laterality | None, *, whose: str) -> Laterality | None:
    """Let the user say which eye a photograph shows; `derived` is chosen at the start, `whose` tells two apart."""
    known = upload.eye or derived
    chosen = st.segmented_control(
        f"Eye on the {whose}",
        list(EYE_LABELS),
        default=next(label for label, eye in EYE_LABELS.items() if eye is known),
        required=True,
        label_visibility="collapsed",
        key=f"eye_{upload.sha256}",
    )
    return EYE_LABELS[chosen or NOT_STATED]


def _offer_samples() -> None:
    if "sample" not in st.session_state:
        st.session_state["sample"] = ""
    if not st.session_state["sample"]:
        first = next(iter(SAMPLE_LABELS))
        st.caption("No photograph at hand?")
        st.button(
            "Try a sample photograph",
            key="try_sample",
            shortcut="T",
            icon=":material/science:",
            on_click=_take_sample,
            args=(first,),
        )
        return
    st.caption("A sample drawn by a program, nobody's eye")
    with st.container(horizontal=True, gap="xsmall", key="sample_choice"):
        for name, label in SAMPLE_LABELS.items():
            kind: Literal["primary", "secondary"] = "primary" if st.session_state["sample"] == name else "secondary"
            st.button(label, key=f"take_{name}", type=kind, on_click=_take_sample, args=(name,))
        st.button("Close", key="close_sample", type="tertiary", on_click=_put_sample_away)


def _offer_next_patient() -> None:
    if st.session_state.get(ASKED) and has_unsaved_reading():
        st.warning("Your grade is in no report yet, and ends with this patient.", icon=":material/assignment_late:")
        with st.container(horizontal=True):
            st.button("Go on without it", key="next_patient_all_the_same", shortcut="N", on_click=_begin_next_patient)
            st.button("Stay", key="stay_with_patient", type="tertiary", on_click=_stay)
        return
    st.caption("One patient at a time")
    st.button(
        "Next patient",
        key="next_patient",
        shortcut="N",
        icon=":material/person_add:",
        help="Takes these photographs and their results off the page.",
        on_click=_leave_patient,
    )


def _leave_patient() -> None:
    # Asked now, not when the button was drawn: a report may have been taken away since.
    if has_unsaved_reading():
        st.session_state[ASKED] = True
    else:
        _begin_next_patient()


def _stay() -> None:
    st.session_state[ASKED] = False


def _begin_next_patient() -> None:
    _stay()
    release_noted()
    st.session_state[PATIENT] = st.session_state.get(PATIENT, 0) + 1


def _take_sample(name: str) -> None:
    st.session_state["sample"] = name


def _put_sample_away() -> None:
    st.session_state["sample"] = ""


def _load_sample(name: str) -> Upload:
    return _read_upload((ASSETS / name).read_bytes(), name, SAMPLES[name].eye)


def _read_upload(data: bytes, name: str, eye: Laterality | None = None) -> Upload:
    return Upload(data, name, hashlib.sha256(data).hexdigest(), eye)
