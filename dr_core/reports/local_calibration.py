"""What a local calibration found, in the words that the command line and the Calibrate page share."""

from dr_core.domain.operating_point import LocalOperatingPoint, Proportion
from dr_core.model.calibration import GRADE_FROM
from dr_core.screening.clinic_figures import CalibrationStage
from dr_core.screening.clinic_sample import ClinicSample
from dr_core.screening.local_calibration import LocalCalibration

__all__ = [
    "HOW_MEASURED",
    "describe_left_out",
    "describe_probabilities",
    "describe_sensitivity",
    "describe_specificity",
    "find_cautions",
    "format_share",
    "format_summary",
]

LOW_END = 0.80
LOW_SPECIFICITY = 0.50
LARGE_SHARE_LEFT_OUT = 0.20
HOW_MEASURED = (
    "Before: the released threshold, which never saw these photographs. After: each photograph judged with what the "
    "others give. Intervals (95%, Wilson) hold for one photograph a patient."
)


def format_share(share: Proportion) -> str:
    """Return ``91% (81% to 96%)``."""
    return f"{share.value:.0%} ({share.low:.0%} to {share.high:.0%})"


def describe_sensitivity(stage: CalibrationStage) -> str:
    """Say what becomes of a hundred photographs with referable DR."""
    found = stage.sensitivity
    return (
        f"Of 100 photographs with referable DR, about {found.value * 100:.0f} are called referable (between "
        f"{found.low * 100:.0f} and {found.high * 100:.0f}), and about {100 - round(found.value * 100):.0f} are missed."
    )


def describe_specificity(stage: CalibrationStage) -> str:
    """Say what becomes of a hundred photographs without referable DR."""
    spared = stage.specificity
    return (
        f"Of 100 photographs without referable DR, about {spared.value * 100:.0f} are not referred (between "
        f"{spared.low * 100:.0f} and {spared.high * 100:.0f}), and about {100 - round(spared.value * 100):.0f} are "
        "referred without need."
    )


def describe_probabilities(calibration: LocalCalibration) -> str:
    """Say how far the stated probabilities of referable DR lie from what the readers saw."""
    before, after = calibration.before, calibration.after
    change = "less" if after.surprise < before.surprise else "no less"
    return (
        f"Readers called {calibration.observed_share:.0%} of these photographs referable. The model states "
        f"{before.stated_share:.0%} on average as released, and {after.stated_share:.0%} as calibrated here "
        f"(temperature {after.temperature:.2f}, shift {after.shift:+.1f}); the readers' grades then surprise it "
        f"{change} (mean log loss {before.surprise:.2f} before, {after.surprise:.2f} after)."
    )


def describe_left_out(sample: ClinicSample, ungraded: int) -> str:
    """Say which photographs are in no figure; empty when all are in.

    Args:
        sample: what was screened.
        ungraded: photographs that the list names without a grade.
    """
    counts = (
        (sample.ungradable, "refused by the quality gate"),
        (sample.failed, "failed"),
        (sample.repeated, "the same as another"),
        (ungraded, "without a reader's grade"),
    )
    parts = [f"{count:,} {what}" for count, what in counts if count]
    if not parts:
        return ""
    reason = f" First failure: {sample.first_error}" if sample.first_error else ""
    return f"Left out: {', '.join(parts)}.{reason}"


def find_cautions(calibration: LocalCalibration, sample: ClinicSample) -> tuple[str, ...]:
    """Return what the clinic should know before it relies on this operating point; empty when nothing stands out."""
    found, spared = calibration.after.sensitivity, calibration.after.specificity
    cautions = []
    if found.low < LOW_END:
        cautions.append(
            f"The sensitivity may be as low as {found.low:.0%}: {found.count} referable photographs are too few to say "
            "more. Add referable photographs before you rely on it."
        )
    if spared.value < LOW_SPECIFICITY:
        cautions.append(
            f"At this sensitivity {1 - spared.value:.0%} of the photographs without referable DR are referred: the "
            "model separates poorly on this camera. Ask for less sensitivity, or have a person read every photograph."
        )
    if calibration.after.threshold >= GRADE_FROM:
        cautions.append(
            f"A sensitivity of {calibration.wanted_sensitivity:.0%} would allow a threshold above {GRADE_FROM}, but "
            "from there on the grade itself refers: the threshold stays there, and more is found than was asked for."
        )
    refused = sample.ungradable + sample.failed
    if refused > LARGE_SHARE_LEFT_OUT * (refused + calibration.graded_count):
        cautions.append(
            f"{refused:,} of {refused + calibration.graded_count:,} photographs could not be graded. The figures say "
            "nothing of them, and in use they are retaken or referred."
        )
    return tuple(cautions)


def format_summary(calibration: LocalCalibration, sample: ClinicSample, point: LocalOperatingPoint) -> str:
    """Return the findings as text for a terminal."""
    before, after = calibration.before, calibration.after
    referable = after.true_positives + after.false_negatives
    rows = (
        ("", "before", "after"),
        ("temperature", f"{before.temperature:.2f}", f"{after.temperature:.2f}"),
        ("shift of the log odds", f"{before.shift:.1f}", f"{after.shift:+.1f}"),
        ("threshold on P(>=2)", f"{before.threshold:.3f}", f"{after.threshold:.3f}"),
        ("sensitivity", format_share(before.sensitivity), format_share(after.sensitivity)),
        ("specificity", format_share(before.specificity), format_share(after.specificity)),
        ("missed", f"{before.false_negatives} of {referable}", f"{after.false_negatives} of {referable}"),
    )
    table = "\n".join(f"  {title:<22}{first:<22}{second}".rstrip() for title, first, second in rows)
    headline = (
        f"{point.label}: {calibration.graded_count} photographs, {referable} of them referable by the readers, AUC "
        f"{calibration.auc:.3f}. Wanted sensitivity {calibration.wanted_sensitivity:.0%}."
    )
    paragraphs = (
        headline,
        table,
        HOW_MEASURED,
        describe_probabilities(calibration),
        f"{describe_sensitivity(after)} {describe_specificity(after)}",
        *(f"Note: {caution}" for caution in find_cautions(calibration, sample)),
    )
    return "\n\n".join(paragraphs)
