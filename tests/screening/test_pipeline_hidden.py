"""The released model on photographs of which a part is hidden: sent back with the reason, and no good one with them."""

import csv
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from dr_core.domain.quality import Defect
from dr_core.domain.results import Status
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.encode import encode_jpeg
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.screening.display import enlarge_screening
from dr_core.screening.pipeline import Screening, screen_photograph

PER_SOURCE = 10
LID, PATCH = "lid", "patch"


def hide(pixels: np.ndarray, what: str) -> np.ndarray:
    """Lay skin over the upper third of the field, or a grainy patch over its middle, both with soft edges."""
    field = find_field_of_view(pixels)
    height, width = pixels.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    up = (rows - field.center_rc[0]) / field.radius_px
    across = (columns - field.center_rc[1]) / (field.radius_px * field.aspect)
    hidden = up < 0.15 * across**2 - 0.25 if what == LID else (up / 0.4) ** 2 + (across / 0.45) ** 2 < 1
    share = (
        cv2.GaussianBlur(hidden.astype(np.float32), (0, 0), 0.05 * field.radius_px)[..., None] * field.mask[..., None]
    )
    colour = np.minimum(pixels[field.mask].mean(axis=0) * 1.2 + 15, 255)
    grain = np.random.default_rng(1).normal(0, 5, pixels.shape)
    return np.clip(pixels * (1 - share) + (colour + grain) * share, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def photographs(data_dir: Path) -> list[np.ndarray]:
    """Gradable photographs of every source, of the validation split."""
    with (data_dir / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [
            row for row in csv.DictReader(file) if row["split"] == "val" and row["grade"] and row["gradable"] != "0"
        ]
    chosen: list[dict[str, str]] = []
    for source in sorted({row["source"] for row in rows}):
        of_source = [row for row in rows if row["source"] == source]
        chosen += [of_source[index] for index in np.random.default_rng(6).permutation(len(of_source))[:PER_SOURCE]]
    return [decode_photograph((data_dir / row["path"]).read_bytes(), "").pixels for row in chosen]


@pytest.fixture(scope="module")
def screen_hidden(photographs, classifier) -> Callable[[str], list[Screening]]:
    """A function that hides a part of every photograph and screens them, once for each of `LID` and `PATCH`."""

    @cache
    def screen(what: str) -> list[Screening]:
        hidden = (encode_jpeg(hide(pixels, what)) for pixels in photographs)
        return [screen_photograph(data, "eye.jpg", classifier=classifier) for data in hidden]

    return screen


@pytest.mark.real
def test_good_photographs_hide_nothing(photographs, classifier):
    results = [
        screen_photograph(encode_jpeg(pixels), "eye.jpg", classifier=classifier).result for pixels in photographs
    ]
    sent_back = [result for result in results if result.status is Status.UNGRADABLE]
    assert sum(Defect.OBSTRUCTION in result.quality.defects for result in sent_back) <= 1


@pytest.mark.real
@pytest.mark.parametrize("what", [LID, PATCH])
def test_hidden_retina_is_not_graded_and_the_reason_is_named(screen_hidden, what):
    results = [screening.result for screening in screen_hidden(what)]
    graded = [result for result in results if result.status is Status.GRADED]
    assert len(graded) <= len(results) // 10
    named = [result for result in results if result.quality and Defect.OBSTRUCTION in result.quality.defects]
    assert len(named) >= 0.7 * len(results)


@pytest.mark.real
def test_hidden_retina_is_shown_where_it_lies(screen_hidden):
    shares, screenings = [], screen_hidden(LID)
    for screening in screenings:
        if screening.hidden is None or screening.field_of_view is None:
            continue
        placed = screening.hidden.place(screening.field_of_view)
        assert placed.shape == screening.photograph.pixels.shape[:2]
        assert not (placed & ~screening.field_of_view.mask).any()
        center, radius_px = round(screening.field_of_view.center_rc[0]), screening.field_of_view.radius_px
        covered, free = slice(center - round(0.65 * radius_px), center - round(0.4 * radius_px)), slice(center, None)
        mask = screening.field_of_view.mask
        shares.append((placed[covered].sum() / mask[covered].sum(), placed[free].sum() / mask[free].sum()))
    assert len(shares) >= 0.7 * len(screenings)
    above, below = np.median(shares, axis=0)
    assert above > 0.9
    assert below < 0.05


@pytest.mark.real
def test_what_is_hidden_follows_the_photograph_to_the_screen(photographs, classifier):
    large = next(pixels for pixels in photographs if pixels.shape[1] >= 1000)
    data = encode_jpeg(hide(large, PATCH))
    small = screen_photograph(data, "eye.jpg", classifier=classifier)
    whole = enlarge_screening(small, data, longest_side_px=large.shape[1])
    shares = [
        screening.hidden.place(screening.field_of_view).mean()
        for screening in (small, whole)
        if screening.hidden and screening.field_of_view
    ]
    assert len(shares) == 2
    assert shares[0] == pytest.approx(shares[1], rel=0.05)
    assert shares[0] > 0.02
