"""What leaves the pipeline: one frozen `ScreeningResult` for each photograph, always."""

from dataclasses import dataclass
from enum import StrEnum

from dr_core.domain.grades import Grade
from dr_core.domain.guideline import FollowUp, find_follow_up
from dr_core.domain.photograph import Float32Array, Laterality
from dr_core.domain.quality import HiddenRetina, QualityReport
from dr_core.domain.reading import Reading


class Status(StrEnum):
    """How the pipeline ended for one photograph."""

    GRADED = "graded"
    UNGRADABLE = "ungradable"
    FAILED = "failed"


class ReviewReason(StrEnum):
    """Why a person should read a graded photograph before anybody relies on its grade; the value says it in words."""

    WIDE_SET = "several grades fit this photograph"
    UNFAMILIAR = "the photograph is unlike those that the model learned from"
    DIVIDED = "grade and referral score disagree"
    CUT_BELOW = "a part of the field is missing at the bottom alone, as where a copy broke off"
    BLUE = "the photograph shows more blue than green, as hardly any retina does"


@dataclass(frozen=True, eq=False)
class SideFindings:
    """What the same pass of the network says beside the grade.

    Attributes:
        p_gradable: probability that a reader calls the photograph gradable, 0 to 1.
        unfamiliarity: distance from the training photographs in feature space; 1 is further than 99 in 100 of the
            validation photographs, and above it a person is asked.
        p_right_eye: probability that the photograph shows a right eye (OD), 0 to 1.
        p_oedema_risk: probability of hard exudates within one disc diameter of the fovea (IDRiD's risk 2), 0 to 1;
            None for a model whose output was not validated.
        lesion_maps: (h, w, 4) float32 in [0, 1], `LESIONS` in their order, over the whole input.
        retina_log_odds: that the picture shows a retina at all; None for a model without that output; not stored.
        hidden: how much of the retina cannot be seen; None for a model without that output; not stored.
    """

    p_gradable: float
    unfamiliarity: float
    p_right_eye: float
    p_oedema_risk: float | None
    lesion_maps: Float32Array
    retina_log_odds: float | None = None
    hidden: HiddenRetina | None = None


# The order of the channels of `SideFindings.lesion_maps`.
LESIONS = ("microaneurysms", "haemorrhages", "hard exudates", "soft exudates")


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the network says of one photograph, calibrated.

    Attributes:
        probabilities: P(grade 0) to P(grade 4), summing to 1.
        expected_grade: sum of grade times probability, 0 to 4.
        p_referable: P(grade >= 2), 0 to 1.
        class_maps: (h, w, 5) float32, each class's share of the logit at each cell of the last feature map.
        side: what else the pass says; None for a model without these heads.
    """

    probabilities: tuple[float, float, float, float, float]
    expected_grade: float
    p_referable: float
    class_maps: Float32Array
    side: SideFindings | None = None


@dataclass(frozen=True)
class Decision:
    """What is reported, at the thresholds frozen with the model.

    Attributes:
        grade: the ICDR grade.
        referable: whether `p_referable` reaches `referable_threshold`.
        referable_threshold: frozen on the validation split, or by the clinic's own operating point.
        follow_up: the guideline's interval for `grade`; it refers wherever `referable` or the grade itself does.
        grade_set: neighbouring grades that hold the reader's grade with probability `coverage`, `grade` among them
            (conformal prediction); empty for a model without them.
        coverage: 0 to 1.
        review: what about the photograph speaks for a person's look at it; `second_look.needs_reader` adds what the
            grade set and the signs near the fovea say.
        operating_point: name and version of the clinic's operating point; empty for the released one, which is not
            locally validated.
    """

    grade: Grade
    referable: bool
    referable_threshold: float
    follow_up: FollowUp
    grade_set: tuple[Grade, ...] = ()
    coverage: float = 0.0
    review: tuple[ReviewReason, ...] = ()
    operating_point: str = ""


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
        seen_laterality: which eye the photograph itself shows, where the network is sure; a cross-check of
            `laterality`, never its replacement.
        reading: what a person says of the photograph; None until somebody has read it.
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
    seen_laterality: Laterality | None = None
    reading: Reading | None = None

    @property
    def final_grade(self) -> Grade | None:
        """The reader's grade where somebody has read the photograph, else the program's; None where it has none."""
        if self.reading is not None:
            return self.reading.grade
        return self.decision.grade if self.decision is not None else None

    @property
    def final_referable(self) -> bool | None:
        """Whether the eye is referable: by the reader's grade, or else at the operating point; None without a grade."""
        if self.reading is not None:
            return None if self.reading.grade is None else self.reading.grade.referable
        return self.decision.referable if self.decision is not None else None

    @property
    def final_follow_up(self) -> FollowUp | None:
        """The guideline's interval: for the reader's grade where there is one, else as the program decided."""
        if self.reading is None:
            return None if self.decision is None else self.decision.follow_up
        return None if self.reading.grade is None else find_follow_up(self.reading.grade)

    @property
    def eye_conflict(self) -> bool:
        """Whether the photograph shows the other eye than its name or the user says."""
        both = self.laterality is not None and self.seen_laterality is not None
        return both and self.laterality is not self.seen_laterality
