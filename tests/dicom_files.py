"""Makes DICOM files as archives and cameras write them, around pictures that the tests draw."""

import io
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit, generate_uid

OPHTHALMIC_8_BIT = UID("1.2.840.10008.5.1.4.1.1.77.1.5.1")
PATIENT = "Secretname^Patient"
# Files of every kind come with the library itself.
SAMPLES = Path(pydicom.__file__).parent / "data" / "test_files"


def make_header(width: int, height: int, *, eye: str = "", syntax: UID = ExplicitVRLittleEndian) -> Dataset:
    """The header of an ophthalmic photograph of 8-bit RGB, with a patient in it."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = OPHTHALMIC_8_BIT
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = generate_uid(entropy_srcs=["retina"])
    dataset.PatientName, dataset.PatientID, dataset.Modality = PATIENT, "4711", "OP"
    if eye:
        dataset.ImageLaterality = eye
    dataset.Columns, dataset.Rows = width, height
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    return dataset


def save(dataset: Dataset) -> bytes:
    """The bytes of the file."""
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def wrap_pixels(pixels: np.ndarray, **options: str) -> bytes:
    """A file that holds (H, W, 3) uint8 as they are."""
    dataset = make_header(pixels.shape[1], pixels.shape[0], **options)
    dataset.PixelData = pixels.tobytes() + bytes(pixels.size % 2)
    return save(dataset)


def wrap_jpeg(jpeg: bytes, *, eye: str = "", kind: str = "YBR_FULL_422") -> bytes:
    """A file that holds a JPEG."""
    width, height = Image.open(io.BytesIO(jpeg)).size
    dataset = make_header(width, height, eye=eye, syntax=JPEGBaseline8Bit)
    dataset.PhotometricInterpretation = kind
    dataset.PixelData = encapsulate([jpeg])
    return save(dataset)


def wrap_jpeg_2000(pixels: np.ndarray, *, width: int = 0) -> bytes:
    """A file that holds (H, W, 3) uint8 as lossless JPEG 2000; its header may claim another width."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG2000", no_jp2=True, mct=1)
    dataset = make_header(width or pixels.shape[1], pixels.shape[0], syntax=JPEG2000Lossless)
    dataset.PhotometricInterpretation = "YBR_RCT"
    dataset.PixelData = encapsulate([buffer.getvalue()])
    return save(dataset)
