"""What is said of a photograph's quality: verdict, defects with their remedies, and what of the retina is hidden."""

from dataclasses import dataclass, field
from enum import StrEnum

from dr_core.domain.photograph import Float32Array

# Of the retina, to be spoken of in steps of 5%.
LEAST_HIDDEN = 0.05


class Defect(StrEnum):
    """Why a photograph is hard to grade; `advice` is what the photographer does about it."""

    BLUR = "blur"
    DARK = "dark"
    BRIGHT = "bright"
    UNEVEN = "uneven light"
    SMALL_FIELD = "small field"
    LOW_CONTRAST = "low contrast"
    OBSTRUCTION = "obstruction"

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
    Defect.OBSTRUCTION: (
        "Lift lid and lashes and clean the lens; where nothing covers the retina, refocus or compress the file less, "
        "and retake."
    ),
}


@dataclass(frozen=True)
class QualityReport:
    """Verdict of the quality gate.

    Attributes:
        gradable: whether the photograph passes.
        score: 0 (unusable) to 1 (clear), calibrated as the probability that a grader calls it gradable.
        defects: what is wrong, worst first; may be filled for a gradable photograph too.
        hidden_share: of the retina that cannot be seen, 0 to 1; None for a model that does not look for it.
    """

    gradable: bool
    score: float
    defects: tuple[Defect, ...] = ()
    hidden_share: float | None = None

    @property
    def hides_retina(self) -> bool:
        """Whether a covered part is among the defects, and large enough to be spoken of."""
        return Defect.OBSTRUCTION in self.defects and (self.hidden_share or 0.0) >= LEAST_HIDDEN

    @property
    def advice(self) -> tuple[str, ...]:
        """Retake advice, one sentence for each defect."""
        return tuple(defect.advice for defect in self.defects)


@dataclass(frozen=True)
class HiddenRetina:
    """How much of the retina a photograph does not show: covered, in glare or shadow, or unsharp by itself.

    Attributes:
        share: of the part of the field that every camera shows, 0 to 1.
        center: of its middle, where the fovea mostly lies, 0 to 1.
        cells: (h, w) float32 over the whole input, 0 to 1, how likely each place is hidden; None once it is dropped.
    """

    share: float
    center: float
    cells: Float32Array | None = field(default=None, compare=False, repr=False)
