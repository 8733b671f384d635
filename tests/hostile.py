"""Makes a folder of all that a folder of photographs may hold: damaged, enormous, disguised, looped, misnamed."""

import io
import os
import socket
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from tests.dicom_files import wrap_jpeg, wrap_pixels

READABLE, FAILED = "readable", "failed"
GIANT_SIDE_PX = 30_000
HUGE_BYTES = 101 * 1024 * 1024


@dataclass
class HostileFolder:
    """What was made.

    Attributes:
        path: the folder.
        rows: by name as the report prints it, relative to `path`: READABLE (decoded, though perhaps refused as no
            colour fundus photograph), or FAILED.
        other_files: files that are no photographs by name or content.
        linked_folders: links to folders.
    """

    path: Path
    rows: dict[str, str] = field(default_factory=dict)
    other_files: int = 0
    linked_folders: int = 0


def make_hostile_folder(path: Path, photograph: bytes) -> HostileFolder:
    """Fill `path` with hostile files; `photograph` is a good JPEG that some of them are made from."""
    path.mkdir(parents=True, exist_ok=True)
    made = HostileFolder(path)
    _add_damaged(made, photograph)
    _add_unusual(made, photograph)
    _add_not_files(made, photograph)
    _add_misnamed(made, photograph)
    _add_others(made, photograph)
    return made


def _add(made: HostileFolder, name: str, data: bytes, outcome: str) -> None:
    (made.path / name).write_bytes(data)
    made.rows[name] = outcome


def _encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _add_damaged(made: HostileFolder, photograph: bytes) -> None:
    _add(made, "good.jpg", photograph, READABLE)
    _add(made, "truncated.jpg", photograph[: len(photograph) // 2], FAILED)
    _add(made, "empty.jpg", b"", FAILED)
    _add(made, "text.jpg", b"This is no photograph.\n" * 40, FAILED)
    _add(made, "header_only.jpg", photograph[:20], FAILED)
    _add(made, "web_page.png", b"<html><script>alert(1)</script></html>", FAILED)
    _add(made, "vector.png", b'<svg xmlns="http://www.w3.org/2000/svg"/>', FAILED)
    _add(made, "archive.jpeg", b"PK\x05\x06" + b"\x00" * 18, FAILED)
    _add(made, "one_pixel.png", _encode(Image.new("RGB", (1, 1)), "PNG"), FAILED)
    _add(made, "giant.png", _make_giant_png(), FAILED)
    with (made.path / "huge.tif").open("wb") as stream:
        stream.write(b"II*\x00")
        stream.truncate(HUGE_BYTES)
    made.rows["huge.tif"] = FAILED


def _make_giant_png() -> bytes:
    """Return a valid PNG of 30,000 x 30,000 pixels, 1 bit each; 900 million pixels in some hundred kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    side = GIANT_SIDE_PX.to_bytes(4, "big")
    packer = zlib.compressobj(1)
    row = b"\x00" * (1 + GIANT_SIDE_PX // 8)
    packed = b"".join(packer.compress(row * 1000) for _ in range(GIANT_SIDE_PX // 1000)) + packer.flush()
    header = chunk(b"IHDR", side + side + bytes([1, 0, 0, 0, 0]))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def _add_unusual(made: HostileFolder, photograph: bytes) -> None:
    image = Image.open(io.BytesIO(photograph)).convert("RGB")
    grey = image.convert("L")
    deep = Image.fromarray(np.asarray(grey, dtype=np.uint16) * 257)
    turned = Image.Exif()
    turned[0x0112] = 6
    frames = [image.copy() for _ in range(3)]
    _add(made, "cmyk.jpg", _encode(image.convert("CMYK"), "JPEG"), READABLE)
    _add(made, "sixteen_bit.png", _encode(deep, "PNG"), READABLE)
    _add(made, "sixteen_bit.tif", _encode(deep, "TIFF"), READABLE)
    _add(made, "rgba.png", _encode(image.convert("RGBA"), "PNG"), READABLE)
    _add(made, "grey.jpg", _encode(grey, "JPEG"), READABLE)
    _add(made, "palette.png", _encode(image.quantize(64), "PNG"), READABLE)
    _add(made, "exif_rotated.jpg", _encode(image, "JPEG", exif=turned), READABLE)
    _add(made, "animated.png", _encode(image, "PNG", save_all=True, append_images=frames), READABLE)
    # Whose second page nobody would look at.
    _add(made, "pages.tiff", _encode(image, "TIFF", save_all=True, append_images=frames), FAILED)
    _add(made, "animated.gif", _encode(image, "GIF", save_all=True, append_images=frames), FAILED)
    _add(made, "picture.bmp", _encode(image, "BMP"), FAILED)
    _add(made, "picture.webp", _encode(image, "WEBP"), FAILED)
    _add(made, "IM000001", wrap_jpeg(photograph, eye="R"), READABLE)
    _add(made, "plain.dcm", wrap_pixels(np.asarray(image)), READABLE)
    _add(made, "truncated.dcm", wrap_jpeg(photograph)[:5000], FAILED)
    _add(made, "black.jpg", _encode(Image.new("RGB", (640, 480)), "JPEG"), FAILED)
    _add(made, "disguised.png", photograph, READABLE)
    _add(made, "UPPER.JPEG", photograph, READABLE)


def _add_not_files(made: HostileFolder, photograph: bytes) -> None:
    path = made.path
    _add(made, "forbidden.jpg", photograph, READABLE if os.geteuid() == 0 else FAILED)
    (path / "forbidden.jpg").chmod(0)
    (path / "loop.jpg").symlink_to("loop.jpg")
    (path / "dangling.jpg").symlink_to("nowhere.jpg")
    (path / "endless.jpg").symlink_to("/dev/zero")
    os.mkfifo(path / "pipe.jpg")
    _bind_socket(path)
    (path / "folder.jpg").mkdir()
    for name in ("loop.jpg", "dangling.jpg", "endless.jpg", "pipe.jpg", "socket.jpg", "folder.jpg"):
        made.rows[name] = FAILED
    (path / "linked.jpg").symlink_to("good.jpg")
    made.rows["linked.jpg"] = READABLE
    _add(made, "folder.jpg/inside.jpg", photograph, READABLE)
    (path / "circle").symlink_to(".")
    made.linked_folders = 1


def _bind_socket(path: Path) -> None:
    # A socket's path is limited to about a hundred bytes, so it is bound from within its folder.
    here = Path.cwd()
    server = socket.socket(socket.AF_UNIX)
    try:
        os.chdir(path)
        server.bind("socket.jpg")
    finally:
        os.chdir(here)
        server.close()


def _add_misnamed(made: HostileFolder, photograph: bytes) -> None:
    for name in (
        "=1+1.jpg",
        "+1.jpg",
        "-1.jpg",
        "@SUM(A1).jpg",
        "\ttab.jpg",
        "\rreturn.jpg",
        "new\nline.jpg",
        "middle\rreturn.jpg",
        'quote",comma;.jpg',
        "<img src=x onerror=alert(1)>.jpg",
        "![x](javascript:alert(1)).jpg",
        "\u202egpj.jpg",
        "\u00e9\u4e2d\U0001f441.jpg",
        "%s{0}$(id)`id`.jpg",
        "l" * 251 + ".jpg",
    ):
        _add(made, name, photograph, READABLE)
    _try(lambda: _add_bytes_name(made, photograph))
    _add(made, "no_extension", photograph, READABLE)
    _add(made, "IMG.0001", photograph, READABLE)


def _add_bytes_name(made: HostileFolder, photograph: bytes) -> None:
    with open(os.fsencode(made.path) + b"/latin\xe9.jpg", "wb") as stream:  # noqa: PTH123 - the name is no text
        stream.write(photograph)
    made.rows["latin\\xe9.jpg"] = READABLE


def _try(make: Callable[[], None]) -> None:
    try:
        make()
    except OSError:
        # Some file systems take UTF-8 names alone.
        return


def _add_others(made: HostileFolder, photograph: bytes) -> None:
    for name, data in {
        "notes.txt": b"Notes.\n",
        "DICOMDIR": bytes(128) + b"DICM" + bytes(64),
        "words_without_extension": b"Words.\n",
        ".DS_Store": b"\x00\x00\x00\x01Bud1",
        "._good.jpg": b"\x00\x05\x16\x07" + b"\x00" * 60,
        "photograph.jpg.txt": photograph,
        "report.csv": b"file,status\n",
    }.items():
        (made.path / name).write_bytes(data)
        made.other_files += 1
