"""Calibrate simulated clinics, and hold what is stated there against what the program then does.

``python benchmarks/simulated_clinics.py`` prints, for cameras that hide lesions from the model, show it too many, or do
neither: sensitivity and specificity for referable DR as released, as stated after a calibration on 150 photographs, and
as 4,000 new photographs of the same clinic are told; and how often the stated interval holds the truth. An eye is told
*Refer* by the threshold or by its grade. Needs no photographs.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dr_core.model.calibration import REFERABLE_FROM, adapt, find_middle_grades
from dr_core.screening.clinic_settings import ClinicSettings, score_referable
from dr_core.screening.local_calibration import LocalCalibration, calibrate_locally

__all__ = ["make_clinic", "refer"]

READER_NOISE = 0.8
RELEASED_THRESHOLD = 0.4
GRADED, NEW = 150, 4000
WANTED = (0.90, 0.80)
# How the camera moves the severity that the model sees, and how much surer it is than it may be.
CAMERAS = {"hides lesions": (-0.8, 2.0), "shows too much": (1.0, 1.0), "neither": (0.0, 1.0)}

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Outcome:
    """One clinic: (sensitivity, specificity) each time, and whether the stated intervals hold the true ones.

    Attributes:
        before: as released.
        stated: after calibration, by leaving one out.
        true: of new photographs.
        held: whether both intervals hold the truth.
        safe: whether the true sensitivity lies above the lower end of its interval.
    """

    before: tuple[float, float]
    stated: tuple[float, float]
    true: tuple[float, float]
    held: tuple[bool, bool]
    safe: bool


def make_clinic(
    generator: np.random.Generator, count: int, *, shift: float = 0.0, confidence: float = 1.0, referable: float = 0.3
) -> tuple[FloatArray, IntArray]:
    """Return (count, 5) probabilities and (count,) grades.

    Args:
        generator: of the randomness.
        count: photographs.
        shift: added to the severity that the model sees; below 0, the camera hides lesions from it.
        confidence: above 1, the model is surer than it may be.
        referable: share of photographs of grade 2 or more.
    """
    positive = generator.random(count) < referable
    grades = np.where(positive, generator.integers(2, 5, count), generator.integers(0, 2, count))
    seen = grades + generator.normal(0, READER_NOISE, count) + shift
    logits = -confidence * (seen[:, None] - np.arange(5)) ** 2 / (2 * READER_NOISE**2)
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True), grades.astype(np.int64)


def refer(probabilities: FloatArray, found: LocalCalibration) -> NDArray[np.bool_]:
    """Return (N,) whom the program refers in use: by the clinic's threshold, or by the grade itself."""
    settings = ClinicSettings(found.after.temperature, found.after.shift)
    grades = find_middle_grades(adapt(probabilities, *settings))
    return (score_referable(probabilities, settings) >= found.after.threshold) | (grades >= REFERABLE_FROM)


def simulate(seed: int, wanted: float, shift: float, confidence: float) -> Outcome:
    """Calibrate one clinic, and photograph new patients there."""
    generator = np.random.default_rng(seed)
    probabilities, grades = make_clinic(generator, GRADED, shift=shift, confidence=confidence)
    found = calibrate_locally(probabilities, grades, wanted_sensitivity=wanted, released_threshold=RELEASED_THRESHOLD)
    probabilities, grades = make_clinic(generator, NEW, shift=shift, confidence=confidence)
    referred, positive = refer(probabilities, found), grades >= REFERABLE_FROM
    true = float(referred[positive].mean()), float((~referred)[~positive].mean())
    stated = found.after.sensitivity, found.after.specificity
    held = [share.low <= value <= share.high for share, value in zip(stated, true, strict=True)]
    return Outcome(
        before=(found.before.sensitivity.value, found.before.specificity.value),
        stated=(stated[0].value, stated[1].value),
        true=true,
        held=(held[0], held[1]),
        safe=stated[0].low <= true[0],
    )


def main() -> int:
    """Print a row for each camera and each sensitivity that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clinics", type=int, default=250, help="of each kind (default: 250)")
    arguments = parser.parse_args()
    print("| camera | wanted | before | stated | true | intervals hold the truth | lower end below it |")
    print("|---|---|---|---|---|---|---|")
    for camera, (shift, confidence) in CAMERAS.items():
        for wanted in WANTED:
            made = [simulate(seed, wanted, shift, confidence) for seed in range(arguments.clinics)]
            figures = [
                np.mean([getattr(one, name) for one in made], axis=0) for name in ("before", "stated", "true", "held")
            ]
            cells = [f"{sensitivity:.3f}, {specificity:.3f}" for sensitivity, specificity in figures]
            safe = np.mean([one.safe for one in made])
            print(f"| {camera} | {wanted:.2f} | {' | '.join(cells)} | {safe:.3f} |", flush=True)
    print("Each pair: sensitivity, specificity, means over the clinics.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
