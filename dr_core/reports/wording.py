"""Sentences about a result that the Screen page and the PDF report share, so that both say the same."""

import unicodedata

from dr_core.domain.intended_use import MACULAR_OEDEMA_NOTE, NOT_VALIDATED_NOTE, OEDEMA_RISK_NOTE
from dr_core.domain.operating_point import LocalOperatingPoint, Proportion
from dr_core.domain.photograph import Laterality
from dr_core.domain.quality import QualityReport
from dr_core.domain.results import Decision, Prediction, Provenance, ScreeningResult
from dr_core.domain.second_look import DOUBTFUL_SCORE, shows_oedema_risk

__all__ = [
    "HEATMAP_LIMITS",
    "clean_text",
    "describe_eye",
    "describe_grade",
    "describe_grade_set",
    "describe_oedema",
    "describe_operating_point",
    "describe_provenance",
    "describe_quality",
    "lower_first",
    "name_eye",
]

HEATMAP_LIMITS = "A map shows where the network looked, not what is wrong there. Read the photograph, not the map."
MAX_NAME_LENGTH = 120
ELLIPSIS = "\u2026"


def describe_grade_set(decision: Decision) -> str:
    """Say which grades fit the photograph, and how far that can be relied on; empty for a model without grade sets."""
    if not decision.grade_set:
        return ""
    first, last = min(decision.grade_set), max(decision.grade_set)
    which = f"Likely grade: {first:d} alone" if first == last else f"Likely grades: {first:d} to {last:d}"
    return f"{which}. For {decision.coverage:.0%} of photographs the reader's grade is among those named here."


def describe_oedema(result: ScreeningResult) -> str:
    """Say what the photograph shows of the signs of macular oedema, or that nobody looked."""
    side = result.prediction.side if result.prediction else None
    if result.decision is None or side is None or side.p_oedema_risk is None:
        return MACULAR_OEDEMA_NOTE
    finding = "likely" if shows_oedema_risk(result) else "not seen"
    return f"{OEDEMA_RISK_NOTE.removesuffix('.')}: {finding} (probability {side.p_oedema_risk:.2f})."


def describe_operating_point(result: ScreeningResult, point: LocalOperatingPoint | None = None) -> str:
    """Say what is known of the threshold at this clinic; empty for a result that rests on none.

    Args:
        result: whose decision names the operating point.
        point: the clinic's operating point in use; its figures are quoted where the decision rests on it.
    """
    if result.decision is None:
        return ""
    label = result.decision.operating_point
    if not label:
        return NOT_VALIDATED_NOTE
    if point is None or point.label != label:
        return f"Operating point {clean_text(label)}, measured on this clinic's photographs."
    return (
        f"Operating point {clean_text(label)}, measured on {point.graded_count:,} of this clinic's photographs: "
        f"sensitivity {_format_share(point.sensitivity)}, specificity {_format_share(point.specificity)}."
    )


def describe_eye(result: ScreeningResult) -> str:
    """Say where the photograph itself speaks of another eye than its name or the user, or of one that nobody named."""
    seen = result.seen_laterality
    if seen is None or seen is result.laterality:
        return ""
    looks = f"looks like a {lower_first(seen.label)}"
    if result.laterality is None:
        return f"It is not stated which eye this is; the photograph {looks}."
    return (
        f"Marked as the {lower_first(result.laterality.label)}, but the photograph {looks}: check which eye it is, "
        "and that the photograph belongs to this patient."
    )


def describe_grade(decision: Decision, prediction: Prediction) -> str:
    """Say how the grade came about where the bars alone would mislead; else return an empty string."""
    if max(prediction.probabilities) == prediction.probabilities[decision.grade]:
        return ""
    return (
        "The grade is the highest that the eye more likely reaches than not, over all five probabilities, so it need "
        "not be the longest bar."
    )


def describe_quality(quality: QualityReport) -> str:
    """Say whether the photograph can be graded, what is wrong with it, and how much of the retina it hides."""
    defects = ", ".join(defect.value for defect in quality.defects)
    hidden = ""
    if quality.hides_retina:
        hidden = f" About {round(20 * (quality.hidden_share or 0.0)) * 5}% of the retina cannot be seen."
    if quality.gradable:
        if not defects:
            return "Gradable, but hardly." if quality.score < DOUBTFUL_SCORE else "Gradable. No defect found."
        return f"Gradable, but watch for: {defects}.{hidden}"
    return f"Ungradable: {defects}.{hidden}" if defects else "Ungradable: the small vessels cannot be made out."


def describe_provenance(provenance: Provenance) -> tuple[tuple[str, str], ...]:
    """Return (label, value) lines that tell which bytes went through which model, and when."""
    return (
        ("Photograph SHA-256", provenance.photograph_sha256 or "not read"),
        ("Model", provenance.model_name or "not reached"),
        ("Model SHA-256", provenance.model_sha256 or "not reached"),
        ("Preprocessing", provenance.preprocessing_version or "not reached"),
        ("RetinaDesk", provenance.package_version),
        ("Processed (UTC)", provenance.created_utc),
    )


def name_eye(laterality: Laterality | None) -> str:
    """Return ``Right eye (OD)``, ``Left eye (OS)`` or ``Eye not stated``."""
    return laterality.label if laterality else "Eye not stated"


def clean_text(text: str, *, max_length: int = MAX_NAME_LENGTH) -> str:
    """Make untrusted text, such as a file name, safe to print on one line.

    Control characters and the marks that turn the writing direction (they can disguise a name) are dropped, white
    space is folded, and a long text is shortened in its middle, so that its ending stays visible.

    Args:
        text: anything a user may have typed.
        max_length: longest text returned, at least 3 characters.
    """
    if max_length < 3:
        raise ValueError(f"`max_length` must be at least 3. Received: max_length={max_length}")
    folded = " ".join(text.split())
    printable = "".join(char for char in folded if unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    if len(printable) <= max_length:
        return printable
    tail = (max_length - 1) // 2
    return printable[: max_length - 1 - tail] + ELLIPSIS + printable[-tail:]


def _format_share(share: Proportion) -> str:
    return f"{share.value:.0%} ({share.low:.0%} to {share.high:.0%})"


def lower_first(text: str) -> str:
    """Return `text` as it goes on within a sentence."""
    return text[0].lower() + text[1:]
