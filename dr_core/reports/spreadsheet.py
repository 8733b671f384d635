"""Cells that a spreadsheet shows and does not run (CWE-1236, ASVS 1.2.10)."""

import re

__all__ = ["defuse_cell"]

# The full-width forms count in East Asian settings.
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_START = re.compile(f"[{_SIGNS}\t\r\n]")
# Where a spreadsheet splits cells at semicolons, tabs or bars, a formula may begin within a name. Read from the last of
# several separators on and never twice: a name of thousands of tabs would else hold up everybody on the server.
_WITHIN = re.compile(f'([;\t|](?:[^\\S\t]|")*+)(?=[{_SIGNS}])')


def defuse_cell(text: str) -> str:
    """Return `text` with an apostrophe before whatever a spreadsheet would take for a formula."""
    text = _WITHIN.sub(r"\1'", text)
    return f"'{text}" if _START.match(text) else text
