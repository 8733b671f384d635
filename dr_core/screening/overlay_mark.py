"""How an overlay is told from a photograph: by its generated name and a comment in the JPEG, both together.

An overlay that lies in a folder to be graded would be graded as if it were a photograph. The name alone could be a
photograph's, and looking into every file would slow the listing of a large folder.
"""

import os
import re

__all__ = ["has_overlay_name", "is_overlay", "mark_overlay", "name_overlay"]

SHA_CHARACTERS = 12
_NAME = re.compile(rf"\d{{6,}}_[0-9a-f]{{{SHA_CHARACTERS}}}\.jpg")
_TEXT = b"RetinaDesk overlay"
_COMMENT = b"\xff\xfe" + (len(_TEXT) + 2).to_bytes(2) + _TEXT
_START, _JFIF = b"\xff\xd8", b"\xff\xe0"


def name_overlay(number: int, sha256: str) -> str:
    """Return the file name of an overlay: row of the report and start of the photograph's checksum."""
    return f"{number:06d}_{sha256[:SHA_CHARACTERS]}.jpg"


def has_overlay_name(name: str) -> bool:
    """Whether a file name or path ends like the generated name of an overlay."""
    return _NAME.fullmatch(os.path.basename(name.replace("\\", "/"))) is not None  # noqa: PTH119


def is_overlay(name: str, head: bytes) -> bool:
    """Whether a file is an overlay that this program wrote.

    Args:
        name: file name or path.
        head: the first bytes of the file; 64 are enough.
    """
    return has_overlay_name(name) and head.startswith(_START) and _COMMENT in head


def mark_overlay(jpeg: bytes) -> bytes:
    """Return a JPEG with the comment that `is_overlay` looks for, behind the JFIF segment that has to come first."""
    at = len(_START)
    if jpeg[at : at + 2] == _JFIF:
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    return jpeg[:at] + _COMMENT + jpeg[at:]
