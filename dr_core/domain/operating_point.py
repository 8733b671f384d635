"""A clinic's own operating point: what its graded photographs say of calibration, threshold and accuracy."""

from dataclasses import dataclass

__all__ = ["LocalOperatingPoint", "Proportion"]


@dataclass(frozen=True)
class Proportion:
    """A share with its 95% interval (Wilson, 1927).

    Attributes:
        value: 0 to 1.
        low: lower end.
        high: upper end.
        count: photographs that it was measured on.
    """

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class LocalOperatingPoint:
    """Named and versioned; results and reports quote it.

    Attributes:
        name: the clinic's word for it, such as the camera and the site.
        version: 1 for the first of its name.
        created_utc: ISO 8601 time, UTC.
        model_sha256: of the weights that it belongs to; another model refuses it.
        temperature: multiplies the model's own; 1 leaves its probabilities alone.
        referable_threshold: on P(grade >= 2) as calibrated for the clinic; at most 0.5, since the grade itself refers
            from there on.
        wanted_sensitivity: what the threshold was chosen for, 0 to 1.
        sensitivity: for referable DR, on the clinic's photographs.
        specificity: for referable DR, on the clinic's photographs.
        graded_count: the clinic's photographs that were used.
        shift: added to the log odds of every boundary between grades, after the temperature; 0 leaves them alone.
    """

    name: str
    version: int
    created_utc: str
    model_sha256: str
    temperature: float
    referable_threshold: float
    wanted_sensitivity: float
    sensitivity: Proportion
    specificity: Proportion
    graded_count: int
    shift: float = 0.0

    @property
    def label(self) -> str:
        """Name and version, as results and reports quote them."""
        return f"{self.name} v{self.version}"
