"""Colours that mean something, the same on every page, plot and report."""

from enum import StrEnum

from dr_core.domain.grades import Grade

__all__ = ["ACCENT", "GRADE_COLORS", "INK", "LINE", "MUTED", "PAPER", "SIGNAL_COLORS", "Signal", "to_rgb"]

ACCENT = "#0f766e"
INK = "#16302f"
MUTED = "#56706e"
LINE = "#d3e0de"
PAPER = "#f1f7f6"

# Light to dark with severity: the order survives colour blindness and a black-and-white printer.
GRADE_COLORS: dict[Grade, str] = {
    Grade.NO_DR: "#9ad3c2",
    Grade.MILD_NPDR: "#58b7b1",
    Grade.MODERATE_NPDR: "#2b8cab",
    Grade.SEVERE_NPDR: "#2a5c97",
    Grade.PROLIFERATIVE_DR: "#2c2a6b",
}


class Signal(StrEnum):
    """Lamp of the traffic light; the text beside it always says the same in words."""

    GO = "green"
    CAUTION = "amber"
    STOP = "red"


SIGNAL_COLORS: dict[Signal, str] = {
    Signal.STOP: "#c2342b",
    Signal.CAUTION: "#d98a00",
    Signal.GO: "#1f8a55",
}


def to_rgb(color: str) -> tuple[int, int, int]:
    """Return ``#rrggbb`` as three integers, 0 to 255."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
