"""Takes the photograph out of a DICOM file, as hospitals' archives and many fundus cameras keep it.

Nothing but the picture and which eye it shows is read: names, dates and numbers of patients stay where they are, and
whatever pydicom has to say of them is kept out of logs. A picture in JPEG is handed on as it is, so that it is decoded
at a part of its size as any other; all else is decoded here.
"""

import io
import logging
import warnings
from dataclasses import dataclass

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.filereader import read_dataset
from pydicom.pixels.utils import pixel_array
from pydicom.tag import BaseTag
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
)

from dr_core.domain.errors import UnreadablePhotograph
from dr_core.domain.photograph import AnyArray, Laterality, UInt8Array
from dr_core.imaging.decode_headers import FORGED
from dr_core.imaging.decode_zeroed import find_zeroed
from dr_core.imaging.dicom_codestream import is_whole_codestream

__all__ = ["DicomPicture", "open_dicom"]

PREAMBLE_BYTES, FILE_META_GROUP = 132, 0x0002
# An archive's header takes some hundreds; pydicom makes an object of every element and every item.
MAX_READS = 100_000
_JPEG = frozenset({JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1})
_JPEG_2000 = frozenset({JPEG2000, JPEG2000Lossless})
_PLAIN = frozenset({ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian})
# All that is read. Of nothing else even the value is looked at.
_TAGS = (
    "ImageLaterality",
    "Laterality",
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
)
_EYES = {"R": Laterality.OD, "L": Laterality.OS}
_COLOURS = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})
_GREYS = frozenset({"MONOCHROME1", "MONOCHROME2"})
# Says that three colours are stored as they are; without it a decoder takes them for luminance and chrominance.
_ADOBE_RGB = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
_START, _JFIF, _ADOBE = b"\xff\xd8", b"\xff\xe0", b"\xff\xee"
_REMEDY = "Export the photograph as JPEG, or as DICOM with JPEG inside."
NO_PICTURE = f"The DICOM file holds no picture: it may be a report, a curve or the list of a disc's files. {_REMEDY}"
DAMAGED = "The DICOM file is damaged or incomplete. Copy it again, or export the photograph from the archive again."

# Its warnings quote what they are about.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
logging.getLogger("pydicom").addFilter(lambda _: False)
warnings.filterwarnings("ignore", module=r"pydicom\.")


@dataclass(frozen=True, eq=False)
class DicomPicture:
    """The photograph of a DICOM file, not decoded yet.

    Attributes:
        laterality: which eye the file says; None where it does not, or says both.
        jpeg: the picture as a JPEG file; empty where it is stored otherwise.
        width_px: of a picture that is stored otherwise.
        height_px: likewise.
        weight_px: how many pixels it counts for in the gate, by what its decoder needs at most.
        dataset: what `read_pixels` needs, without anything about a patient.
    """

    laterality: Laterality | None
    jpeg: bytes
    width_px: int
    height_px: int
    weight_px: int
    dataset: Dataset

    def read_pixels(self) -> UInt8Array:
        """Decode a picture that is no JPEG.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            UnreadablePhotograph: it is damaged, or of a kind that is not read.
        """
        return _to_rgb8(pixel_array(self.dataset), self.dataset)


def open_dicom(data: bytes) -> DicomPicture:
    """Find the photograph in a DICOM file.

    Args:
        data: the file's bytes, with the preamble of 128 bytes and ``DICM`` behind it.

    Returns:
        Where the picture is and which eye it shows. Nothing is decoded yet.

    Raises:
        UnreadablePhotograph: damaged, without a picture, with several, or of a kind that is not read.
    """
    stream = _CountedStream(data)
    stream.seek(PREAMBLE_BYTES)
    meta = read_dataset(stream, is_implicit_VR=False, is_little_endian=True, stop_when=_is_behind_meta)
    syntax = UID(str(meta.get("TransferSyntaxUID", "")))
    if not syntax:
        raise UnreadablePhotograph(DAMAGED)
    if syntax not in _JPEG | _JPEG_2000 | _PLAIN:
        # Deflated ones among them, which could swell to any size while they are read.
        raise UnreadablePhotograph(f"The DICOM file is stored as {_name_syntax(syntax)}, which is not read. {_REMEDY}")
    tags: list[BaseTag | int] = [pydicom.tag.Tag(name) for name in _TAGS]
    dataset = read_dataset(stream, syntax.is_implicit_VR, syntax.is_little_endian, specific_tags=tags)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    if "PixelData" not in dataset or not (dataset.get("Rows") and dataset.get("Columns")):
        raise UnreadablePhotograph(NO_PICTURE)
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        raise UnreadablePhotograph(
            f"The DICOM file holds {frames:,} pictures, and a report has one row for each. Export them one by one."
        )
    laterality = _EYES.get(str(dataset.get("ImageLaterality") or dataset.get("Laterality") or "").strip().upper())
    if syntax in _JPEG:
        return DicomPicture(laterality, _read_jpeg(dataset), 0, 0, 0, dataset)
    _require_supported(dataset)
    width, height = int(dataset.Columns), int(dataset.Rows)
    if syntax in _JPEG_2000:
        frame = _read_frame(dataset)
        with Image.open(io.BytesIO(frame), formats=("JPEG2000",)) as picture:
            # Their own size decides how much memory they take, whatever the file around them says.
            whole = picture.size == (width, height) and is_whole_codestream(frame, width, height)
    else:
        whole = _holds_all_rows(dataset, width, height)
    if not whole:
        raise UnreadablePhotograph(DAMAGED)
    return DicomPicture(laterality, b"", width, height, width * height * _weigh_pixel(dataset), dataset)


class _CountedStream(io.BytesIO):
    """A file in memory that a forged header cannot keep anybody busy with."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as any stream does.

        Raises:
            UnreadablePhotograph: it was done more often than a photograph needs.
        """
        self._reads += 1
        if self._reads > MAX_READS:
            raise UnreadablePhotograph(FORGED)
        return super().read(size)


def _read_frame(dataset: Dataset) -> bytes:
    """Return the only picture of an encapsulated file; nothing where there is none."""
    return next(generate_frames(_CountedStream(dataset.PixelData), number_of_frames=1), b"")


def _is_behind_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag.group != FILE_META_GROUP


def _name_syntax(syntax: UID) -> str:
    return syntax.name if syntax.is_transfer_syntax and not syntax.is_private else "something unknown"


def _read_jpeg(dataset: Dataset) -> bytes:
    frame = _read_frame(dataset)
    if not frame.startswith(_START):
        raise UnreadablePhotograph(DAMAGED)
    if frame[2:4] not in (_JFIF, _ADOBE) and dataset.get("PhotometricInterpretation") == "RGB":
        return _START + _ADOBE_RGB + frame[2:]
    return frame


def _require_supported(dataset: Dataset) -> None:
    """Raise for a picture whose values would be read as something else."""
    kind, bits = str(dataset.get("PhotometricInterpretation")), int(dataset.get("BitsAllocated") or 0)
    colours = int(dataset.get("SamplesPerPixel") or 0)
    known = (kind in _COLOURS and colours == 3) or (kind in _GREYS and colours == 1)
    if not known or bits not in (8, 16) or dataset.get("PixelRepresentation"):
        raise UnreadablePhotograph(
            f"The DICOM file holds a picture of a kind that is not read ({bits} bits, {colours} colours). {_REMEDY}"
        )


def _holds_all_rows(dataset: Dataset, width: int, height: int) -> bool:
    of_pixel, planes = _count_bytes(dataset), int(dataset.SamplesPerPixel)
    values = np.frombuffer(dataset.PixelData, np.uint8)[: width * height * of_pixel]
    # Planes stand one after another. Pixels that share their chrominance stand in none, whatever the file says.
    step = of_pixel // planes if dataset.get("PlanarConfiguration") and of_pixel % planes == 0 else of_pixel
    return len(values) == width * height * of_pixel and not find_zeroed(values.reshape(-1, width * step), step)


def _count_bytes(dataset: Dataset) -> int:
    """Return how many bytes a pixel has that is not compressed; two pixels may share their chrominance."""
    values = 2 if dataset.PhotometricInterpretation == "YBR_FULL_422" else int(dataset.SamplesPerPixel)
    return values * int(dataset.BitsAllocated) // 8


def _weigh_pixel(dataset: Dataset) -> int:
    """Return what a pixel counts for while it is decoded: one for every 8 bytes at the peak, as other formats take.

    Measured on 16 megapixels, in bytes a pixel: 21 for JPEG 2000 in colour, whose decoder keeps 32 bits a value, and 11
    in grey; 30 where pydicom turns luminance and chrominance into colours; 24 for 16 bits a value; 10 for all else.
    """
    if int(dataset.SamplesPerPixel) == 1:
        return 2
    if dataset.file_meta.TransferSyntaxUID in _JPEG_2000:
        return 3
    return 4 if dataset.PhotometricInterpretation != "RGB" else 3 if int(dataset.BitsAllocated) > 8 else 2


def _to_rgb8(values: AnyArray, dataset: Dataset) -> UInt8Array:
    """Bring decoded values to (H, W, 3) uint8: as many bits as the file says are spread over 8."""
    stored = min(int(dataset.get("BitsStored") or 8), values.dtype.itemsize * 8)
    if values.dtype != np.uint8:
        values = np.right_shift(values, max(0, stored - 8)).clip(max=255).astype(np.uint8)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        values = 255 - values
    if values.ndim == 2:
        values = np.repeat(values[..., None], 3, axis=2)
    return np.ascontiguousarray(values, dtype=np.uint8)
