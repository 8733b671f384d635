"""Make the pictures without a grade that the side task shows the network beside the graded ones.

All come from the train split or are drawn, and none is among those that the heads are fitted on afterwards: another
seed draws them.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from dr_core.domain.photograph import UInt8Array
from dr_core.imaging.preprocess import PREPROCESSING_VERSION, normalise_field
from dr_core.training.companions import CHANCES, OTHERS, RETINAS, SPOILT, Companions
from dr_core.training.dataset import LabelledPhotograph
from dr_core.training.retina_examples import prepare_drawn_retinas, prepare_non_retinas, prepare_retinas
from dr_core.training.spoil import spoil_photographs

__all__ = ["build_companions"]

SPOILT_PHOTOGRAPHS, VARIANTS, DRAWN_RETINAS, NON_RETINAS_PER_KIND = 300, 300, 60, 90


def build_companions(
    photographs: Sequence[LabelledPhotograph],
    diameter_px: int,
    folder: Path,
    *,
    seed: int,
    say: Callable[[str], None],
) -> Companions:
    """Make the companions once and keep them in `folder`; a later call for the same ones reads them back.

    Args:
        photographs: rows of the train split, graded or not.
        diameter_px: width of the network's input.
        folder: outside the repository; made when missing.
        seed: of choice and chance.
        say: receives lines of progress.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [PREPROCESSING_VERSION, str(diameter_px), str(seed), *(photograph.image_id for photograph in photographs)]
    key = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:16]
    # The groups are written last: where they are, all is there.
    discs_path, groups_path = folder / f"companions-{key}.npy", folder / f"companions-{key}-groups.npy"
    if not groups_path.is_file():
        made = [
            list(_spoil(photographs, diameter_px, seed)),
            list(prepare_non_retinas(photographs, diameter_px, per_kind=NON_RETINAS_PER_KIND, seed=seed)),
            list(
                chain(
                    prepare_retinas(photographs, diameter_px, variants=VARIANTS, seed=seed),
                    prepare_drawn_retinas(diameter_px, count=DRAWN_RETINAS, seed=seed),
                )
            ),
        ]
        np.save(discs_path, np.stack([disc for discs in made for disc in discs]))
        np.save(groups_path, np.repeat([SPOILT, OTHERS, RETINAS], [len(discs) for discs in made]))
    companions = Companions(np.load(discs_path, mmap_mode="r"), np.load(groups_path).astype(np.int64))
    counts = np.bincount(companions.groups, minlength=len(CHANCES))
    say(f"beside them {counts[SPOILT]} spoilt, {counts[RETINAS]} more retinas, {counts[OTHERS]} that show none")
    return companions


def _spoil(photographs: Sequence[LabelledPhotograph], diameter_px: int, seed: int) -> Iterator[UInt8Array]:
    graded = [photograph for photograph in photographs if photograph.grade is not None]
    for photograph, field in spoil_photographs(graded, SPOILT_PHOTOGRAPHS, np.random.default_rng(seed)):
        yield normalise_field(photograph.pixels, field, diameter_px)
