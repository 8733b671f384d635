"""The gate passes what can be graded, and tells the person at the camera what to change."""

import csv
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from dr_core.domain.errors import NotAFundusPhotograph
from dr_core.domain.photograph import FundusPhotograph
from dr_core.domain.quality import Defect, HiddenRetina, QualityReport
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.disc import cut_disc
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.quality import (
    DISC_PX,
    GRADABLE_SCORE,
    WIDEST_DISC_PX,
    NetworkOpinion,
    assess_quality,
    measure_quality,
    score_quality,
)

REAL_OF_EACH_KIND = 40


def judge(pixels: np.ndarray, *, source_width_px: int | None = None) -> QualityReport:
    height, width = pixels.shape[:2]
    source = source_width_px or width
    photograph = FundusPhotograph(pixels, "made.png", "00" * 32, None, source, round(source * height / width))
    return assess_quality(photograph, find_field_of_view(pixels))


@cache
def draw(**options) -> np.ndarray:
    pixels = draw_fundus(FundusDrawing(**({"width_px": 640, "height_px": 480} | options)))
    pixels.flags.writeable = False
    return pixels


def scale_light(pixels: np.ndarray, factor: np.ndarray | float) -> np.ndarray:
    return np.clip(pixels * factor, 0, 255).astype(np.uint8)


def lay_haze(pixels: np.ndarray, share: float) -> np.ndarray:
    """Wash the retina out towards its mean colour, as a cataract does."""
    field = find_field_of_view(pixels).mask[..., None]
    veil = pixels[field[..., 0]].mean(axis=0)
    return np.where(field, (1 - share) * pixels + share * veil, pixels).astype(np.uint8)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_sharp_well_lit_photograph_is_gradable(seed):
    report = judge(draw(seed=seed))
    assert report.gradable
    assert report.score > 0.5


def test_lesions_do_not_make_a_photograph_ungradable():
    assert judge(draw(microaneurysms=30, haemorrhages=30, hard_exudates=70, cotton_wool=4)).gradable


def test_score_falls_as_blur_grows():
    scores = [judge(draw(blur=blur)).score for blur in (0.0, 0.01, 0.02, 0.05)]
    assert scores == sorted(scores, reverse=True)


def test_defocus_is_called_blur():
    report = judge(draw(blur=0.05))
    assert not report.gradable
    assert Defect.BLUR in report.defects
    assert any("Refocus" in advice for advice in report.advice)


def test_too_little_light_is_called_dark():
    report = judge(draw(light=0.15))
    assert Defect.DARK in report.defects
    assert report.score < judge(draw()).score


def test_glare_is_called_bright():
    report = judge(scale_light(draw(), 3.2))
    assert Defect.BRIGHT in report.defects
    assert report.score < judge(draw()).score


def test_light_from_one_side_is_called_uneven():
    pixels = draw()
    ramp = np.clip(np.linspace(-0.25, 1.3, pixels.shape[1]), 0.08, 1.1)
    report = judge(scale_light(pixels, ramp[None, :, None]))
    assert Defect.UNEVEN in report.defects


def test_haze_is_called_low_contrast():
    report = judge(lay_haze(draw(), 0.85))
    assert Defect.LOW_CONTRAST in report.defects


def test_a_field_of_few_pixels_is_called_small_and_is_not_graded():
    report = judge(draw(width_px=160, height_px=120))
    assert not report.gradable
    assert Defect.SMALL_FIELD in report.defects


@pytest.mark.parametrize("colour", [(128, 128, 128), (170, 90, 50)])
def test_a_painted_over_macula_is_called_an_obstruction_and_is_not_graded(colour):
    pixels = draw().copy()
    pixels[160:320, 240:400] = colour
    pixels = cv2.imdecode(cv2.imencode(".png", pixels)[1], cv2.IMREAD_COLOR)
    photograph = FundusPhotograph(pixels, "made.png", "00" * 32, None, 640, 480)
    report = assess_quality(photograph, find_field_of_view(pixels), NetworkOpinion(1.0, (1.0, 0.0, 0.0), 0.5))
    assert not report.gradable
    assert report.defects[0] is Defect.OBSTRUCTION
    assert "covers the retina" in report.advice[0]


def judge_hidden(share: float, center: float, pixels: np.ndarray) -> QualityReport:
    photograph = FundusPhotograph(pixels, "made.png", "00" * 32, None, 640, 480)
    opinion = NetworkOpinion(1.0, (1.0, 0.0, 0.0), 0.5)
    return assess_quality(photograph, find_field_of_view(pixels), opinion, hidden=HiddenRetina(share, center))


@pytest.mark.parametrize(
    ("share", "center", "gradable", "named"),
    [
        (0.0, 0.0, True, False),
        (0.05, 0.3, True, False),
        (0.12, 0.0, True, True),
        (0.22, 0.5, True, True),
        (0.28, 0.0, False, True),
        (0.05, 0.8, False, True),
        (0.9, 1.0, False, True),
    ],
)
def test_a_hidden_quarter_or_fovea_is_not_graded_and_less_is_named(share, center, gradable, named):
    report = judge_hidden(share, center, draw())
    assert report.gradable is gradable
    assert (report.score > 0.5) is gradable
    assert (Defect.OBSTRUCTION in report.defects) is named


def test_what_ails_the_whole_photograph_is_not_called_an_obstruction():
    report = judge_hidden(0.9, 1.0, draw(blur=0.05))
    assert not report.gradable
    assert report.defects[0] is Defect.BLUR
    assert Defect.OBSTRUCTION not in report.defects


def test_a_blown_out_optic_disc_is_no_obstruction():
    pixels = cv2.circle(draw().copy(), (440, 230), 28, (255, 255, 255), -1)
    assert Defect.OBSTRUCTION not in judge(pixels).defects


def test_a_photograph_that_was_only_reduced_for_work_is_not_called_small():
    report = judge(draw(width_px=200, height_px=150), source_width_px=2000)
    assert Defect.SMALL_FIELD not in report.defects


def test_verdict_does_not_depend_on_resolution():
    large = draw(width_px=1280, height_px=960)
    scores = [judge(cv2.resize(large, None, fx=f, fy=f, interpolation=cv2.INTER_AREA)).score for f in (1.0, 0.5, 0.35)]
    assert max(scores) - min(scores) < 0.15


@pytest.mark.parametrize("blur", [0.0, 0.01, 0.03])
@pytest.mark.parametrize("width_px", [DISC_PX, 384, WIDEST_DISC_PX])
def test_a_wider_disc_measures_the_same(width_px, blur):
    photograph = FundusPhotograph(draw(width_px=1200, height_px=900, blur=blur), "made.png", "00" * 32, None, 1200, 900)
    field = find_field_of_view(photograph.pixels)
    direct = measure_quality(photograph, field)
    shared = measure_quality(photograph, field, disc=cut_disc(photograph.pixels, field, width_px))
    assert shared.sharpness == pytest.approx(direct.sharpness, rel=0.08)
    assert score_quality(shared) == pytest.approx(score_quality(direct), abs=0.03)


@pytest.mark.parametrize(
    "options", [{"blur": 0.03}, {"blur": 0.08}, {"light": 0.1}, {"light": 0.3, "blur": 0.03}, {"field_scale": 0.65}]
)
def test_an_ungradable_photograph_always_has_a_defect_with_advice(options):
    report = judge(draw(**options))
    assert 0.0 <= report.score <= 1.0
    assert report.gradable or report.defects
    assert len(report.advice) == len(report.defects) == len(set(report.defects))


@pytest.mark.parametrize(("p_gradable", "gradable"), [(0.0, False), (0.59, False), (0.6, True), (1.0, True)])
def test_networks_probability_is_the_score_where_it_is_given(p_gradable, gradable):
    pixels = draw()
    photograph = FundusPhotograph(pixels, "made.png", "00" * 32, None, 640, 480)
    report = assess_quality(photograph, find_field_of_view(pixels), NetworkOpinion(p_gradable, (1.0, 0.0, 0.0), 0.5999))
    assert report.score == pytest.approx(p_gradable, abs=1e-5)
    assert report.gradable is gradable
    assert gradable or report.defects


def test_small_field_is_refused_whatever_the_network_says():
    pixels = draw(width_px=160, height_px=120)
    photograph = FundusPhotograph(pixels, "made.png", "00" * 32, None, 160, 120)
    report = assess_quality(photograph, find_field_of_view(pixels), NetworkOpinion(1.0, (1.0, 0.0, 0.0), 0.5))
    assert not report.gradable
    assert Defect.SMALL_FIELD in report.defects


@pytest.mark.parametrize("level", [0, 90, 255])
def test_a_field_of_one_colour_is_measured_without_a_warning(level):
    # No such field leaves `find_field_of_view`; the measure must stand on its own.
    pixels = draw(width_px=320, height_px=240)
    field = find_field_of_view(pixels)
    flat = FundusPhotograph(np.full_like(pixels, level), "flat.png", "00" * 32, None, 320, 240)
    assert np.isfinite(list(vars(measure_quality(flat, field)).values())).all()
    assert not assess_quality(flat, field).gradable


def score_file(path: Path) -> float:
    """The score of a real photograph; 0 where not even a field of view is found."""
    try:
        return judge(decode_photograph(path.read_bytes(), path.name).pixels).score
    except NotAFundusPhotograph:
        return 0.0


@pytest.mark.real
def test_gate_agrees_with_readers_of_real_photographs(data_dir):
    with (data_dir / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["gradable"] and row["split"] == "val"]
    random = np.random.default_rng(4)
    scores: dict[str, np.ndarray] = {}
    for gradable in ("0", "1"):
        paths = [data_dir / row["path"] for row in rows if row["gradable"] == gradable]
        chosen = random.permutation(len(paths))[:REAL_OF_EACH_KIND]
        scores[gradable] = np.array([score_file(paths[index]) for index in chosen])
    ranked = (scores["1"][:, None] > scores["0"][None, :]).mean()
    assert ranked > 0.75
    assert (scores["1"] >= GRADABLE_SCORE).mean() > 0.9
