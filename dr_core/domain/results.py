"""What leaves the pipeline: one frozen `ScreeningResult` for each photograph, always."""

from dataclasses import dataclass
from enum import StrEnum

from dr_core.domain.grades import Grade
from dr_core.domain.guideline import FollowUp
from dr_core.domain.photograph import Float32Array, Laterality


class Status(StrEnum):
    """How the pipeline ended for one photograph."""

    GRADED = "graded"
    UNGRADABLE = "ungradable"
    FAILED = "failed"


class Defect(StrEnum):
    """Why a photograph is hard to grade; `advice` is what the photographer does about it."""

    BLUR = "blur"
    DARK = "dark"
    BRIGHT = "bright"
    UNEVEN = "uneven light"
    SMALL_FIELD = "small field"
    LOW_CONTRAST = "low contrast"

    @property
    def advice(self) -> str:
        """One imperative sentence for the person at the camera."""
        return _ADVICE[self]


_ADVICE = {
    Defect.BLUR: "Refocus, ask the patient to hold still, and retake.",
    Defect.DARK: "Give more light or dilate the pupil, and retake.",
    Defect.BRIGHT: "Lower the flash, and retake.",
    Defect.UNEVEN: "Centre the camera on the pupil and the macula, lift the eyelid, and retake.",
    Defect.SMALL_FIELD: "Move closer until the field fills the frame, centre the macula, and retake.",
    Defect.LOW_CONTRAST: "Clean the lens, check for media opacity such as cataract, and retake.",
}


@dataclass(frozen=True)
class QualityReport:
    """Verdict of the quality gate.

    Attributes:
        gradable: whether the photograph passes.
        score: 0 (unusable) to 1 (clear), calibrated as the probability that a grader calls it gradable.
        defects: what is wrong, worst first; may be filled for a gradable photograph too.
    """

    gradable: bool
    score: float
    defects: tuple[Defect, ...] = ()

    @property
    def advice(self) -> tuple[str, ...]:
        """Retake advice, one sentence for each defect."""
        return tuple(defect.advice for defect in self.defects)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the network says of one photograph, calibrated.

    Attributes:
        probabilities: P(grade 0) to P(grade 4), summing to 1.
        expected_grade: sum of grade times probability, 0 to 4.
        p_referable: P(grade >= 2), 0 to 1.
        class_maps: (h, w, 5) float32, each class's share of the logit at each cell of the last feature map.
    """

    probabilities: tuple[float, float, float, float, float]
    expected_grade: float
    p_referable: float
    class_maps: Float32Array


@dataclass(frozen=True)
class Decision:
    """What is reported, at the thresholds frozen with the model.

    Attributes:
        grade: the ICDR grade.
        referable: whether `p_referable` reaches `referable_threshold`.
        referable_threshold: operating point frozen on the validation split.
        follow_up: the guideline's interval for `grade`.
    """

    grade: Grade
    referable: bool
    referable_threshold: float
    follow_up: FollowUp


@dataclass(frozen=True)
class Provenance:
    """Enough to say later which bytes went through which model.

    Attributes:
        photograph_sha256: hex digest of the uploaded bytes; empty when they could not be read.
        model_name: name in the model's JSON; empty before a model was reached.
        model_sha256: hex digest of the released weights.
        preprocessing_version: version of geometry and colour normalisation.
        package_version: version of RetinaDesk.
        created_utc: ISO 8601 time, UTC.
    """

    photograph_sha256: str
    model_name: str
    model_sha256: str
    preprocessing_version: str
    package_version: str
    created_utc: str


@dataclass(frozen=True, eq=False)
class ScreeningResult:
    """One row of every report.

    Attributes:
        name: file name as uploaded, or path as given on the command line; untrusted text.
        status: graded, ungradable or failed.
        laterality: which eye, where known.
        width_px: source width after rotation; 0 when it could not be read.
        height_px: source height after rotation; 0 when it could not be read.
        quality: None only when the photograph failed before the quality gate.
        prediction: filled for graded photographs, and for ungradable ones when asked for.
        decision: filled for graded photographs alone.
        provenance: where the result comes from.
        elapsed_s: seconds from bytes to result.
        error: for a failed photograph, what is wrong and what to do; else empty.
    """

    name: str
    status: Status
    laterality: Laterality | None
    width_px: int
    height_px: int
    quality: QualityReport | None
    prediction: Prediction | None
    decision: Decision | None
    provenance: Provenance
    elapsed_s: float
    error: str = ""
