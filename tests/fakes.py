"""A classifier without weights and results without photographs, for tests of what happens around the grading."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dr_core.domain.grades import Grade
from dr_core.domain.guideline import find_follow_up
from dr_core.domain.operating_point import LocalOperatingPoint, Proportion
from dr_core.domain.photograph import Laterality
from dr_core.domain.quality import Defect, QualityReport
from dr_core.domain.results import (
    LESIONS,
    Decision,
    Prediction,
    Provenance,
    ReviewReason,
    ScreeningResult,
    SideFindings,
    Status,
)
from dr_core.imaging.preprocess import InputSize, ModelInput
from dr_core.model.classifier import Classifier
from dr_core.model.spec import ModelFile, ModelSpec

SHA256 = "a1" * 32
HOLD_S = 120.0


class FakeClassifier(Classifier):
    """Calls every gradable photograph Moderate NPDR, as slowly as asked for, and counts."""

    def __init__(self, *, delay_s: float = 0.0, sha256: str = "b2" * 32) -> None:
        self.spec = ModelSpec(
            name="fake-v1",
            runtime=ModelFile(Path("fake.tflite"), sha256),
            keras=ModelFile(Path("fake.keras"), sha256),
            input_size=InputSize(96, 128),
            cam_layer="out_relu",
            temperature=1.0,
            referable_threshold=0.5,
            vision_threatening_threshold=0.5,
        )
        self.operating_point = None
        self.delay_s = delay_s
        self.calls = 0

    def predict(self, inputs: Sequence[ModelInput]) -> list[Prediction]:
        self.calls += len(inputs)
        time.sleep(self.delay_s)
        return [make_prediction() for _ in inputs]


class HeldClassifier(FakeClassifier):
    """Answers the first `free` photographs at once, and holds the others until the test sets `go_on`.

    `holding` is set from the first photograph that is held: from then on nothing can end by itself.
    """

    def __init__(self, *, free: int = 0) -> None:
        super().__init__()
        self.holding = threading.Event()
        self.go_on = threading.Event()
        self._free = threading.Semaphore(free)

    def predict(self, inputs: Sequence[ModelInput]) -> list[Prediction]:
        if not self._free.acquire(blocking=False):
            self.holding.set()
            assert self.go_on.wait(HOLD_S), "nobody let the photograph go on"
        return super().predict(inputs)


def make_side(
    p_oedema_risk: float | None = 0.12, *, unfamiliarity: float = 0.4, retina_log_odds: float | None = None
) -> SideFindings:
    maps = np.random.default_rng(3).random((6, 8, len(LESIONS))).astype(np.float32)
    return SideFindings(0.93, unfamiliarity, 0.98, p_oedema_risk, maps, retina_log_odds)


def make_prediction(grade: Grade = Grade.MODERATE_NPDR, *, side: SideFindings | None = None) -> Prediction:
    probabilities = [0.05] * 5
    probabilities[grade] = 0.8
    first, second, third, fourth, fifth = probabilities
    return Prediction(
        (first, second, third, fourth, fifth),
        expected_grade=float(np.dot(probabilities, range(5))),
        p_referable=sum(probabilities[2:]),
        class_maps=np.ones((3, 4, 5), dtype=np.float32),
        side=side,
    )


def make_operating_point(sha256: str = "b2" * 32) -> LocalOperatingPoint:
    return LocalOperatingPoint(
        name="North clinic",
        version=2,
        created_utc="2026-01-02T03:04:05+00:00",
        model_sha256=sha256,
        temperature=1.1,
        referable_threshold=0.4,
        wanted_sensitivity=0.9,
        sensitivity=Proportion(0.914, 0.842, 0.956, 105),
        specificity=Proportion(0.883, 0.79, 0.938, 77),
        graded_count=182,
    )


def make_provenance(sha256: str = SHA256) -> Provenance:
    return Provenance(sha256, "fake-v1", "b2" * 32, "field-1", "0.1.0", "2026-01-02T03:04:05+00:00")


def make_graded(name: str = "eye.jpg", *, grade: Grade = Grade.MODERATE_NPDR, sha256: str = SHA256) -> ScreeningResult:
    prediction = make_prediction(grade)
    referable = prediction.p_referable >= 0.5
    return ScreeningResult(
        name=name,
        status=Status.GRADED,
        laterality=Laterality.OD,
        width_px=640,
        height_px=480,
        quality=QualityReport(True, 0.91, (Defect.UNEVEN,), 0.04),
        prediction=prediction,
        decision=Decision(grade, referable, 0.5, find_follow_up(grade, referable=referable)),
        provenance=make_provenance(sha256),
        elapsed_s=0.1234,
    )


def make_detailed(name: str = "both.jpg") -> ScreeningResult:
    """A result in which nothing is empty: side findings, grade set, review, another eye, the clinic's threshold."""
    result = make_graded(name, grade=Grade.MILD_NPDR)
    decision = Decision(
        Grade.MILD_NPDR,
        referable=False,
        referable_threshold=0.4,
        follow_up=find_follow_up(Grade.MILD_NPDR),
        grade_set=(Grade.MILD_NPDR, Grade.MODERATE_NPDR),
        coverage=0.9,
        review=(ReviewReason.WIDE_SET, ReviewReason.UNFAMILIAR),
        operating_point=make_operating_point().label,
    )
    prediction = make_prediction(Grade.MILD_NPDR, side=make_side(unfamiliarity=1.5))
    return replace(result, prediction=prediction, decision=decision, seen_laterality=Laterality.OS)


def make_ungradable(name: str = "blurred.jpg", *, with_prediction: bool = False) -> ScreeningResult:
    return ScreeningResult(
        name=name,
        status=Status.UNGRADABLE,
        laterality=None,
        width_px=640,
        height_px=480,
        quality=QualityReport(False, 0.12, (Defect.BLUR, Defect.DARK)),
        prediction=make_prediction() if with_prediction else None,
        decision=None,
        provenance=make_provenance(),
        elapsed_s=0.05,
    )


def make_failed(name: str = "broken.jpg", error: str = "The file is empty. Export it again.") -> ScreeningResult:
    return ScreeningResult(
        name=name,
        status=Status.FAILED,
        laterality=None,
        width_px=0,
        height_px=0,
        quality=None,
        prediction=None,
        decision=None,
        provenance=make_provenance(""),
        elapsed_s=0.0,
        error=error,
    )
