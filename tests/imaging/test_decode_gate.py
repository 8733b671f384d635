"""So many pixels at once and no more: small ones side by side, a large one alone and in its turn."""

import threading
import time

import numpy as np
import pytest
from PIL import Image

from dr_core.domain.errors import UnreadablePhotograph
from dr_core.imaging import decode
from dr_core.imaging.decode_gate import DecodingGate
from tests.dicom_files import wrap_jpeg_2000, wrap_pixels
from tests.imaging.marked_picture import draw_corner, encode
from tests.imaging.test_decode_scans import write_in_scans_of_one_colour

SOON_S = 0.1
AT_LAST_S = 10.0


class Visitor(threading.Thread):
    """Asks for pixels, and holds them until it is told to leave."""

    def __init__(self, gate: DecodingGate, pixels: int) -> None:
        super().__init__(daemon=True)
        self.gate, self.pixels = gate, pixels
        self.inside, self.may_leave = threading.Event(), threading.Event()
        self.start()

    def run(self) -> None:
        with self.gate.hold(self.pixels):
            self.inside.set()
            self.may_leave.wait(AT_LAST_S)

    def leave(self) -> None:
        self.may_leave.set()
        self.join(AT_LAST_S)


def test_small_photographs_are_let_in_together():
    gate = DecodingGate(100)
    visitors = [Visitor(gate, 25) for _ in range(4)]
    assert all(visitor.inside.wait(AT_LAST_S) for visitor in visitors)
    fifth = Visitor(gate, 25)
    assert not fifth.inside.wait(SOON_S)
    visitors[2].leave()
    assert fifth.inside.wait(AT_LAST_S)
    for visitor in [*visitors, fifth]:
        visitor.leave()


def test_one_above_the_limit_is_let_in_alone():
    gate = DecodingGate(100)
    small = Visitor(gate, 1)
    assert small.inside.wait(AT_LAST_S)
    huge = Visitor(gate, 1000)
    assert not huge.inside.wait(SOON_S)
    small.leave()
    assert huge.inside.wait(AT_LAST_S)
    after = Visitor(gate, 1)
    assert not after.inside.wait(SOON_S)
    huge.leave()
    assert after.inside.wait(AT_LAST_S)
    after.leave()


def test_later_small_ones_do_not_pass_a_large_one_that_waits():
    gate = DecodingGate(100)
    first = Visitor(gate, 60)
    assert first.inside.wait(AT_LAST_S)
    large = Visitor(gate, 90)
    assert not large.inside.wait(SOON_S)
    small = Visitor(gate, 10)
    assert not small.inside.wait(SOON_S)
    first.leave()
    assert large.inside.wait(AT_LAST_S)
    assert small.inside.wait(AT_LAST_S)
    large.leave()
    small.leave()


def test_pixels_are_given_back_after_an_error():
    gate = DecodingGate(100)
    for _ in range(3):
        with pytest.raises(ValueError, match="damaged"), gate.hold(100):
            raise ValueError("damaged")
    with gate.hold(100):
        pass


def test_many_threads_never_hold_more_than_the_limit():
    gate, lock, held, most = DecodingGate(100), threading.Lock(), 0, 0
    sizes = np.random.default_rng(0).choice([1, 10, 60, 100, 300], 200)

    def visit(pixels: int) -> None:
        nonlocal held, most
        with gate.hold(pixels):
            with lock:
                held += min(pixels, 100)
                most = max(most, held)
            time.sleep(0.0005)
            with lock:
                held -= min(pixels, 100)

    threads = [threading.Thread(target=visit, args=(int(size),), daemon=True) for size in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(AT_LAST_S)
    assert not any(thread.is_alive() for thread in threads)
    assert held == 0
    assert most == 100


@pytest.fixture
def asked(monkeypatch) -> list[int]:
    """What decoding asks the gate for."""
    pixels: list[int] = []

    class Counting(DecodingGate):
        def hold(self, share: int):
            pixels.append(share)
            return super().hold(share)

    monkeypatch.setattr(decode, "_gate", Counting(1_000_000))
    return pixels


@pytest.mark.parametrize(
    ("kind", "options", "share"),
    [
        ("JPEG", {}, 600 * 400 // 16),
        ("JPEG", {"progressive": True}, 600 * 400),
        ("PNG", {}, 600 * 400),
        ("TIFF", {}, 600 * 400),
    ],
    ids=str,
)
def test_decoding_asks_for_the_pixels_that_it_will_hold(asked, kind, options, share):
    data = encode(draw_corner().resize((600, 400)), kind, **options)
    decode.decode_photograph(data, "eye", longest_side_px=150, exact=False)
    assert asked == [share]


def test_a_jpeg_with_a_scan_for_each_colour_counts_in_full_as_a_progressive_one(asked):
    decode.decode_photograph(write_in_scans_of_one_colour(3), "eye", longest_side_px=15, exact=False)
    assert asked == [60 * 40]


def test_deep_colours_count_twice_because_they_are_read_twice(asked):
    values = np.zeros((40, 60, 3), dtype=np.uint16)
    done, data = decode.cv2.imencode(".png", values)
    assert done
    decode.decode_photograph(data.tobytes(), "eye.png")
    assert asked == [2 * 40 * 60]


def test_pictures_in_dicom_count_for_what_their_decoders_keep(asked, fundus_pixels):
    for data in (wrap_pixels(fundus_pixels), wrap_jpeg_2000(fundus_pixels)):
        decode.decode_photograph(data, "IM0001")
    assert asked == [2 * 640 * 480, 3 * 640 * 480]


def test_photographs_that_are_refused_leave_the_gate_open(asked):
    whole = encode(Image.new("RGB", (1200, 900), (90, 40, 20)), "PNG")
    for _ in range(3):
        with pytest.raises(UnreadablePhotograph):
            decode.decode_photograph(whole[:-40], "eye.png")
    decode.decode_photograph(whole, "eye.png")
    assert len(asked) == 4


def test_the_limit_lets_the_largest_photograph_in_with_others_beside():
    assert decode.MAX_PIXELS < decode.MAX_PIXELS_AT_ONCE < 2 * decode.MAX_PIXELS
