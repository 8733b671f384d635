"""What the headers of a picture tell before or instead of decoding: markers, size of EXIF, kinds not read, chunks."""

import io
import re
import struct
import zlib
from collections.abc import Iterator

from PIL import TiffImagePlugin

from dr_core.domain.errors import UnreadablePhotograph

__all__ = [
    "FORGED",
    "FRAMES",
    "SOS",
    "describe_unread",
    "measure_exif",
    "measure_gaps",
    "strip_ancillary",
    "walk_chunks",
    "walk_markers",
]

_JPEG, _PNG, _TIFF = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", (b"II*\x00", b"MM\x00*")
SOS = 0xDA
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# A marker that is no restart and no stuffed byte, which both stand within the picture's data; or a row of fill bytes,
# taken at once: a pattern that looked for the marker behind them would go through the row again from each of them.
_MARKER = re.compile(rb"\xff(?:([\x02-\xcf\xd8-\xfe])|\xff+)")
# The largest file, cut into the largest segments, has 1,600.
MAX_MARKERS = 10_000
# The largest file in the pieces of eight kilobytes that most programs write has 12,800.
MAX_CHUNKS = 30_000
FORGED = "The file's header holds far more than a camera writes. Export the photograph from the camera again."
_SOI, _EOI, _APP1 = 0xD8, 0xD9, 0xE1
_WIDTH, _BITS, _FORMAT, _FLOATING = 256, 258, 339, 3
_CRITICAL_CHUNKS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_REMEDY = "Export the photograph as 8-bit JPEG or PNG."


def measure_exif(data: bytes) -> int:
    """Return how many bytes of EXIF a JPEG or PNG holds; 0 for anything else."""
    if data.startswith(_JPEG):
        total = 0
        for code, at in walk_markers(data):
            if code == SOS:
                break
            if code == _APP1 and data[at + 2 : at + 6] == b"Exif":
                total += int.from_bytes(data[at : at + 2])
        return total
    if data.startswith(_PNG):
        return sum(end - at for kind, at, end in walk_chunks(data) if kind == b"eXIf")
    return 0


def measure_gaps(data: bytes) -> int:
    """Return how many bytes before the picture of a JPEG belong to no segment; 0 for anything else.

    Markers that have no length, filling and all else count: Pillow goes through them one by one, so that a file full of
    them would keep it busy for minutes. Of a file without a picture the rest counts.
    """
    if not data.startswith(_JPEG):
        return 0
    gaps, end = 0, 2
    for code, at in walk_markers(data):
        gaps += max(0, at - 2 - end)
        if code == SOS:
            return gaps
        end = at + int.from_bytes(data[at : at + 2])
    return gaps + max(0, len(data) - end)


def describe_unread(data: bytes) -> str:
    """Say of a genuine JPEG or TIFF why it is not read, with the remedy; empty for anything else."""
    if data.startswith(_JPEG):
        bits = next((data[at + 2] for code, at in walk_markers(data) if code in FRAMES and at + 2 < len(data)), 8)
        return f"The file is a JPEG of {bits} bits a value, which is not read. {_REMEDY}" if bits > 8 else ""
    if data.startswith(_TIFF):
        return _describe_tiff(data)
    return ""


def strip_ancillary(data: bytes) -> bytes:
    """Return a PNG without its texts, profiles and other chunks that pixels can do without.

    Transparency and orientation stay where they are sound. Empty for what is no PNG, is cut short, or has none of them.
    """
    if not data.startswith(_PNG):
        return b""
    view = memoryview(data)
    kept = [view[: len(_PNG)]]
    for kind, at, end in walk_chunks(data):
        if end > len(data):
            return b""
        if kind in _CRITICAL_CHUNKS or _is_sound_extra(kind, view[at:end]):
            kept.append(view[at:end])
    stripped = b"".join(kept)
    return stripped if len(stripped) < len(data) else b""


def walk_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind of each chunk of a PNG, and where it begins and should end, which may lie beyond the file.

    Raises:
        UnreadablePhotograph: there are more of them than it makes sense to go through.
    """
    at = len(_PNG)
    for _ in range(MAX_CHUNKS):
        if at + 12 > len(data):
            return
        kind, end = data[at + 4 : at + 8], at + 12 + int.from_bytes(data[at : at + 4])
        yield kind, at, end
        if kind == b"IEND":
            return
        at = end
    raise UnreadablePhotograph(FORGED)


def walk_markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield each marker of the first picture, and where its segment begins, as libjpeg goes from one to the next.

    Raises:
        UnreadablePhotograph: there are more of them than it makes sense to go through.
    """
    at = 2
    for _ in range(MAX_MARKERS):
        found = _MARKER.search(data, at)
        if found is None:
            return
        if found[1] is None:
            at = found.end() - 1
            continue
        code, at = found[1][0], found.end()
        if code in (_SOI, _EOI):
            return
        yield code, at
        at += int.from_bytes(data[at : at + 2])
    raise UnreadablePhotograph(FORGED)


def _is_sound_extra(kind: bytes, chunk: memoryview) -> bool:
    content = chunk[8:-4]
    if kind == b"tRNS" or (kind == b"eXIf" and bytes(content[:4]) in _TIFF):
        return zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:])
    return False


def _describe_tiff(data: bytes) -> str:
    try:
        directory = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
        file = io.BytesIO(data)
        file.seek(directory.next)
        directory.load(file)
        bits, formats = directory.get(_BITS, (1,)), directory.get(_FORMAT, (1,))
        if _WIDTH not in directory:
            return ""
        floating = ", floating point" if _FLOATING in formats else ""
        return f"The file is a TIFF of {max(bits)} bits a value{floating}, of a kind that is not read. {_REMEDY}"
    except (LookupError, OSError, SyntaxError, TypeError, ValueError, struct.error):
        return ""
