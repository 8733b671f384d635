"""What the markers of a JPEG tell of its scans before decoding: whether they are too many, and whether all are there.

A progressive JPEG sends rough values first and refines them scan by scan. libjpeg shows what has come as a whole
picture, blurred or without colour, and warns of nothing where the rest is missing and the file was closed behind it.
"""

from dr_core.imaging.decode_guards import CUT_OFF
from dr_core.imaging.decode_headers import FRAMES, SOS, walk_markers

__all__ = ["MAX_SCANS", "find_scan_fault", "keeps_coefficients"]

# Progressive JPEGs of cameras and editors have about ten scans; a made-up one of hundreds would take minutes.
MAX_SCANS = 100
TOO_MANY = f"The JPEG is cut into more than {MAX_SCANS} scans, as no camera does. Export it as an ordinary JPEG."
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_COEFFICIENTS = 64
# libjpeg reads no more.
_MOST_COLOURS = 10
_UNSENT = 255


def find_scan_fault(data: bytes) -> str:
    """Say that a JPEG has more scans than a camera writes, or that some are missing; empty where all is well.

    Raises:
        UnreadablePhotograph: it has too many other markers.
    """
    progressive, colours, count = False, b"", 0
    lacking: dict[int, bytearray] = {}
    for code, at in walk_markers(data):
        if code in FRAMES and not lacking:
            progressive, colours = code in _PROGRESSIVE, data[at + 7 : at + 8]
            lacking = {data[place]: _new_levels() for place in _list_places(data, at + 8, 3, colours)}
        elif code == SOS:
            if not progressive and data[at + 2 : at + 3] == colours:
                return ""  # the one scan that nearly every file has: the decoder reads none behind it
            count += 1
            if count > MAX_SCANS:
                return TOO_MANY
            _receive(data, at, lacking, progressive=progressive)
    return CUT_OFF if any(map(any, lacking.values())) else ""


def keeps_coefficients(data: bytes) -> bool:
    """Whether libjpeg holds all of a JPEG in memory until its last scan has come, however small it is asked for.

    Progressive ones are not alone in that: so is any whose first scan does not hold all colours.

    Raises:
        UnreadablePhotograph: it has too many markers.
    """
    colours = b""
    for code, at in walk_markers(data):
        if code in FRAMES and not colours:
            if code in _PROGRESSIVE:
                return True
            colours = data[at + 7 : at + 8]
        elif code == SOS:
            return data[at + 2 : at + 3] != colours
    return False


def _new_levels() -> bytearray:
    """For each of a colour's coefficients, the lowest bit that has been sent; 0 is all of it."""
    return bytearray([_UNSENT]) * _COEFFICIENTS


def _list_places(data: bytes, start: int, step: int, count: bytes) -> range:
    """Return where a header's entries for each colour begin, as far as the file goes."""
    return range(start, min(start + step * min(int.from_bytes(count), _MOST_COLOURS), len(data)), step)


def _receive(data: bytes, at: int, lacking: dict[int, bytearray], *, progressive: bool) -> None:
    """Strike off what the scan whose header begins at `at` sends."""
    places = _list_places(data, at + 3, 2, data[at + 2 : at + 3])
    sent = (data[places.stop : places.stop + 3] + bytes(3))[:3]  # a header that is cut short sends nothing more
    first, last, bits = sent if progressive else (0, _COEFFICIENTS - 1, 0)
    before, level = bits >> 4, bits & 0b1111
    for levels in [lacking[data[place]] for place in places if data[place] in lacking]:
        for index in range(first, min(last + 1, _COEFFICIENTS)):
            # A refinement counts only on top of what it refines.
            if before in (0, levels[index]):
                levels[index] = level
