"""A choice between a few things that also answers to the keyboard: a row of buttons, each with its key."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import streamlit as st

__all__ = ["choose_with_keys"]

Option = TypeVar("Option", bound=str)


def choose_with_keys(options: Mapping[Option, str], *, key: str, label: Callable[[Option], str] = str) -> Option:
    """Show one button for each option and return the option that is chosen, the first one at the start.

    Args:
        options: name and key on the keyboard, in order.
        key: name of the choice in the session; each button has the name ``<key>_<letter>``.
        label: says what stands on the button of an option, and may say something else at every run.
    """
    if st.session_state.get(key) not in options:
        st.session_state[key] = next(iter(options))
    with st.container(horizontal=True, gap="small", key=f"{key}_choice"):
        for option, letter in options.items():
            chosen = st.session_state[key] == option
            st.button(
                label(option),
                key=f"{key}_{letter}",
                type="primary" if chosen else "secondary",
                shortcut=letter,
                on_click=_choose,
                args=(key, option),
            )
    return next(option for option in options if option == st.session_state[key])


def _choose(key: str, option: str) -> None:
    st.session_state[key] = option
