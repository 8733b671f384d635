"""A choice between a few things that also answers to the keyboard: a row of buttons, each with its key."""

from collections.abc import Mapping

import streamlit as st

__all__ = ["choose_with_keys"]


def choose_with_keys(options: Mapping[str, str], *, key: str) -> str:
    """Show one button for each option and return the option that is chosen, the first one at the start.

    Args:
        options: label and key on the keyboard, in order.
        key: name of the choice in the session; each button has the name ``<key>_<letter>``.
    """
    if st.session_state.get(key) not in options:
        st.session_state[key] = next(iter(options))
    with st.container(horizontal=True, gap="small"):
        for label, letter in options.items():
            chosen = st.session_state[key] == label
            st.button(
                label,
                key=f"{key}_{letter}",
                type="primary" if chosen else "secondary",
                shortcut=letter,
                on_click=_choose,
                args=(key, label),
            )
    return str(st.session_state[key])


def _choose(key: str, label: str) -> None:
    st.session_state[key] = label
