"""How large uploads may be, in megabytes; Streamlit's server refuses what `server.maxUploadSize` does not allow.

A widget's own limit is looked at by the browser alone. `dr_core` measures again whatever it is given.
"""

__all__ = ["ARCHIVE_LIMIT_MB", "LIST_LIMIT_MB", "PHOTOGRAPH_LIMIT_MB"]

PHOTOGRAPH_LIMIT_MB = 100
ARCHIVE_LIMIT_MB = 1000
LIST_LIMIT_MB = 5
