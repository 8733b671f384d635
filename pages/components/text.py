"""Untrusted text on a page: file names and messages that quote them."""

import re
import string

from dr_core.reports.wording import clean_text

__all__ = ["escape_markdown"]

# A backslash does not keep Markdown from making links of addresses; an invisible joiner within them does.
_ADDRESS = re.compile(r"(?i)(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)|(?<=mailto)(?=:)|(?<=xmpp)(?=:)")
WORD_JOINER = "\u2060"
_ESCAPES = str.maketrans({char: f"\\{char}" for char in string.punctuation})


def escape_markdown(text: str, *, max_length: int = 300) -> str:
    """Return `text` on one line, so that Streamlit's Markdown shows it letter by letter: no link, icon or formula."""
    return _ADDRESS.sub(WORD_JOINER, clean_text(text, max_length=max_length)).translate(_ESCAPES)
