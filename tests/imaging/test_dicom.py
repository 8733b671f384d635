"""A DICOM file gives its photograph and its eye, and nothing about the patient; a forged one is refused at once."""

import struct

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import pixel_array
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from dr_core.domain.errors import PhotographTooLarge, UnreadablePhotograph
from dr_core.domain.photograph import Laterality
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.encode import encode_jpeg
from tests.dicom_files import PATIENT, SAMPLES, make_header, save, wrap_jpeg, wrap_jpeg_2000, wrap_pixels

ITEM, LAST_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0), struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def test_jpeg_inside_is_decoded_as_if_it_stood_alone(fundus_jpeg):
    alone = decode_photograph(fundus_jpeg, "eye.jpg", longest_side_px=200, exact=False)
    inside = decode_photograph(wrap_jpeg(fundus_jpeg), "eye.dcm", longest_side_px=200, exact=False)
    assert np.array_equal(inside.pixels, alone.pixels)
    assert (inside.source_width_px, inside.source_height_px) == (640, 480)
    assert inside.sha256 != alone.sha256


@pytest.mark.parametrize("wrap", [wrap_pixels, wrap_jpeg_2000])
def test_lossless_pixels_come_out_unchanged(fundus_pixels, wrap):
    photograph = decode_photograph(wrap(fundus_pixels), "IM0001")
    assert np.array_equal(photograph.pixels, fundus_pixels)
    assert (photograph.source_width_px, photograph.source_height_px) == (640, 480)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_byte_orders_are_read(fundus_pixels, syntax):
    data = wrap_pixels(fundus_pixels, syntax=syntax)
    assert np.array_equal(decode_photograph(data, "IM0001").pixels, fundus_pixels)


def test_large_pixels_are_reduced_as_those_of_other_files(fundus_pixels):
    photograph = decode_photograph(wrap_pixels(fundus_pixels), "IM0001", longest_side_px=200)
    assert photograph.pixels.shape == (150, 200, 3)
    halved = decode_photograph(wrap_pixels(fundus_pixels), "IM0001", longest_side_px=300, exact=False)
    assert halved.pixels.shape == (240, 320, 3)


@pytest.mark.parametrize(
    "name",
    [
        "SC_jpeg_no_color_transform.dcm",
        "SC_jpeg_no_color_transform_2.dcm",
        "SC_rgb_dcmtk_+eb+cr.dcm",
        "SC_rgb_dcmtk_+eb+cy+np.dcm",
        "SC_rgb_dcmtk_+eb+cy+s4.dcm",
        "SC_rgb_gdcm_KY.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_small_odd_big_endian.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
        "examples_jpeg2k.dcm",
        "examples_rgb_color.dcm",
    ],
)
def test_colours_of_other_programs_files_are_those_that_pydicom_reads(name):
    path = SAMPLES / name
    pixels = decode_photograph(path.read_bytes(), name).pixels
    assert np.abs(pixels.astype(int) - pixel_array(path)).mean() < 1.0


def test_three_colours_without_a_transform_are_not_taken_for_luminance(fundus_pixels):
    jpeg = encode_jpeg(fundus_pixels, quality=95)
    start = jpeg.index(b"\xff\xdb")
    unmarked = jpeg[:2] + jpeg[start:]
    plain = decode_photograph(wrap_jpeg(unmarked, kind="YBR_FULL_422"), "eye").pixels
    assert np.abs(plain.astype(int) - fundus_pixels).mean() < 3
    as_rgb = decode_photograph(wrap_jpeg(unmarked, kind="RGB"), "eye").pixels
    # The same numbers read as red, green and blue: luminance is in the first.
    luminance = np.asarray(Image.fromarray(fundus_pixels).convert("L"), dtype=int)
    assert np.abs(as_rgb[..., 0].astype(int) - luminance).mean() < 3


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
def test_greyscale_is_read_with_white_as_white(fundus_pixels, kind):
    grey = np.asarray(Image.fromarray(fundus_pixels).convert("L"))
    dataset = make_header(640, 480)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, kind
    dataset.PixelData = (255 - grey if kind == "MONOCHROME1" else grey).tobytes()
    assert np.array_equal(decode_photograph(save(dataset), "eye").pixels[..., 1], grey)


def test_twelve_bits_are_spread_over_eight(fundus_pixels):
    dataset = make_header(640, 480)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelData = (fundus_pixels.astype(np.uint16) << 4).tobytes()
    assert np.array_equal(decode_photograph(save(dataset), "eye").pixels, fundus_pixels)


@pytest.mark.parametrize(
    ("eye", "name", "expected"),
    [
        ("R", "IM0001", Laterality.OD),
        ("L", "IM0001", Laterality.OS),
        ("B", "IM0001", None),
        ("", "visit_OD.dcm", Laterality.OD),
        ("R", "visit_OD.dcm", Laterality.OD),
        ("L", "visit_OD.dcm", None),
    ],
)
def test_eye_is_that_of_header_and_name_unless_they_differ(fundus_jpeg, eye, name, expected):
    assert decode_photograph(wrap_jpeg(fundus_jpeg, eye=eye), name).laterality is expected


def test_laterality_counts_where_image_laterality_is_missing(fundus_pixels):
    dataset = make_header(640, 480)
    dataset.Laterality, dataset.PixelData = "L", fundus_pixels.tobytes()
    assert decode_photograph(save(dataset), "IM0001").laterality is Laterality.OS


def test_nothing_about_the_patient_comes_out(fundus_jpeg, caplog, capfd):
    data = wrap_jpeg(fundus_jpeg)
    photograph = decode_photograph(data, "IM0001")
    with pytest.raises(UnreadablePhotograph) as caught:
        decode_photograph(data[:600], "IM0001")
    told = [repr(photograph), str(caught.value), caplog.text, *capfd.readouterr()]
    assert PATIENT.encode() in data
    assert not any("Secretname" in text or "4711" in text for text in told)


def _with(**tags: object) -> Dataset:
    dataset = make_header(8, 8)
    dataset.PixelData = bytes(8 * 8 * 3)
    for name, value in tags.items():
        setattr(dataset, name, value)
    return dataset


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"NumberOfFrames": 3}, "holds 3 pictures"),
        ({"BitsAllocated": 32}, "of a kind that is not read"),
        ({"SamplesPerPixel": 4}, "of a kind that is not read"),
        ({"PixelRepresentation": 1}, "of a kind that is not read"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "of a kind that is not read"),
        ({"Rows": 9}, "damaged or incomplete"),
        ({"Rows": None}, "holds no picture"),
        ({"PixelData": b""}, "damaged or incomplete"),
    ],
)
def test_what_cannot_be_graded_is_refused_with_its_remedy(tags, message):
    with pytest.raises(UnreadablePhotograph, match=message) as caught:
        decode_photograph(save(_with(**tags)), "IM0001")
    assert any(word in str(caught.value) for word in ("Export", "Copy", "export"))


def test_file_without_a_picture_is_refused():
    dataset = make_header(8, 8)
    with pytest.raises(UnreadablePhotograph, match="holds no picture"):
        decode_photograph(save(dataset), "IM0001")


@pytest.mark.parametrize("syntax", [DeflatedExplicitVRLittleEndian, RLELossless])
def test_ways_to_store_that_could_swell_are_refused_before_they_are_read(fundus_pixels, syntax):
    dataset = make_header(640, 480, syntax=syntax)
    dataset.PixelData = encapsulate([bytes(64)]) if syntax.is_encapsulated else fundus_pixels.tobytes()
    with pytest.raises(UnreadablePhotograph, match=syntax.name):
        decode_photograph(save(dataset), "IM0001")


def test_too_many_pixels_are_refused_before_they_are_decoded(fundus_pixels):
    dataset = make_header(30_000, 30_000)
    dataset.PixelData = bytes(64)
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        decode_photograph(save(dataset), "IM0001")
    with pytest.raises(UnreadablePhotograph, match="damaged or incomplete"):
        decode_photograph(wrap_jpeg_2000(fundus_pixels, width=641), "IM0001")
    dataset = make_header(9_000, 9_000)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelData = 1, "MONOCHROME2", bytes(81_000_000)
    with pytest.raises(PhotographTooLarge, match="megapixels"):
        decode_photograph(save(dataset), "IM0001")


@pytest.mark.parametrize(
    "element",
    [
        struct.pack("<HH2sH", 0x0009, 0x1000, b"LO", 0) * 400_000,
        struct.pack("<HH2sHI", 0x0009, 0x1001, b"SQ", 0, 0xFFFFFFFF) + ITEM * 400_000 + LAST_ITEM,
        (struct.pack("<HH2sHI", 0x0009, 0x1001, b"SQ", 0, 0xFFFFFFFF) + ITEM[:4] + b"\xff" * 4) * 100_000,
        struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + ITEM * 400_000 + LAST_ITEM,
    ],
    ids=["many elements", "many items", "deep", "many fragments"],
)
def test_forged_header_keeps_nobody_busy(fundus_jpeg, element):
    whole = wrap_jpeg(fundus_jpeg)
    at = whole.index(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OB"))
    with pytest.raises(UnreadablePhotograph, match=r"far more than a camera writes|damaged or incomplete"):
        decode_photograph(whole[:at] + element, "IM0001")


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9, 0.99])
def test_file_that_is_cut_off_is_refused(fundus_jpeg, fundus_pixels, share):
    for data in (wrap_jpeg(fundus_jpeg), wrap_pixels(fundus_pixels), wrap_jpeg_2000(fundus_pixels)):
        with pytest.raises(UnreadablePhotograph):
            decode_photograph(data[: int(len(data) * share)], "IM0001")


def test_damaged_bytes_raise_nothing_else(fundus_jpeg):
    good, random = wrap_jpeg(fundus_jpeg), np.random.default_rng(5)
    for _ in range(300):
        damaged = bytearray(good)
        for at in random.integers(128, 900, 4):
            damaged[at] = random.integers(256)
        try:
            decode_photograph(bytes(damaged), "IM0001")
        except (UnreadablePhotograph, PhotographTooLarge):
            continue
