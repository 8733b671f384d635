"""What a person says of a photograph: it decides about the patient, and the program's own answer stays beside it."""

from dataclasses import dataclass

from dr_core.domain.grades import Grade

__all__ = ["UNGRADABLE_LABEL", "Reading"]

UNGRADABLE_LABEL = "Ungradable"


@dataclass(frozen=True)
class Reading:
    """A reader's grade for one photograph.

    Attributes:
        grade: the ICDR grade; None where the reader calls the photograph ungradable.
        read_utc: ISO 8601 time, UTC.
        reader: name or initials; untrusted text, may be empty.
        note: what the reader wants to add; untrusted text, may be empty.
        blind: the grade was given before anybody could see the program's answer.
    """

    grade: Grade | None
    read_utc: str
    reader: str = ""
    note: str = ""
    blind: bool = False

    @property
    def label(self) -> str:
        """``3 Severe NPDR``, or ``Ungradable``."""
        return UNGRADABLE_LABEL if self.grade is None else f"{self.grade:d} {self.grade.label}"
