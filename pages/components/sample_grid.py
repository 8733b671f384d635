"""Sample photographs of each grade, from the data folder that the configuration names and from nowhere else."""

import os
from pathlib import Path

import streamlit as st

from dr_core.domain.errors import PhotographError
from dr_core.domain.grades import Grade
from dr_core.domain.photograph import UInt8Array
from dr_core.imaging.decode import decode_photograph
from dr_core.reports.dataset import SamplePhotograph, list_samples, pick_samples
from pages.components.source_style import name_source

__all__ = ["show_samples"]

DATA_VARIABLE = "RETINADESK_DATA"
SAMPLES_PER_GRADE = 4
THUMBNAIL_PX = 320
SEED_KEY = "dataset_sample_seed"


@st.cache_data(show_spinner="Reading the manifest")
def load_samples(data_dir: Path) -> tuple[SamplePhotograph, ...]:
    """List the training photographs of the data folder that the configuration names."""
    return list_samples(data_dir)


@st.cache_data(show_spinner=False, max_entries=400)
def load_thumbnail(path: Path) -> UInt8Array | None:
    """Decode a training photograph small: (h, w, 3) uint8 RGB; None where it cannot be read."""
    try:
        return decode_photograph(path.read_bytes(), path.name, longest_side_px=THUMBNAIL_PX).pixels
    except (OSError, PhotographError):
        return None


def show_samples() -> None:
    """Show a few training photographs of each grade, where the configuration names a data folder."""
    folder = os.environ.get(DATA_VARIABLE, "").strip()
    if not folder:
        st.info(
            "The photographs themselves are not part of RetinaDesk: their terms do not allow it. To see samples here, "
            f"start the app with the environment variable {DATA_VARIABLE} set to a folder that holds `manifest.csv` "
            "and the photographs that it lists.",
            icon=":material/folder_off:",
        )
        return
    samples = load_samples(Path(folder))
    sources = list(dict.fromkeys(sample.source for sample in samples))
    if not sources:
        st.info("The data folder's manifest lists no graded training photograph.", icon=":material/folder_off:")
        return
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    source = left.segmented_control(
        "Source", sources, default=sources[0], format_func=name_source, required=True, key="dataset_sample_source"
    )
    right.button(
        "Other samples", icon=":material/shuffle:", width="stretch", key="dataset_other_samples", on_click=draw_others
    )
    seed = st.session_state.get(SEED_KEY, 0)
    for grade in Grade:
        st.markdown(f"**{grade.value} {grade.label}.** {grade.finding}")
        show_sample_row(
            pick_samples(samples, source=source or sources[0], grade=grade, count=SAMPLES_PER_GRADE, seed=seed)
        )
    st.caption("Training photographs only; copies with conflicting grades are left out. Test photographs stay unseen.")


def draw_others() -> None:
    """Move on to the next draw of samples, in this session."""
    st.session_state[SEED_KEY] = st.session_state.get(SEED_KEY, 0) + 1


def show_sample_row(samples: tuple[SamplePhotograph, ...]) -> None:
    """Show photographs side by side."""
    for column, sample in zip(st.columns(SAMPLES_PER_GRADE), samples, strict=False):
        pixels = load_thumbnail(sample.path)
        if pixels is None:
            column.caption("This photograph cannot be read.")
        else:
            column.image(pixels, width="stretch")
