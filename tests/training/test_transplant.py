"""Lesions in another eye: seen where they are marked, nowhere else, and never beyond the host's retina."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from dr_core.domain.photograph import BoolArray, UInt8Array
from dr_core.domain.results import LESIONS
from dr_core.training import transplant
from dr_core.training.outlined import LesionPhotograph
from dr_core.training.transplant import Transplants

SIDE_PX = 96
BLOOD, WAX = LESIONS.index("haemorrhages"), LESIONS.index("hard exudates")


def make_donor() -> LesionPhotograph:
    """A flat retina, darker on one side, with a dark and a bright spot."""
    disc = np.full((SIDE_PX, SIDE_PX, 3), 120, dtype=np.uint8)
    disc[:, 48:] = 150
    lesions = np.zeros((SIDE_PX, SIDE_PX, len(LESIONS)), dtype=np.bool_)
    for kind, middle, level in ((BLOOD, (30, 40), 80), (WAX, (66, 60), 220)):
        spot = cv2.circle(np.zeros((SIDE_PX, SIDE_PX), dtype=np.uint8), middle, 3, 1, -1) > 0
        disc[spot], lesions[spot, kind] = level, True
    return LesionPhotograph(Path("donor.jpg"), "train", disc, lesions)


def make_host() -> UInt8Array:
    """A brighter retina, cut off above and below as some cameras do."""
    disc = np.full((SIDE_PX, SIDE_PX, 3), 160, dtype=np.uint8)
    disc[:20] = disc[-20:] = 128
    return disc


@pytest.fixture
def all_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transplant, "KEPT_CHANCE", 1.0)


def draw(number: int, host: UInt8Array) -> tuple[UInt8Array, BoolArray]:
    drawn = Transplants([make_donor()], [host]).draw(0, np.random.default_rng(number))
    return drawn.disc, drawn.lesions


@pytest.mark.usefixtures("all_kinds")
def test_blood_darkens_and_wax_brightens_the_host_where_they_are_marked() -> None:
    for number in range(8):
        disc, lesions = draw(number, np.full((SIDE_PX, SIDE_PX, 3), 160, dtype=np.uint8))
        assert lesions[..., BLOOD].sum() == lesions[..., WAX].sum() == make_donor().lesions[..., BLOOD].sum()
        assert disc[lesions[..., BLOOD]].max() < 160 < disc[lesions[..., WAX]].min()
        around = cv2.dilate(lesions.any(axis=2).astype(np.uint8), np.ones((15, 15), dtype=np.uint8)) > 0
        assert np.abs(disc[~around].astype(int) - 160).max() <= 1


def test_places_and_strengths_change_with_chance_and_with_it_alone() -> None:
    (first, marked), (again, _), (other, elsewhere) = (draw(number, make_host()) for number in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(marked, elsewhere)


@pytest.mark.usefixtures("all_kinds")
def test_nothing_is_drawn_or_marked_beyond_the_hosts_retina() -> None:
    donor, host = make_donor(), make_host()
    host[20:76] = 128
    host[40:56] = 160  # too narrow for either spot
    drawn = Transplants([donor], [host]).draw(0, np.random.default_rng(3))
    np.testing.assert_array_equal(drawn.disc[host[..., 0] == 128], 128)
    assert not drawn.lesions[:38].any()
    assert not drawn.lesions[58:].any()


@pytest.mark.usefixtures("all_kinds")
def test_what_a_shadow_swallows_is_not_marked() -> None:
    # The level of no light at all: no lesion can be told from it.
    _, lesions = draw(1, np.full((SIDE_PX, SIDE_PX, 3), 52, dtype=np.uint8))
    assert not lesions[..., BLOOD].any()


def test_a_kind_may_be_left_out_but_never_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transplant, "KEPT_CHANCE", 0.0)
    assert draw(1, make_host())[1].any()
    monkeypatch.setattr(transplant, "KEPT_CHANCE", 0.5)
    found = {tuple(draw(number, make_host())[1].any(axis=(0, 1))[[BLOOD, WAX]]) for number in range(20)}
    assert {(True, False), (False, True), (True, True)} <= found


def test_without_donors_or_hosts_or_with_other_diameters_it_is_refused() -> None:
    for donors, hosts in (([], [make_host()]), ([make_donor()], []), ([make_donor()], [make_host()[::2, ::2]])):
        with pytest.raises(ValueError, match="one diameter"):
            Transplants(donors, hosts)
