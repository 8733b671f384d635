"""Follow-up intervals of the ICO 2017 guideline, quoted and never invented.

Source: Wong TY et al., Guidelines on Diabetic Eye Care, Ophthalmology 2018 (PMC6202564), table for diabetic
retinopathy without macular oedema, high-resource settings.
"""

from dataclasses import dataclass

from dr_core.domain.grades import Grade


@dataclass(frozen=True)
class FollowUp:
    """One guideline's answer for one grade.

    Attributes:
        interval: when to look again or to be seen, as printed.
        refer: whether the guideline asks for referral to an ophthalmologist.
        guideline: name and year of the guideline.
        source: where the table stands.
    """

    interval: str
    refer: bool
    guideline: str
    source: str

    @property
    def text(self) -> str:
        """The rule in one sentence, as it stands in the CSV and on the report."""
        lead = "Refer to an ophthalmologist" if self.refer else "Re-screen"
        return f"{lead}: {self.interval} ({self.guideline})"


GUIDELINE_NAME = "ICO 2017, high-resource settings"
GUIDELINE_SOURCE = "Wong TY et al., Ophthalmology 2018, PMC6202564"
UNGRADABLE_ADVICE = "Retake the photograph or refer for an eye examination"

_INTERVALS: dict[Grade, tuple[str, bool]] = {
    Grade.NO_DR: ("in 1-2 years", False),
    Grade.MILD_NPDR: ("in 6-12 months", False),
    Grade.MODERATE_NPDR: ("within 3-6 months", True),
    Grade.SEVERE_NPDR: ("in less than 3 months", True),
    Grade.PROLIFERATIVE_DR: ("in less than 1 month", True),
}


def find_follow_up(grade: Grade, *, referable: bool = False) -> FollowUp:
    """Return the ICO 2017 interval; macular oedema has its own rule and is not covered.

    Args:
        grade: of the eye.
        referable: the eye is to be referred whatever its grade, which then counts as the first that is referable: an
            eye under a red lamp must not be booked for another screening.
    """
    interval, refer = _INTERVALS[max(Grade(grade), Grade.MODERATE_NPDR) if referable else Grade(grade)]
    return FollowUp(interval, refer, GUIDELINE_NAME, GUIDELINE_SOURCE)
