"""Read the manifest of labelled photographs and keep them as normalised discs on disk."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dr_core.domain.errors import NotAFundusPhotograph
from dr_core.domain.grades import GRADE_COUNT
from dr_core.domain.photograph import Float32Array, Laterality, UInt8Array
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import PREPROCESSING_VERSION, normalise_field
from dr_core.training.companions import Companions
from dr_core.training.manifest import ManifestLine, read_lines
from dr_core.training.outlined import LesionPhotograph
from dr_core.training.recapture import recapture

OEDEMA_RISKS = 3
_COLUMNS = ("image_id", "path", "source", "grade", "split", "patient_id", "gradable", "label_conflict")
_EYES = tuple(eye.value for eye in Laterality)
NEUTRAL = 128  # what the normalisation writes where there is no retina
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelledPhotograph:
    """One row of the manifest.

    Attributes:
        image_id: unique, ``source:name``.
        path: where the file stands.
        source: which public set it comes from.
        split: train, val, test or excluded; by patient or duplicate group.
        grade: ICDR 0-4, or None where unknown.
        patient_id: empty where unknown.
        gradable: EyePACS' verdict, or None where unknown.
        label_conflict: a copy of the same photograph carries another grade.
        laterality: which eye, or None where unknown.
        oedema_risk: IDRiD's risk of macular oedema, 0 to 2, or None where unknown.
    """

    image_id: str
    path: Path
    source: str
    split: str
    grade: int | None
    patient_id: str
    gradable: bool | None
    label_conflict: bool
    laterality: Laterality | None = None
    oedema_risk: int | None = None


def read_manifest(data_dir: Path) -> list[LabelledPhotograph]:
    """Read ``manifest.csv`` in `data_dir`.

    Raises:
        ConfigurationError: there is no manifest, or it is not as docs/data.md describes it.
    """
    return [_read_line(line, data_dir) for line in read_lines(data_dir, _COLUMNS)]


def _read_line(line: ManifestLine, data_dir: Path) -> LabelledPhotograph:
    cells = line.cells
    gradable = line.read_whole("gradable", 2)
    return LabelledPhotograph(
        image_id=cells["image_id"],
        path=data_dir / cells["path"],
        source=cells["source"],
        split=cells["split"],
        grade=line.read_whole("grade", GRADE_COUNT),
        patient_id=cells["patient_id"],
        gradable=None if gradable is None else bool(gradable),
        label_conflict=bool(line.read_whole("label_conflict", 2)),
        laterality=Laterality(line.read_choice("eye", _EYES)) if cells.get("eye") else None,
        oedema_risk=line.read_whole("dme", OEDEMA_RISKS) if "dme" in cells else None,
    )


def select_graded(photographs: Sequence[LabelledPhotograph], split: str) -> list[LabelledPhotograph]:
    """Return the graded photographs of `split`; training leaves out copies whose graders disagree."""
    return [
        photograph
        for photograph in photographs
        if photograph.split == split
        and photograph.grade is not None
        and not (split == "train" and photograph.label_conflict)
    ]


@dataclass(frozen=True, eq=False)
class DiscCache:
    """Normalised discs of many photographs, mapped from disk.

    Attributes:
        discs: (N, S, S, 3) uint8, as `normalise_field` returns them; a list of N where some were left out.
        photographs: the N rows that they belong to.
        copies: variants of the same photographs to learn from, each without those that lost their field.
        taught: (N, 5) float32 probabilities of an earlier grader, to be learned beside the readers' grades.
        outlined: photographs whose lesions are outlined, to learn from besides.
        companions: pictures without a grade, to learn from besides.
    """

    discs: UInt8Array | list[UInt8Array]
    photographs: tuple[LabelledPhotograph, ...]
    copies: tuple["DiscCache", ...] = ()
    taught: Float32Array | None = None
    outlined: tuple[LesionPhotograph, ...] = ()
    companions: Companions | None = None

    @property
    def grades(self) -> NDArray[np.int64]:
        """(N,) int64 ICDR grades."""
        return np.array([photograph.grade for photograph in self.photographs], dtype=np.int64)

    def select(self, keep: Callable[[LabelledPhotograph], bool]) -> "DiscCache":
        """Return the photographs that `keep` accepts, and their copies; their discs stay on disk."""
        chosen = [index for index, photograph in enumerate(self.photographs) if keep(photograph)]
        return DiscCache(
            [self.discs[index] for index in chosen],
            tuple(self.photographs[index] for index in chosen),
            tuple(copy.select(keep) for copy in self.copies),
        )


def build_cache(
    photographs: Sequence[LabelledPhotograph],
    diameter_px: int,
    folder: Path,
    *,
    copy: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> DiscCache:
    """Normalise `photographs` once and keep them in `folder`; a later call with the same ones reads them back.

    Args:
        photographs: rows of the manifest.
        diameter_px: diameter of each disc.
        folder: outside the repository; made when missing.
        copy: 0 for the photographs as they are, another number for as many sets of variants, as `recapture` makes them.
        progress: called with (done, all).

    Returns:
        The cache; photographs without a field of view are left out and counted in the log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [PREPROCESSING_VERSION, str(diameter_px), str(copy), *(photograph.image_id for photograph in photographs)]
    key = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:16]
    array_path, index_path = folder / f"{key}.npy", folder / f"{key}.json"
    if not index_path.is_file():
        shape = (len(photographs), diameter_px, diameter_px, 3)
        discs = np.lib.format.open_memmap(array_path, mode="w+", dtype=np.uint8, shape=shape)
        kept: list[int] = []
        for done, (index, disc) in enumerate(_normalise_all(photographs, diameter_px, copy), start=1):
            if disc is not None:
                discs[len(kept)] = disc
                kept.append(index)
            if progress is not None:
                progress(done, len(photographs))
        discs.flush()
        index_path.write_text(json.dumps(kept))
    kept = json.loads(index_path.read_text())
    if len(kept) < len(photographs):
        _log.warning("%d photographs show no field of view and are left out", len(photographs) - len(kept))
    discs = np.load(array_path, mmap_mode="r")[: len(kept)]
    return DiscCache(discs, tuple(photographs[index] for index in kept))


def _normalise_all(
    photographs: Sequence[LabelledPhotograph], diameter_px: int, copy: int
) -> Iterator[tuple[int, UInt8Array | None]]:
    def normalise(index: int) -> UInt8Array | None:
        path = photographs[index].path
        pixels = decode_photograph(path.read_bytes(), path.name).pixels
        if copy:
            pixels = recapture(pixels, np.random.default_rng([copy, index]))
        try:
            return normalise_field(pixels, find_field_of_view(pixels), diameter_px)
        except NotAFundusPhotograph:
            return None

    with ThreadPoolExecutor(2) as pool:
        yield from enumerate(pool.map(normalise, range(len(photographs))))
