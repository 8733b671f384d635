"""A person's own grade for a photograph, given by button or by key, with a name and a note."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import streamlit as st

from dr_core.domain.grades import Grade
from dr_core.domain.reading import Reading

__all__ = ["show_reading"]

Save = Callable[[Reading | None], None]
Recall = Callable[[], Reading | None]

# One for all pages of a session: whoever reads forty patients types the name once.
READER = "reader_name"
BUTTONS: dict[str, tuple[str, Grade | None]] = {
    "0": ("No DR", Grade.NO_DR),
    "1": ("Mild", Grade.MILD_NPDR),
    "2": ("Moderate", Grade.MODERATE_NPDR),
    "3": ("Severe", Grade.SEVERE_NPDR),
    "4": ("PDR", Grade.PROLIFERATIVE_DR),
    "U": ("Ungradable", None),
}
MAX_NAME, MAX_NOTE = 60, 300
HELP = (
    "Your grade decides the referral and the follow-up, here and in the reports; the program's grade stays beside it. "
    "Keys: 0 to 4, and U for ungradable."
)


def show_reading(recall: Recall, save: Save, *, key: str, in_view: Callable[[], bool] = lambda: True) -> None:
    """Show what a person says of a photograph, and take it.

    Args:
        recall: tells what was said so far; another session may have said it in the meantime.
        save: keeps a reading, or takes it back with None.
        key: of this photograph in the session.
        in_view: whether this is still the photograph in view when a key arrives.
    """
    reading = recall()
    with st.container(border=True, gap="small", key=f"{key}_panel"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown("**Reader's grade**", help=HELP, width="content")
            if reading is not None:
                st.button("Take back", type="tertiary", key=f"{key}_clear", on_click=save, args=(None,))
        with st.container(horizontal=True, gap="xsmall", key=f"{key}_choice"):
            for letter, (label, grade) in BUTTONS.items():
                chosen = reading is not None and reading.grade is grade
                st.button(
                    label,
                    key=f"{key}_{letter}",
                    type="primary" if chosen else "secondary",
                    shortcut=letter,
                    on_click=_give,
                    args=(grade, recall, save, key, in_view),
                )
        name_box, note_box = st.columns([1, 2])
        args = (recall, save, key)
        name_box.text_input(
            "Reader",
            value=st.session_state.get(READER, ""),
            placeholder="Name or initials",
            max_chars=MAX_NAME,
            key=f"{key}_reader",
            on_change=_change_name,
            args=args,
        )
        note_box.text_input(
            "Note",
            value=reading.note if reading is not None else "",
            placeholder="For the report" if reading is not None else "After the grade",
            disabled=reading is None,
            max_chars=MAX_NOTE,
            key=f"{key}_note",
            on_change=_change_note,
            args=args,
        )


def _give(grade: Grade | None, recall: Recall, save: Save, key: str, in_view: Callable[[], bool]) -> None:
    if not in_view():
        # A key that comes while the next photograph is still opened was meant for that one, not for this.
        st.toast(
            "A key came while the photograph was changing, and gave no grade to the one before. Check this one's.",
            icon=":material/sync_problem:",
        )
        return
    said = recall()
    st.session_state[READER] = name = _typed(f"{key}_reader")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    save(Reading(grade, now, name, said.note if said is not None else ""))


def _change_name(recall: Recall, save: Save, key: str) -> None:
    """Keep a name for the next photographs, and put it to the grade in view unless another person gave that."""
    said, before, name = recall(), st.session_state.get(READER, ""), _typed(f"{key}_reader")
    st.session_state[READER] = name
    if said is not None and said.reader == before:
        save(replace(said, reader=name))


def _change_note(recall: Recall, save: Save, key: str) -> None:
    """Put a changed note to a grade that was given already; who gave it, and when, stays."""
    if (said := recall()) is not None:
        save(replace(said, note=_typed(f"{key}_note")))


def _typed(key: str) -> str:
    return str(st.session_state.get(key, "")).strip()
