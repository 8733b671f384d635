"""The International Clinical Diabetic Retinopathy severity scale (Wilkinson et al., 2003)."""

from enum import IntEnum

GRADE_COUNT = 5


class Grade(IntEnum):
    """ICDR severity, 0 to 4; the value is the class index of every model and every report."""

    NO_DR = 0
    MILD_NPDR = 1
    MODERATE_NPDR = 2
    SEVERE_NPDR = 3
    PROLIFERATIVE_DR = 4

    @property
    def label(self) -> str:
        """Name as it is printed, for example ``Moderate NPDR``."""
        return _LABELS[self]

    @property
    def finding(self) -> str:
        """What the scale defines this grade by."""
        return _FINDINGS[self]

    @property
    def referable(self) -> bool:
        """True for grade 2 and above (referable DR, macular oedema aside)."""
        return self >= Grade.MODERATE_NPDR


_LABELS = {
    Grade.NO_DR: "No apparent DR",
    Grade.MILD_NPDR: "Mild NPDR",
    Grade.MODERATE_NPDR: "Moderate NPDR",
    Grade.SEVERE_NPDR: "Severe NPDR",
    Grade.PROLIFERATIVE_DR: "Proliferative DR",
}

_FINDINGS = {
    Grade.NO_DR: "No abnormality.",
    Grade.MILD_NPDR: "Microaneurysms only.",
    Grade.MODERATE_NPDR: "More than microaneurysms, less than severe NPDR.",
    Grade.SEVERE_NPDR: (
        "More than 20 intraretinal haemorrhages in each of 4 quadrants, definite venous beading in 2 or more, "
        "or prominent IRMA in 1 or more; no proliferative signs."
    ),
    Grade.PROLIFERATIVE_DR: "Neovascularisation, or vitreous or preretinal haemorrhage.",
}
