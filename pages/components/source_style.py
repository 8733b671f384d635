"""Names and colours of the photograph sources, the same in every plot."""

from dr_core.domain.evaluation import POOLED
from dr_core.reports.palette import ACCENT, INK

_NAMES = {
    "aptos2019": "APTOS 2019",
    "idrid": "IDRiD",
    "eyepacs": "EyePACS",
    "odir5k": "ODIR-5K",
    POOLED: "All sources",
}
# Apart in hue and in lightness, so that they stay apart for colour-blind readers.
_COLORS = {"aptos2019": ACCENT, "idrid": "#d98a00", "eyepacs": "#3a5ba0", "odir5k": "#b8557f", POOLED: INK}
_OTHER_COLOR = "#7a8b89"
_SYMBOLS = {"aptos2019": "circle", "idrid": "square", "eyepacs": "diamond", "odir5k": "triangle-up", POOLED: "star"}


def name_source(source: str) -> str:
    """Return the name under which a source is known, or the manifest's own where it is new."""
    return _NAMES.get(source, source)


def color_source(source: str) -> str:
    """Return the colour of a source."""
    return _COLORS.get(source, _OTHER_COLOR)


def symbol_source(source: str) -> str:
    """Return the plotly marker of a source, so that colour is never alone."""
    return _SYMBOLS.get(source, "cross")
