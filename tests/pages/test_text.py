"""Untrusted text is shown letter by letter: Markdown finds nothing in it, no address either."""

import re
import string

import pytest

from pages.components.text import WORD_JOINER, escape_markdown

# What GitHub's Markdown makes links of by itself, backslashes or not (its specification, section 6.9).
AUTOLINK = re.compile(r"(?i)https?://|ftp://|www\.|[\w.+-]+@[\w-]+|mailto:\S|xmpp:\S")


@pytest.mark.parametrize(
    "text",
    [
        "see https://evil.test/x and HTTP://evil.test",
        "www.evil.test, WWW.evil.test",
        "PATIENT_a@b.co_os.jpg",
        "mailto:a@b.co xmpp:a@b.co ftp://host/file",
    ],
)
def test_no_address_becomes_a_link(text):
    assert AUTOLINK.search(text)
    escaped = escape_markdown(text)
    assert not AUTOLINK.search(escaped.replace("\\", ""))
    assert escaped.replace("\\", "").replace(WORD_JOINER, "") == text


def test_every_sign_is_escaped():
    escaped = escape_markdown(string.punctuation)
    assert escaped.replace(WORD_JOINER, "") == "".join(f"\\{sign}" for sign in string.punctuation)
