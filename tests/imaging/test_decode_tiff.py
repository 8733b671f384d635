"""A TIFF whose strips or tiles are missing, too short or damaged is refused; whole ones of every kind are read."""

import io
import struct
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from dr_core.domain.errors import UnreadablePhotograph
from dr_core.imaging.decode import decode_photograph
from tests.imaging.marked_picture import encode

WIDTH, HEIGHT, ROWS, TILE = 640, 480, 64, 128
WIDTH_TAG, HEIGHT_TAG, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIPS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR = 273, 277, 278, 279, 284
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES = 322, 323, 324, 325
RGB, YCBCR, OLD_JPEG, JPEG, SEPARATE = 2, 6, 6, 7, 2
DAMAGED = "damaged or incomplete"

# Pillow warns of damaged metadata and goes on; what counts here is how decoding ends.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def write_tiff(parts: Sequence[bytes], *, tiled: bool = False, **tags: int | Sequence[int]) -> bytes:
    """Write strips of 64 rows or tiles of 128 pixels, and a directory at the end; tags go before what is usual."""
    places = [8 + sum(map(len, parts[:index])) for index in range(len(parts))]
    lengths = [len(part) for part in parts]
    entries: dict[int, int | Sequence[int]] = {
        WIDTH_TAG: WIDTH,
        HEIGHT_TAG: HEIGHT,
        BITS: [8, 8, 8],
        PHOTOMETRIC: RGB,
        SAMPLES: 3,
    }
    if tiled:
        entries |= {TILE_WIDTH: TILE, TILE_HEIGHT: TILE, TILES: places, TILE_BYTES: lengths}
    else:
        entries |= {ROWS_PER_STRIP: ROWS, STRIPS: places, STRIP_BYTES: lengths}
    entries |= {int(name.removeprefix("tag_")): value for name, value in tags.items()}
    start, table, beyond = 8 + sum(lengths), b"", b""
    for tag, value in sorted(entries.items()):
        numbers = [value] if isinstance(value, int) else list(value)
        content = struct.pack(f"<{len(numbers)}I", *numbers)
        if len(numbers) > 1:
            content, beyond = struct.pack("<I", start + len(beyond)), beyond + content
        table += struct.pack("<HHI", tag, 4, len(numbers)) + content
    head = struct.pack("<2sHI", b"II", 42, start + len(beyond))
    return head + b"".join(parts) + beyond + struct.pack("<H", len(entries)) + table + bytes(4)


def cut_strips(pixels: np.ndarray, rows: int = ROWS) -> list[np.ndarray]:
    return [pixels[row : row + rows] for row in range(0, HEIGHT, rows)]


def cut_tiles(pixels: np.ndarray) -> list[np.ndarray]:
    padded = np.pad(pixels, ((0, -HEIGHT % TILE), (0, -WIDTH % TILE), (0, 0)))
    rows, columns = range(0, HEIGHT, TILE), range(0, WIDTH, TILE)
    return [np.ascontiguousarray(padded[row : row + TILE, at : at + TILE]) for row in rows for at in columns]


def to_jpeg(pixels: np.ndarray, **options: object) -> bytes:
    return encode(Image.fromarray(pixels), "JPEG", quality=92, **options)


def refuse(data: bytes, words: str = DAMAGED) -> None:
    with pytest.raises(UnreadablePhotograph, match=words):
        decode_photograph(data, "eye.tif")


def overwrite(content: bytes, share: float, length: int) -> bytes:
    at = int(share * (len(content) - length))
    return content[:at] + bytes(length) + content[at + length :]


@pytest.fixture
def strips(fundus_pixels) -> list[bytes]:
    return [strip.tobytes() for strip in cut_strips(fundus_pixels)]


@pytest.fixture
def jpeg_strips(fundus_pixels) -> list[bytes]:
    return [to_jpeg(strip) for strip in cut_strips(fundus_pixels)]


@pytest.fixture
def jpeg_tiles(fundus_pixels) -> list[bytes]:
    return [to_jpeg(tile) for tile in cut_tiles(fundus_pixels)]


def test_uncompressed_strips_and_tiles_are_read(fundus_pixels, strips):
    assert (decode_photograph(write_tiff(strips), "e").pixels == fundus_pixels).all()
    tiles = [tile.tobytes() for tile in cut_tiles(fundus_pixels)]
    assert (decode_photograph(write_tiff(tiles, tiled=True), "e").pixels == fundus_pixels).all()
    planes = [
        np.ascontiguousarray(part[..., band]).tobytes() for band in range(3) for part in cut_strips(fundus_pixels)
    ]
    data = write_tiff(planes, tag_284=SEPARATE)
    assert (decode_photograph(data, "e").pixels == fundus_pixels).all()


@pytest.mark.parametrize("missing", [1, 2, 7])
def test_a_table_of_strips_that_is_too_short_is_refused(strips, missing):
    refuse(write_tiff(strips[:-missing]))
    refuse(write_tiff(strips, tag_279=[len(strip) for strip in strips[:-missing]]))


def test_a_table_of_strips_that_is_too_long_is_refused_where_it_would_be_painted_over(strips):
    refuse(write_tiff([*strips, strips[0]]))


def test_a_missing_plane_is_refused(fundus_pixels):
    planes = [np.ascontiguousarray(fundus_pixels[..., band]).tobytes() for band in range(3)]
    options = {"tag_284": SEPARATE, "tag_278": HEIGHT}
    assert (decode_photograph(write_tiff(planes, **options), "e").pixels == fundus_pixels).all()
    refuse(write_tiff(planes[:2], **options))


@pytest.mark.parametrize("place", [0, 3, -1])
def test_an_uncompressed_strip_shorter_than_its_rows_is_refused(strips, place):
    lengths = [len(strip) for strip in strips]
    lengths[place] -= 1
    refuse(write_tiff(strips, tag_279=lengths))


def test_a_missing_tile_is_refused(fundus_pixels, jpeg_tiles):
    tiles = [tile.tobytes() for tile in cut_tiles(fundus_pixels)]
    refuse(write_tiff(tiles[:-1], tiled=True))
    refuse(write_tiff([*tiles[:-1], b""], tiled=True))
    refuse(write_tiff(jpeg_tiles[:-1], tiled=True, tag_259=JPEG, tag_262=YCBCR))


@pytest.mark.parametrize("tag", [ROWS_PER_STRIP, TILE_WIDTH, TILE_HEIGHT])
def test_sides_of_nothing_are_refused(strips, tag):
    refuse(write_tiff(strips, tiled=tag != ROWS_PER_STRIP, **{f"tag_{tag}": 0}))


def test_strips_beyond_the_file_or_within_its_header_are_refused(strips):
    refuse(write_tiff(strips, tag_273=[8, *[10_000_000] * 7]))
    refuse(write_tiff(strips, tag_273=[0] * 8))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "lzma", "zstd"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_every_compression_is_read_whole_and_refused_where_a_strip_is_cut(fundus_pixels, compression, mode):
    picture = Image.fromarray(fundus_pixels).convert(mode)
    data = bytearray(encode(picture, "TIFF", compression=compression, strip_size=50_000))
    assert decode_photograph(bytes(data), "e.tif").pixels.shape == fundus_pixels.shape
    (directory,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, directory)
    entries = [struct.unpack_from("<HHII", data, directory + 2 + 12 * index) for index in range(count)]
    (kind, strips, table) = next(entry[1:] for entry in entries if entry[0] == STRIP_BYTES)
    assert strips > 2
    code, size = ("H", 2) if kind == 3 else ("I", 4)
    place = table + strips // 2 * size
    (length,) = struct.unpack_from(f"<{code}", data, place)
    struct.pack_into(f"<{code}", data, place, length // 2)
    refuse(bytes(data))


@pytest.mark.parametrize("mode", ["RGB", "YCbCr", "L", "CMYK"])
def test_jpeg_within_tiff_by_pillow_is_read_in_every_mode(fundus_pixels, mode):
    picture = Image.fromarray(fundus_pixels).convert(mode)
    data = encode(picture, "TIFF", compression="jpeg", quality=92, strip_size=50_000)
    wanted = np.asarray(picture.convert("RGB"), dtype=int)
    assert np.abs(decode_photograph(data, "e.tif").pixels - wanted).mean() < 3.0


@pytest.mark.parametrize("tiled", [False, True], ids=["strips", "tiles"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}], ids=str)
def test_jpeg_within_tiff_is_read(fundus_pixels, tiled, options):
    parts = [to_jpeg(part, **options) for part in (cut_tiles if tiled else cut_strips)(fundus_pixels)]
    data = write_tiff(parts, tiled=tiled, tag_259=JPEG, tag_262=YCBCR)
    pixels = decode_photograph(data, "e.tif").pixels
    assert np.abs(pixels.astype(int) - fundus_pixels).mean() < 3.0


def test_a_last_jpeg_strip_filled_up_to_the_height_of_the_others_is_read(fundus_pixels):
    parts = [to_jpeg(np.pad(part, ((0, 112 - len(part)), (0, 0), (0, 0)))) for part in cut_strips(fundus_pixels, 112)]
    data = write_tiff(parts, tag_259=JPEG, tag_262=YCBCR, tag_278=112)
    assert np.abs(decode_photograph(data, "e.tif").pixels.astype(int) - fundus_pixels).mean() < 3.0


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("end", [b"", b"\xff\xd9"], ids=["open", "closed"])
def test_a_jpeg_strip_or_tile_that_is_cut_is_refused(jpeg_strips, jpeg_tiles, share, end):
    for parts, tiled in ((jpeg_strips, False), (jpeg_tiles, True)):
        cut = parts[5][: int(share * len(parts[5]))] + end
        refuse(write_tiff([*parts[:5], cut, *parts[6:]], tiled=tiled, tag_259=JPEG, tag_262=YCBCR))


@pytest.mark.parametrize("share", [0.5, 0.99])
@pytest.mark.parametrize("length", [1024, 4096])
def test_zeros_in_the_one_jpeg_strip_of_a_tiff_are_refused(fundus_pixels, share, length):
    whole = to_jpeg(fundus_pixels)
    decode_photograph(write_tiff([whole], tag_259=JPEG, tag_262=YCBCR, tag_278=HEIGHT), "e.tif")
    refuse(write_tiff([overwrite(whole, share, length)], tag_259=JPEG, tag_262=YCBCR, tag_278=HEIGHT))


def test_zeros_in_a_strip_whose_tables_stand_apart_are_refused(fundus_pixels):
    data = encode(Image.fromarray(fundus_pixels), "TIFF", compression="jpeg", quality=95, strip_size=100_000)
    with_tables = Image.open(io.BytesIO(data)).tag_v2
    start, length = with_tables[STRIPS][2], with_tables[STRIP_BYTES][2]
    middle = start + length // 2
    refuse(data[:middle] + bytes(512) + data[middle + 512 :])
    refuse(data[:start] + bytes(length) + data[start + length :])


def test_a_progressive_jpeg_strip_without_its_last_scans_is_refused(fundus_pixels):
    whole = to_jpeg(fundus_pixels, progressive=True)
    cut = whole[: whole.rindex(b"\xff\xda")] + b"\xff\xd9"
    refuse(write_tiff([cut], tag_259=JPEG, tag_262=YCBCR, tag_278=HEIGHT))


def test_a_jpeg_strip_of_another_size_is_refused(fundus_pixels, jpeg_strips):
    for other in (fundus_pixels[:32], fundus_pixels[:ROWS, :320]):
        parts = [*jpeg_strips[:3], to_jpeg(other), *jpeg_strips[4:]]
        refuse(write_tiff(parts, tag_259=JPEG, tag_262=YCBCR))


def test_jpeg_strips_that_lie_upon_each_other_are_refused_unread(jpeg_strips):
    data = write_tiff(jpeg_strips, tag_259=JPEG, tag_262=YCBCR)
    total = sum(map(len, jpeg_strips))
    refuse(
        write_tiff(jpeg_strips, tag_259=JPEG, tag_262=YCBCR, tag_273=[8] * 8, tag_279=[total] * 8),
        "far more than a camera writes",
    )
    decode_photograph(data, "e.tif")


def test_the_old_kind_of_jpeg_is_refused_with_its_remedy(fundus_pixels):
    data = write_tiff([to_jpeg(fundus_pixels)], tag_259=OLD_JPEG, tag_262=YCBCR, tag_278=HEIGHT)
    refuse(data, r"old kind of JPEG.*Export the photograph as ordinary JPEG or PNG\.")


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_cut_tiff_whose_directory_stood_at_the_end_is_called_damaged(strips, share):
    data = write_tiff(strips)
    refuse(data[: int(share * len(data))], f"^The file is {DAMAGED}")


@pytest.mark.parametrize("head", [b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_what_begins_as_a_picture_is_called_damaged(head):
    refuse(head + bytes(40), f"^The file is {DAMAGED}")
