"""Turn uploaded bytes into an upright sRGB photograph, or into an error that says what to do.

Follows the OWASP File Upload Cheat Sheet: an allow-list of formats by content (the name's extension is not believed),
limits on bytes and on pixels before anything is decompressed, and no file on disk.
"""

import hashlib
import io
import math
import re
import struct
import warnings
import zlib
from pathlib import PurePath
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from dr_core.domain.errors import PhotographTooLarge, UnreadablePhotograph
from dr_core.domain.photograph import FundusPhotograph, Laterality, UInt8Array
from dr_core.imaging.decode_deep import PILLOW_FORMATS, find_deep_order, to_rgb8
from dr_core.imaging.decode_gate import DecodingGate
from dr_core.imaging.decode_guards import CUT_OFF, find_cut_off, find_forged_header, find_pages
from dr_core.imaging.decode_headers import describe_unread, strip_ancillary
from dr_core.imaging.decode_jpeg import JPEG_FORMATS, read_jpeg
from dr_core.imaging.decode_png import find_png_fault
from dr_core.imaging.decode_scans import find_scan_fault
from dr_core.imaging.decode_tiff import find_tiff_fault
from dr_core.imaging.decode_weight import weigh
from dr_core.imaging.shrink import reduce_to

if TYPE_CHECKING:
    from dr_core.imaging.dicom import DicomPicture

MAX_BYTES = 100 * 1024 * 1024
MAX_PIXELS = 50_000_000
WORKING_SIDE_PX = 1600  # three times what the network needs, and what a laptop's screen shows
# Twice what the network needs, so that what libjpeg leaves of a reduced photograph loses nothing that the network sees,
# and cameras of eight megapixels and more are read at a quarter of their size.
ANALYSIS_SIDE_PX = 800
IMAGE_EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".dcm", ".dicom"})
ACCEPTED = "JPEG, PNG, TIFF or DICOM"
# The largest photograph, and a few small ones beside it: some 600 MB in all.
MAX_PIXELS_AT_ONCE = 64_000_000
# Pillow's decoders report damaged files through any of these.
_DECODER_ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\x00", b"MM\x00*")
_DICOM_MAGIC, _DICOM_MAGIC_AT = b"DICM", 128
HEAD_BYTES = _DICOM_MAGIC_AT + len(_DICOM_MAGIC)
_BIG_TIFF_MAGIC = (b"II+\x00", b"MM\x00+")
# What a JPEG's sides can be divided by while it is decoded.
_PARTS = (1, 2, 4, 8)
# EXIF orientation: whether rows and columns change places, and OpenCV's code for the flip that follows.
_TURNS: dict[object, tuple[bool, int | None]] = {
    2: (False, 1),
    3: (False, -1),
    4: (False, 0),
    5: (True, None),
    6: (True, 1),
    7: (True, -1),
    8: (True, 0),
}
_LATERALITY_WORDS = {"od": Laterality.OD, "right": Laterality.OD, "os": Laterality.OS, "left": Laterality.OS}

_gate = DecodingGate(MAX_PIXELS_AT_ONCE)

# Pillow's own guard against decompression bombs, lowered to ours; it raises at twice this.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
# What it thinks of a damaged file stands in the report, in words that help; one file can make it say 8,000 things.
warnings.filterwarnings("ignore", module=r"PIL\.")


def looks_like_image(head: bytes) -> bool:
    """Whether a file that starts with `head` (`HEAD_BYTES` are enough) claims to be of an accepted format."""
    return head.startswith(_MAGIC) or head.startswith(_DICOM_MAGIC, _DICOM_MAGIC_AT)


def decode_photograph(
    data: bytes, name: str, *, longest_side_px: int = WORKING_SIDE_PX, exact: bool = True
) -> FundusPhotograph:
    """Decode an uploaded photograph.

    Args:
        data: the file's bytes.
        name: the file's own name; tells the eye where it contains OD, OS, right or left, as a DICOM file itself may.
        longest_side_px: the pixels are reduced to this; JPEG is already decoded at a reduced scale.
        exact: False keeps the pixels at a half, a quarter or an eighth of the source, whichever is the smallest that
            has `longest_side_px` or more, which saves a second reduction.

    Returns:
        The photograph, upright (EXIF rotation applied), 8-bit RGB. Of an animation, the first frame.

    Raises:
        UnreadablePhotograph: empty, truncated, forged, of several pages, or not a JPEG, PNG, TIFF or DICOM file.
        PhotographTooLarge: more than `MAX_BYTES` or `MAX_PIXELS`.
    """
    if not data:
        raise UnreadablePhotograph("The file is empty. Export the photograph from the camera again.")
    if len(data) > MAX_BYTES:
        raise PhotographTooLarge(
            f"The file has {len(data) / 1e6:.0f} MB; at most {MAX_BYTES / 1e6:.0f} MB are accepted. Export it as JPEG."
        )
    eyes, picture = {find_laterality(name)}, data
    try:
        # Asked first: its preamble may be the start of a TIFF, for programs that know nothing else.
        if data.startswith(_DICOM_MAGIC, _DICOM_MAGIC_AT):
            # Loaded for such files alone: most clinics have none, and the program starts sooner without.
            from dr_core.imaging.dicom import open_dicom

            found = open_dicom(data)
            eyes.add(found.laterality)
            picture = found.jpeg
        if fault := find_forged_header(picture) or find_pages(picture):
            raise UnreadablePhotograph(fault)
        if picture:
            pixels, width, height = _open_with_or_without_extras(picture, longest_side_px, exact=exact)
        else:
            pixels, width, height = _read_dicom(found, longest_side_px, exact=exact)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large() from error
    except UnidentifiedImageError as error:
        raise UnreadablePhotograph(describe_unread(picture) or _describe_unknown(data)) from error
    except MemoryError as error:
        raise PhotographTooLarge("The photograph does not fit into memory. Export it smaller.") from error
    except _DECODER_ERRORS as error:
        raise UnreadablePhotograph(CUT_OFF) from error
    # A file whose header names the one eye and whose name the other says nothing.
    eyes.discard(None)
    laterality = eyes.pop() if len(eyes) == 1 else None
    return FundusPhotograph(pixels, name, hashlib.sha256(data).hexdigest(), laterality, width, height)


def find_laterality(name: str) -> Laterality | None:
    """Read the eye from a file name's words; None where they name no eye, or both."""
    # The extension may stay: none is one of these words, and in "Dr. Smith OD" the last dot begins none.
    words = re.split(r"[^a-z]+", PurePath(name).name.lower())
    found = {_LATERALITY_WORDS[word] for word in words if word in _LATERALITY_WORDS}
    return found.pop() if len(found) == 1 else None


def _too_large(width: int = 0, height: int = 0) -> PhotographTooLarge:
    size = f"{width} x {height} pixels" if width else "too many pixels"
    return PhotographTooLarge(
        f"The photograph has {size}; at most {MAX_PIXELS / 1e6:.0f} megapixels are accepted. Export it smaller."
    )


def _describe_unknown(data: bytes) -> str:
    if looks_like_image(data) or data.startswith(_BIG_TIFF_MAGIC):
        return CUT_OFF  # the directory of a TIFF may stand at its end, and is lost with it
    return f"The file is not a {ACCEPTED} picture, whatever its name says. Export the photograph in one of these."


def _find_fault(image: Image.Image, data: bytes) -> str:
    """Say what the decoder would not: that parts of the picture are missing."""
    if image.format in JPEG_FORMATS:
        return find_scan_fault(data)
    if image.format == "PNG":
        return find_png_fault(data)
    return find_tiff_fault(getattr(image, "tag_v2", {}), data)


def _open_with_or_without_extras(data: bytes, longest_side_px: int, *, exact: bool) -> tuple[UInt8Array, int, int]:
    try:
        return _open_and_read(data, longest_side_px, exact=exact)
    except _DECODER_ERRORS:
        # A PNG of which a text or a profile alone is damaged shows its pixels without them.
        stripped = strip_ancillary(data)
        if not stripped:
            raise
    # Not within the handler: the error keeps what was decoded first.
    return _open_and_read(stripped, longest_side_px, exact=exact)


def _open_and_read(data: bytes, longest_side_px: int, *, exact: bool) -> tuple[UInt8Array, int, int]:
    """Return (H, W, 3) uint8 pixels at the working size, and width and height of the upright source."""
    with Image.open(io.BytesIO(data), formats=PILLOW_FORMATS) as image:
        width, height = image.size
        parts = _choose_parts(width, height, longest_side_px)
        with _gate.hold(weigh(image, data, parts)):
            if fault := _find_fault(image, data):
                raise UnreadablePhotograph(fault)
            pixels, swapped = _read_pixels(image, data, longest_side_px, parts, exact=exact)
    return (pixels, height, width) if swapped else (pixels, width, height)


def _read_dicom(picture: "DicomPicture", longest_side_px: int, *, exact: bool) -> tuple[UInt8Array, int, int]:
    """Return what `_open_and_read` does of a picture in a DICOM file that is no JPEG."""
    width, height = picture.width_px, picture.height_px
    parts = _choose_parts(width, height, longest_side_px)
    with _gate.hold(picture.weight_px):
        pixels = reduce_to(picture.read_pixels(), longest_side_px if exact else _divide(width, height, parts))
    return pixels, width, height


def _choose_parts(width: int, height: int, longest_side_px: int) -> int:
    """Return what the sides of a photograph can be divided by without falling below the size asked for.

    Raises:
        PhotographTooLarge: it has more than `MAX_PIXELS`.
    """
    if width * height > MAX_PIXELS:
        raise _too_large(width, height)
    return max([part for part in _PARTS if max(width, height) >= part * longest_side_px], default=1)


def _divide(width: int, height: int, parts: int) -> int:
    return math.ceil(max(width, height) / parts)


def _read_pixels(
    image: Image.Image, data: bytes, longest_side_px: int, parts: int, *, exact: bool
) -> tuple[UInt8Array, bool]:
    """Return (H, W, 3) uint8 pixels at the working size, and whether EXIF rotation swapped the sides."""
    width, height = image.size
    pixels = read_jpeg(data, image.mode, image.size, parts) if image.format in JPEG_FORMATS else None
    if pixels is None:
        # libjpeg scales while decoding; the draft never falls below the size asked for.
        image.draft("RGB", (max(1, width // parts), max(1, height // parts)))
        deep_order = find_deep_order(image)
        image.load()
        pixels = to_rgb8(image, data, deep_order)
    if image.format in JPEG_FORMATS and (fault := find_cut_off(pixels)):
        raise UnreadablePhotograph(fault)
    # Asked only now, because Pillow has turned a TIFF upright and forgotten the tag when it is loaded.
    swapped, flip = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation), (False, None))
    image.close()  # its pixels would stay in memory beside those that are reduced
    if swapped:
        pixels = np.asarray(cv2.transpose(pixels), dtype=np.uint8)
    if flip is not None:
        pixels = np.asarray(cv2.flip(pixels, flip), dtype=np.uint8)
    return reduce_to(pixels, longest_side_px if exact else _divide(width, height, parts)), swapped
