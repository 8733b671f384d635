"""Simulated clinics: readers' grades, and what a model that is sure of itself and biased by the camera says of them."""

import hashlib
import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dr_core.screening.batch import BatchSteps
from dr_core.screening.pipeline import Screening
from tests.fakes import make_failed, make_graded, make_ungradable


def list_grades(grades: NDArray[np.int64]) -> bytes:
    """Return the readers' list of photographs called ``eye_000.jpg`` and on."""
    rows = "".join(f"eye_{number:03d}.jpg;{grade}\n" for number, grade in enumerate(grades))
    return f"file;grade\n{rows}".encode()


def plan_made_steps(probabilities: NDArray[np.float64]) -> BatchSteps:
    """Return steps that know what to say of ``eye_000.jpg`` and on, so that no photograph need be drawn.

    A file that holds "blurred" is ungradable, and one that holds "broken" fails.
    """

    def screen(data: bytes, name: str) -> Screening:
        if data in (b"blurred", b"broken"):
            return Screening(make_ungradable(name) if data == b"blurred" else make_failed(name))
        (number,) = re.findall(r"eye_(\d+)", name)
        result = make_graded(name, sha256=hashlib.sha256(number.encode()).hexdigest())
        assert result.prediction is not None
        said = tuple(float(share) for share in probabilities[int(number)])
        return Screening(replace(result, prediction=replace(result.prediction, probabilities=said)))

    return BatchSteps(screen=screen, reject=make_failed)
