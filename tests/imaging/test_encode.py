"""Pictures as bytes: what comes out can be read again, at the size that was asked for."""

import io

import numpy as np
import pytest
from PIL import Image

from dr_core.imaging.encode import encode_jpeg, encode_png, shrink_to

PIXELS = np.zeros((30, 40, 3), dtype=np.uint8)
PIXELS[:, :20] = (200, 30, 10)


def test_png_keeps_every_pixel():
    with Image.open(io.BytesIO(encode_png(PIXELS))) as image:
        assert (np.asarray(image) == PIXELS).all()


def test_jpeg_keeps_the_order_of_channels_and_carries_no_metadata():
    with Image.open(io.BytesIO(encode_jpeg(PIXELS, quality=95))) as image:
        assert image.format == "JPEG"
        assert not image.getexif()
        red, _, blue = np.asarray(image)[15, 5].astype(int)
    assert red > 150
    assert blue < 60


@pytest.mark.parametrize(("longest_side_px", "shape"), [(20, (15, 20, 3)), (40, (30, 40, 3)), (999, (30, 40, 3))])
def test_shrinking_keeps_the_aspect_and_never_enlarges(longest_side_px, shape):
    assert shrink_to(PIXELS, longest_side_px).shape == shape


def test_a_line_one_pixel_high_can_be_shrunk():
    assert shrink_to(np.zeros((1, 500, 3), dtype=np.uint8), 10).shape == (1, 10, 3)


@pytest.mark.parametrize("pixels", [PIXELS[..., 0], PIXELS.astype(np.float32), PIXELS[:0]])
def test_what_is_no_picture_is_refused(pixels):
    with pytest.raises(ValueError, match="Received: "):
        encode_png(pixels)
