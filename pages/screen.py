"""Screen: one patient's photographs in; quality, grade, referral, heatmap and report out."""

from dataclasses import replace
from functools import partial

import streamlit as st

from dr_core.domain.intended_use import INTENDED_USE, NOT_FOR
from dr_core.domain.operating_point import LocalOperatingPoint
from dr_core.domain.reading import Reading
from dr_core.domain.results import Status
from dr_core.model.classifier import Classifier
from dr_core.reports.referral import VISIT_SIGNALS, Referral
from dr_core.reports.wording import lower_first, name_eye
from dr_core.screening.display import screen_for_display
from dr_core.screening.pipeline import Screening
from dr_core.screening.visit import rank_eye, state_eye, summarise_visit
from pages.components.downloads import show_downloads
from pages.components.heatmap_panel import show_heatmap
from pages.components.key_choice import choose_with_keys
from pages.components.navigation import enter_through_app
from pages.components.reading_panel import show_reading
from pages.components.result_panel import describe_briefly, show_provenance, show_referral, show_result
from pages.components.session import forget_others, get_classifier, recall, state_oedema_limit
from pages.components.text import escape_markdown
from pages.components.theme import title_unseen
from pages.components.unsaved import READING
from pages.components.uploads import EYES, Upload, choose_eye, choose_photographs
from pages.components.viewer import Frame, choose_rendering, show_photograph

# As in OD and OS; the digits give grades.
EYE_KEYS = ("D", "S")
EYE_SHOWN, EYES_OF = "eye_shown", "eyes_of"
ORDINALS = ("first photograph", "second photograph")
PHOTOGRAPH_HEIGHT_PX = 452
SHOWN_NAME_LENGTH = 32


def show_welcome() -> None:
    """Say what the page does and for whom, while there is no photograph."""
    steps, use = st.columns([1, 1.2], gap="medium")
    with steps, st.container(border=True, height="stretch"):
        st.markdown("## How it works")
        st.markdown(
            "1. Drop one colour fundus photograph, or both eyes of one patient.\n"
            "2. Look at the photograph first, in colour, red-free and contrast-enhanced.\n"
            "3. Read its quality, the ICDR grade, the referral and the follow-up interval.\n"
            "4. Compare with the heatmap, and take the report away as PDF, CSV or JSON."
        )
        st.caption("Photographs stay in the memory of this session: nothing is written to disk.")
    with use, st.container(border=True, height="stretch"):
        st.markdown("## Intended use")
        st.markdown(INTENDED_USE)
        st.markdown(NOT_FOR)
        st.markdown(state_oedema_limit())


def screen_upload(upload: Upload, classifier: Classifier) -> Screening:
    """Grade a photograph once in this session, and keep it at screen size."""

    def make() -> Screening:
        return screen_for_display(upload.data, upload.name, classifier=classifier)

    with st.spinner("Reading the photograph"):
        return recall(upload.sha256, ("screening", upload.name), make)


def is_eye_shown(label: str | None) -> bool:
    """Whether no other eye has been chosen since `label` was: its keys may still be on the page while it opens."""
    return st.session_state.get(EYE_SHOWN) == label


def keep_reading(sha256: str, reading: Reading | None) -> None:
    """Keep what a person says of a photograph, for as long as it is on the page."""
    _recall_reading(sha256)["said"] = reading


def put_reading(screening: Screening, sha256: str) -> Screening:
    """Return `screening` with what a person has said of it."""
    return replace(screening, result=replace(screening.result, reading=recall_reading(sha256)))


def recall_reading(sha256: str) -> Reading | None:
    """Return what a person has said of a photograph."""
    return _recall_reading(sha256).get("said")


def _recall_reading(sha256: str) -> dict[str, Reading | None]:
    return recall(sha256, READING, dict)


def begin_with_first_eye(sha256s: set[str]) -> None:
    """Forget which eye was chosen when other photographs come: the next patient's right eye comes first again."""
    if st.session_state.get(EYES_OF) != sha256s:
        st.session_state[EYES_OF] = sha256s
        st.session_state.pop(EYE_SHOWN, None)


def choose_shown(screenings: list[Screening]) -> Screening:
    """Let the user go from eye to eye when there are two; the right eye comes first."""
    if len(screenings) == 1:
        return screenings[0]
    ordered = sorted(screenings, key=lambda screening: rank_eye(screening.result))
    names = [name_eye(screening.result.laterality) for screening in ordered]
    if names[0] == names[1]:
        names = [f"First photograph: {lower_first(names[0])}", f"Second photograph: {lower_first(names[1])}"]
    labels = {
        name: f"{name} · {describe_briefly(screening.result)}" for name, screening in zip(names, ordered, strict=True)
    }
    chosen = choose_with_keys(dict(zip(names, EYE_KEYS, strict=True)), key=EYE_SHOWN, label=labels.__getitem__)
    return ordered[names.index(chosen)]


def show_eye(screening: Screening, data: bytes, point: LocalOperatingPoint | None) -> None:
    """Show one eye: photograph, then what was found, then the heatmap."""
    if screening.photograph is None:
        # Nothing to look at, so nothing stands beside the reason.
        show_result(screening.result, point)
        show_provenance(screening.result)
        return
    left, right = st.columns([1.15, 1], gap="medium")
    with left:
        rendering = choose_rendering(screening, key="rendering")
        show_photograph(screening, rendering, data, Frame("photograph_view", PHOTOGRAPH_HEIGHT_PX))
        if screening.result.status is not Status.FAILED:
            sha256 = screening.result.provenance.photograph_sha256
            show_reading(
                partial(recall_reading, sha256),
                partial(keep_reading, sha256),
                key=f"reading_{sha256[:16]}",
                in_view=partial(is_eye_shown, st.session_state.get(EYE_SHOWN)),
            )
    with right:
        show_result(screening.result, point)
    if screening.result.status is Status.GRADED:
        show_heatmap(screening, rendering)
    show_provenance(screening.result)


def show_visit(screenings: list[Screening]) -> None:
    """Show what both eyes mean together."""
    visit = summarise_visit([screening.result for screening in screenings])
    st.markdown("## Both eyes together")
    show_referral(Referral(VISIT_SIGNALS[visit.outcome], visit.outcome.value, visit.summary))
    if visit.concerns:
        bullet = "- " if len(visit.concerns) > 1 else ""
        st.warning("\n".join(f"{bullet}{concern}" for concern in visit.concerns), icon=":material/rule:")


enter_through_app()
title_unseen("Screen one patient")
uploads = choose_photographs()
present = {upload.sha256 for upload in uploads}
forget_others(present)
begin_with_first_eye(present)
if not uploads:
    show_welcome()
    st.stop()
classifier = get_classifier()
stated: list[Screening] = []
for box, upload, whose in zip(st.columns(EYES), uploads, ORDINALS, strict=False):
    screening = screen_upload(upload, classifier)
    with box, st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":material/image: {escape_markdown(upload.name, max_length=SHOWN_NAME_LENGTH)}", width="content")
        failed = screening.result.status is Status.FAILED
        eye = screening.result.laterality if failed else choose_eye(upload, screening.result.laterality, whose=whose)
    stated.append(put_reading(state_eye(screening, eye), upload.sha256))
if len(stated) > 1:
    show_visit(stated)
shown = choose_shown(stated)
show_eye(shown, uploads[stated.index(shown)].data, classifier.operating_point)
st.markdown("## Downloads")
show_downloads(stated, classifier.operating_point)
