"""A reading is named as the scale names it."""

from dr_core.domain.grades import Grade
from dr_core.domain.reading import Reading


def test_label_gives_number_and_name():
    assert Reading(Grade.SEVERE_NPDR, "2026-01-02T03:04:05+00:00").label == "3 Severe NPDR"
    assert Reading(None, "2026-01-02T03:04:05+00:00").label == "Ungradable"
