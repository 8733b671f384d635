"""Every kind of spoiling does what its name says, and leaves the camera's mask alone."""

import cv2
import numpy as np
import pytest

from dr_core.domain.photograph import FieldOfView, FundusPhotograph
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.training.spoil import SPOILT, spoil_photograph


@pytest.fixture(scope="module")
def field(fundus_photograph: FundusPhotograph) -> FieldOfView:
    return find_field_of_view(fundus_photograph.pixels)


def spoil(photograph: FundusPhotograph, field: FieldOfView, kind: str) -> np.ndarray:
    return spoil_photograph(photograph.pixels, field, kind, np.random.default_rng(1))


def detail(pixels: np.ndarray, field: FieldOfView) -> float:
    return float(cv2.Laplacian(pixels[..., 1].astype(np.float32), cv2.CV_32F)[field.mask].std())


@pytest.mark.parametrize("kind", SPOILT)
def test_every_kind_changes_the_retina(fundus_photograph: FundusPhotograph, field: FieldOfView, kind: str) -> None:
    before, after = fundus_photograph.pixels, spoil(fundus_photograph, field, kind)
    assert after.shape == before.shape
    assert after.dtype == np.uint8
    assert np.abs(after.astype(int) - before)[field.mask].mean() > 1


def test_the_kinds_do_what_they_are_called(fundus_photograph: FundusPhotograph, field: FieldOfView) -> None:
    before = fundus_photograph.pixels
    after = {kind: spoil(fundus_photograph, field, kind) for kind in SPOILT}
    assert after["dark"][field.mask].mean() < before[field.mask].mean() / 2
    assert after["bright"][field.mask].mean() > before[field.mask].mean() * 1.3
    assert detail(after["blur"], field) < detail(before, field) / 2
    assert after["haze"][field.mask].std() < before[field.mask].std() / 2
    middle = before.shape[1] // 2
    sides = [after["uneven"][:, :middle].mean(), after["uneven"][:, middle:].mean()]
    assert max(sides) > 1.2 * min(sides)


def test_an_unknown_kind_is_refused(fundus_photograph: FundusPhotograph, field: FieldOfView) -> None:
    with pytest.raises(ValueError, match="kind must be one of"):
        spoil(fundus_photograph, field, "rotated")
