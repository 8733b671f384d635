"""The paper that PDF reports are drawn on: fonts, header, footer, and the few shapes that recur."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from dr_core.domain.errors import StorageError
from dr_core.domain.grades import Grade
from dr_core.domain.intended_use import INTENDED_USE, NOT_FOR
from dr_core.domain.photograph import UInt8Array
from dr_core.domain.results import Decision, Prediction
from dr_core.imaging.encode import encode_jpeg, shrink_to
from dr_core.reports.palette import ACCENT, GRADE_COLORS, INK, LINE, MUTED, PAPER, SIGNAL_COLORS, Signal, to_rgb

__all__ = [
    "BODY",
    "CONTENT_WIDTH_MM",
    "FOOTER_TOP_MM",
    "HEADING",
    "MARGIN_MM",
    "SMALL",
    "STRONG",
    "ReportCanvas",
    "Type",
]

ASSETS_DIR = Path(__file__).parents[2] / "assets"
MARK = ASSETS_DIR / "icon.svg"
FONT = "DejaVu"
MARGIN_MM = 15.0
CONTENT_WIDTH_MM = 180.0
FOOTER_TOP_MM = 268.0
IMAGE_SIDE_PX = 1400
IMAGE_QUALITY = 85
REPLACEMENT = "\ufffd"
PROBABILITIES_MM = 86.8
LAMPS = (Signal.STOP, Signal.CAUTION, Signal.GO)


@dataclass(frozen=True)
class Type:
    """How a piece of text is set: size in points, weight and colour."""

    size_pt: float
    bold: bool = False
    color: str = INK

    @property
    def line_mm(self) -> float:
        """Distance from line to line in millimetres."""
        return self.size_pt * 0.46


BODY = Type(8.5)
STRONG = Type(8.5, bold=True)
SMALL = Type(7.2, color=MUTED)
HEADING = Type(15, bold=True)
FINE_PRINT = Type(6.4, color=MUTED)


class ReportCanvas:
    """An A4 document with the program's header and the intended use under every page.

    Args:
        created: when the report is made, UTC; printed in the header.
        page_count: how many pages there will be; printed in the footer.

    Raises:
        StorageError: the report's font files or its mark are missing.
    """

    def __init__(self, created: datetime, page_count: int) -> None:
        self._created = created
        self._page_count = page_count
        self._pdf = FPDF(format="A4", unit="mm")
        try:
            self._mark = MARK.read_bytes()
            self._pdf.add_font(FONT, "", ASSETS_DIR / "fonts" / "DejaVuSans.ttf")
            self._pdf.add_font(FONT, "B", ASSETS_DIR / "fonts" / "DejaVuSans-Bold.ttf")
        except OSError as error:
            raise StorageError("A font or the mark of the PDF report is missing. Restore the folder assets.") from error
        self._known = {style: frozenset(self._pdf.fonts[f"dejavu{style}"].cmap) for style in ("", "B")}
        self._pdf.set_margin(MARGIN_MM)
        self._pdf.c_margin = 0
        self._pdf.set_auto_page_break(False)
        self._pdf.set_lang("en-GB")
        self._pdf.set_title("RetinaDesk screening report")
        self._pdf.set_creator("RetinaDesk")
        self._pdf.set_creation_date(created)

    def add_page(self) -> None:
        """Begin a page: the mark, the title and the time on top, the intended use and the page number below."""
        self._pdf.add_page()
        self._pdf.image(self._mark, MARGIN_MM, 10, 8.5, 8.5, alt_text="RetinaDesk")
        self.write_line("RetinaDesk", (MARGIN_MM + 11, 10.4), font=Type(13, bold=True, color=ACCENT))
        self.write_line("Diabetic retinopathy screening report", (MARGIN_MM + 11, 16.2), font=SMALL)
        made = f"Made {self._created:%d %B %Y, %H:%M} UTC"
        self.write_line(made, (MARGIN_MM + 110, 13), font=SMALL, width_mm=70, align="R")
        self._draw_rule(21.5)
        self._draw_rule(FOOTER_TOP_MM)
        self.write_block(f"{INTENDED_USE} {NOT_FOR}", (MARGIN_MM, FOOTER_TOP_MM + 1.8), font=FINE_PRINT)
        page = f"Page {self._pdf.page_no()} of {self._page_count}"
        self.write_line(page, (MARGIN_MM, 285.5), font=SMALL, align="R")

    def write_patient_line(self) -> None:
        """Leave room beside the page's heading to write who the patient is, which the program does not know."""
        blanks = f"Patient: {'_' * 34}   Born: {'_' * 14}   ID: {'_' * 18}"
        self.write_line(blanks, (MARGIN_MM + 55, 27), font=SMALL, width_mm=CONTENT_WIDTH_MM - 55, align="R")

    def to_bytes(self) -> bytes:
        """Finish the document."""
        return bytes(self._pdf.output())

    def write_line(
        self,
        text: str,
        at_mm: tuple[float, float],
        *,
        font: Type = BODY,
        width_mm: float = CONTENT_WIDTH_MM,
        align: str = "L",
    ) -> float:
        """Write one line, whose end is cut where it is too wide; return the y in millimetres below it."""
        printable = self._begin(text, at_mm, font)
        self._pdf.cell(width_mm, font.line_mm, self._fit(printable, width_mm), align=align)
        return at_mm[1] + font.line_mm

    def write_block(
        self, text: str, at_mm: tuple[float, float], *, font: Type = BODY, width_mm: float = CONTENT_WIDTH_MM
    ) -> float:
        """Write wrapped text and return the y in millimetres below it."""
        printable = self._begin(text, at_mm, font)
        self._pdf.multi_cell(width_mm, font.line_mm, printable, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        return float(self._pdf.get_y())

    def measure_block(self, text: str, *, font: Type = BODY, width_mm: float = CONTENT_WIDTH_MM) -> float:
        """Return the height in millimetres that `write_block` will need."""
        printable = self._begin(text, (self._pdf.get_x(), self._pdf.get_y()), font)
        height = self._pdf.multi_cell(width_mm, font.line_mm, printable, align="L", dry_run=True, output="HEIGHT")
        return float(cast(float, height))

    def draw_panel(self, x_mm: float, y_mm: float, width_mm: float, height_mm: float) -> None:
        """Draw the tinted ground that a statement stands on."""
        self._pdf.set_fill_color(*to_rgb(PAPER))
        self._pdf.rect(x_mm, y_mm, width_mm, height_mm, style="F", round_corners=True, corner_radius=1.6)

    def draw_picture(self, pixels: UInt8Array, box_mm: tuple[float, float, float, float], *, description: str) -> float:
        """Fit a picture into (x, y, width, height), centred, and return the y in millimetres below it."""
        x_mm, y_mm, width_mm, height_mm = box_mm
        rows, columns = pixels.shape[:2]
        scale = min(width_mm / columns, height_mm / rows)
        shown_width, shown_height = float(columns * scale), float(rows * scale)
        jpeg = encode_jpeg(shrink_to(pixels, IMAGE_SIDE_PX), quality=IMAGE_QUALITY)
        left = x_mm + (width_mm - shown_width) / 2
        self._pdf.image(jpeg, left, y_mm, shown_width, shown_height, alt_text=description)
        return y_mm + shown_height

    def draw_traffic_light(self, signal: Signal, x_mm: float, y_mm: float) -> None:
        """Draw three lamps, red on top; the unlit ones are hollow, so that the place tells as much as the colour."""
        self._pdf.set_line_width(0.3)
        for place, lamp in enumerate(LAMPS):
            color = to_rgb(SIGNAL_COLORS[lamp] if lamp is signal else LINE)
            self._pdf.set_draw_color(*color)
            self._pdf.set_fill_color(*color)
            self._pdf.circle(x_mm, y_mm + place * 4.6, 1.8, style="DF" if lamp is signal else "D")

    def draw_probabilities(self, prediction: Prediction, decision: Decision, x_mm: float, y_mm: float) -> float:
        """Draw one bar for each grade, a bracket at those that fit, and return the y in millimetres below them."""
        label_mm, bar_mm, row_mm, thick_mm = 33.0, 42.0, 5.2, 3.4
        for grade in Grade:
            top_mm = y_mm + grade * row_mm
            share = prediction.probabilities[grade]
            font = Type(7.5, bold=grade is decision.grade)
            self.write_line(f"{grade.value}  {grade.label}", (x_mm, top_mm), font=font, width_mm=label_mm)
            self._pdf.set_fill_color(*to_rgb(PAPER))
            self._pdf.rect(x_mm + label_mm, top_mm, bar_mm, thick_mm, style="F")
            self._pdf.set_fill_color(*to_rgb(GRADE_COLORS[grade]))
            self._pdf.rect(x_mm + label_mm, top_mm, max(bar_mm * share, 0.2), thick_mm, style="F")
            self.write_line(f"{share:.1%}", (x_mm + label_mm + bar_mm + 1, top_mm), font=font, width_mm=11)
        if decision.grade_set:
            first, last = min(decision.grade_set), max(decision.grade_set)
            self._draw_bracket(x_mm + PROBABILITIES_MM, y_mm + first * row_mm, y_mm + last * row_mm + thick_mm)
        return y_mm + len(Grade) * row_mm

    def _draw_bracket(self, x_mm: float, top_mm: float, bottom_mm: float) -> None:
        self._pdf.set_draw_color(*to_rgb(ACCENT))
        self._pdf.set_line_width(0.5)
        self._pdf.line(x_mm, top_mm, x_mm, bottom_mm)
        for end_mm in (top_mm, bottom_mm):
            self._pdf.line(x_mm - 1.2, end_mm, x_mm, end_mm)

    def _draw_rule(self, y_mm: float) -> None:
        self._pdf.set_draw_color(*to_rgb(LINE))
        self._pdf.set_line_width(0.25)
        self._pdf.line(MARGIN_MM, y_mm, MARGIN_MM + CONTENT_WIDTH_MM, y_mm)

    def _begin(self, text: str, at_mm: tuple[float, float], font: Type) -> str:
        style = "B" if font.bold else ""
        self._pdf.set_font(FONT, style, font.size_pt)
        self._pdf.set_text_color(*to_rgb(font.color))
        self._pdf.set_xy(*at_mm)
        known = self._known[style]
        return "".join(char if char.isspace() or ord(char) in known else REPLACEMENT for char in text)

    def _fit(self, text: str, width_mm: float) -> str:
        if self._pdf.get_string_width(text) <= width_mm:
            return text
        while text and self._pdf.get_string_width(text + "\u2026") > width_mm:
            text = text[:-1]
        return text + "\u2026"
