"""What the head that tells a retina from anything else is fitted and frozen on, beside the graded photographs.

Retinas: photographs without a grade, which show other diseases; ungradable ones; variants as other cameras and programs
would have stored them; and drawn ones, which the app offers as samples. Everything else: the pictures of `non_retina`,
as far as a round field is found in them, since no others reach the network.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from dr_core.domain.errors import NotAFundusPhotograph
from dr_core.domain.photograph import FieldOfView, Laterality, UInt8Array
from dr_core.imaging.decode import ANALYSIS_SIDE_PX, decode_photograph
from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import normalise_field
from dr_core.training.dataset import LabelledPhotograph
from dr_core.training.non_retina import BREAKS, break_retina, draw_non_retinas
from dr_core.training.recapture import recapture

__all__ = ["prepare_drawn_retinas", "prepare_non_retinas", "prepare_retinas"]

POOR_CHANCE, MOST_BLUR, LIGHT_RANGE = 0.3, 0.05, (0.3, 1.4)
BROKEN_SIDE_PX = 480  # what is broken needs no more pixels than the network sees


def prepare_retinas(
    photographs: Sequence[LabelledPhotograph], diameter_px: int, *, variants: int, seed: int
) -> Iterator[UInt8Array]:
    """Yield the retinas that are the first to be taken for none.

    Args:
        photographs: rows of one split, graded or not.
        diameter_px: width of the network's input.
        variants: of how many graded ones a variant is made; every ungraded or ungradable one comes as it is and as one.
        seed: of choice and chance.

    Yields:
        (diameter_px, diameter_px, 3) uint8, as `normalise_field` returns them.
    """
    random = np.random.default_rng(seed)
    for photograph in photographs:
        if photograph.grade is None or photograph.gradable is False:
            pixels = _read(photograph, ANALYSIS_SIDE_PX)
            yield from _prepare(pixels, diameter_px)
            yield from _prepare(recapture(pixels, random), diameter_px)
    graded = [photograph for photograph in photographs if photograph.grade is not None]
    for index in random.permutation(len(graded))[:variants]:
        yield from _prepare(recapture(_read(graded[index], ANALYSIS_SIDE_PX), random), diameter_px)


def prepare_drawn_retinas(diameter_px: int, *, count: int, seed: int) -> Iterator[UInt8Array]:
    """Yield `count` drawn retinas, as good and as poor as the app's samples.

    Args:
        diameter_px: width of the network's input.
        count: how many are drawn.
        seed: of choice and chance.

    Yields:
        (diameter_px, diameter_px, 3) uint8, as `normalise_field` returns them.
    """
    random = np.random.default_rng(seed)
    for _ in range(count):
        yield from _prepare(draw_fundus(_choose_drawing(random)), diameter_px)


def prepare_non_retinas(
    photographs: Sequence[LabelledPhotograph], diameter_px: int, *, per_kind: int, seed: int
) -> Iterator[UInt8Array]:
    """Yield pictures of anything but a retina in which a round field is found.

    Args:
        photographs: rows of the train split, some of which are broken; not those of which no structure is seen anyway.
        diameter_px: width of the network's input.
        per_kind: how many of each kind are made; of some kinds many show no field and are left out.
        seed: of choice and chance.

    Yields:
        (diameter_px, diameter_px, 3) uint8, as `normalise_field` returns them.
    """
    for picture in draw_non_retinas(per_kind, seed):
        yield from _prepare(picture.pixels, diameter_px)
    random = np.random.default_rng(seed)
    whole = [photograph for photograph in photographs if photograph.gradable is not False]
    for kind in BREAKS:
        for index in random.permutation(len(whole))[:per_kind]:
            pixels = _read(whole[index], BROKEN_SIDE_PX)
            field = _find(pixels)
            if field is not None:
                yield from _prepare(break_retina(pixels, field, kind, random), diameter_px)


def _read(photograph: LabelledPhotograph, longest_side_px: int) -> UInt8Array:
    return decode_photograph(photograph.path.read_bytes(), "", longest_side_px=longest_side_px).pixels


def _find(pixels: UInt8Array) -> FieldOfView | None:
    try:
        return find_field_of_view(pixels)
    except NotAFundusPhotograph:
        return None


def _prepare(pixels: UInt8Array, diameter_px: int) -> Iterator[UInt8Array]:
    field = _find(pixels)
    if field is not None:
        yield normalise_field(pixels, field, diameter_px)


def _choose_drawing(random: np.random.Generator) -> FundusDrawing:
    lesions, width_px = int(random.integers(0, 40)), int(random.choice([320, 640, 1024]))
    return FundusDrawing(
        width_px,
        width_px * 3 // 4,
        field_scale=random.uniform(0.9, 1.25),
        eye=random.choice(list(Laterality)),
        seed=int(random.integers(1, 1 << 30)),
        microaneurysms=lesions,
        haemorrhages=lesions // 2,
        hard_exudates=lesions,
        cotton_wool=lesions // 10,
        blur=random.uniform(0, MOST_BLUR) if random.random() < POOR_CHANCE else 0.0,
        light=random.uniform(*LIGHT_RANGE) if random.random() < POOR_CHANCE else 1.0,
    )
