"""RetinaDesk in the browser: ``streamlit run app.py``. Page settings, intended use, and the way to the pages."""

from pathlib import Path

import streamlit as st

from dr_core.domain.intended_use import INTENDED_USE, NOT_FOR, NOT_VALIDATED_NOTE
from pages.components.navigation import open_pages
from pages.components.session import page_border, state_oedema_limit
from pages.components.theme import apply_theme
from pages.components.upload_store import keep_uploads_off_disk

ASSETS = Path(__file__).parent / "assets"
BANNER = "Decision support for trained readers: not a diagnosis, and not a regulated medical device."


def show_intended_use() -> None:
    """Keep one line above every page; the full text opens under it."""
    with st.expander(BANNER, icon=":material/info:", key="intended_use"):
        st.markdown(f"**Intended use.** {INTENDED_USE}")
        st.markdown(f"**Limits.** {NOT_FOR}")
        st.markdown(f"**Unless a result says otherwise.** {state_oedema_limit()} {NOT_VALIDATED_NOTE}")


st.set_page_config(page_title="RetinaDesk", page_icon=str(ASSETS / "icon.svg"), layout="wide")
st.logo(str(ASSETS / "logo.svg"), size="large")
apply_theme()
keep_uploads_off_disk()
page = open_pages()
# Several tabs of one browser are told apart by it, and a screen reader says it first.
st.set_page_config(page_title=f"{page.title} - RetinaDesk")
show_intended_use()
with page_border():
    page.run()
