"""The pages of the program, and the way into each of them: through app.py."""

import streamlit as st
from streamlit.navigation.page import StreamlitPage

__all__ = ["enter_through_app", "open_pages"]

ENTERED_KEY = "entered_through_app"


def open_pages() -> StreamlitPage:
    """Register the pages and return the one that was asked for, to be run by app.py.

    They carry no icons: Streamlit has the browser fetch a page's icon from a font server on the internet.
    """
    page = st.navigation(
        [
            st.Page("pages/screen.py", title="Screen", default=True),
            st.Page("pages/batch.py", title="Batch"),
            st.Page("pages/calibrate.py", title="Calibrate"),
            st.Page("pages/dataset.py", title="Dataset"),
            st.Page("pages/model_card.py", title="Model"),
        ],
        position="top",
    )
    st.session_state[ENTERED_KEY] = True
    return page


def enter_through_app() -> None:
    """Send a page that runs on its own back through app.py; the first statement of every page.

    Streamlit discovers a folder named ``pages`` by itself until `st.navigation` has been called once. A fresh server
    whose first visitor follows a link to a page would show it without the intended use and without the page border.
    """
    if not st.session_state.pop(ENTERED_KEY, False):
        open_pages()
        st.session_state.pop(ENTERED_KEY)
        st.rerun()
