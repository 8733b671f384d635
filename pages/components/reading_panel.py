"""A person's own grade for a photograph, given by button or by key, with a name and a note."""

from collections.abc import Callable
from datetime import UTC, datetime

import streamlit as st

from dr_core.domain.grades import Grade
from dr_core.domain.reading import Reading

__all__ = ["show_reading"]

Save = Callable[[Reading | None], None]

# The same in every session's pages: whoever reads forty patients types the name once.
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


def show_reading(reading: Reading | None, save: Save, *, key: str) -> None:
    """Show what a person says of a photograph, and take it.

    Args:
        reading: what was said so far.
        save: keeps a reading, or takes it back with None.
        key: of this photograph in the session.
    """
    with st.container(border=True, gap="small", key=f"{key}_panel"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown("**Reader's grade**", help=HELP, width="content")
            if reading is not None:
                st.button("Take back", type="tertiary", key=f"{key}_clear", on_click=save, args=(None,))
        with st.container(horizontal=True, gap="xsmall"):
            for letter, (label, grade) in BUTTONS.items():
                chosen = reading is not None and reading.grade is grade
                st.button(
                    label,
                    key=f"{key}_{letter}",
                    type="primary" if chosen else "secondary",
                    shortcut=letter,
                    on_click=_give,
                    args=(grade, save, key),
                )
        name_box, note_box = st.columns([1, 2])
        change = {"on_change": _change, "args": (reading, save, key)}
        name_box.text_input(
            "Reader",
            value=st.session_state.get(READER, ""),
            placeholder="Name or initials",
            max_chars=MAX_NAME,
            key=f"{key}_reader",
            **change,
        )
        note_box.text_input(
            "Note",
            value=reading.note if reading is not None else "",
            placeholder="For the report, such as a finding",
            max_chars=MAX_NOTE,
            key=f"{key}_note",
            **change,
        )


def _give(grade: Grade | None, save: Save, key: str) -> None:
    name = str(st.session_state.get(f"{key}_reader", "")).strip()
    note = str(st.session_state.get(f"{key}_note", "")).strip()
    st.session_state[READER] = name
    save(Reading(grade, datetime.now(UTC).isoformat(timespec="seconds"), name, note))


def _change(reading: Reading | None, save: Save, key: str) -> None:
    """Keep a name for the next photograph, and put a changed name or note to a grade that was given already."""
    if reading is not None:
        _give(reading.grade, save, key)
    else:
        st.session_state[READER] = str(st.session_state.get(f"{key}_reader", "")).strip()
