"""A screening at the size of a screen: grading needs fewer pixels than a reader, so the viewer decodes once more."""

from dataclasses import replace

from dr_core.imaging.decode import WORKING_SIDE_PX, decode_photograph
from dr_core.model.classifier import Classifier
from dr_core.screening.pipeline import Screening, screen_photograph

__all__ = ["enlarge_screening", "screen_for_display"]


def screen_for_display(data: bytes, name: str, *, classifier: Classifier) -> Screening:
    """Return what the pipeline finds on a photograph, at screen size; bad photographs are `FAILED` results."""
    return enlarge_screening(screen_photograph(data, name, classifier=classifier), data)


def enlarge_screening(screening: Screening, data: bytes, *, longest_side_px: int = WORKING_SIDE_PX) -> Screening:
    """Return `screening` in the frame of its photograph decoded larger; pixels, field and maps fit each other there.

    Args:
        screening: as the pipeline left it.
        data: the photograph's bytes, the same that were screened.
        longest_side_px: wanted size; a photograph that has no more pixels comes back as it is.

    Raises:
        UnreadablePhotograph: `data` is not what was screened.
    """
    photograph = screening.photograph
    if photograph is None:
        return screening
    wanted_px = min(longest_side_px, max(photograph.source_width_px, photograph.source_height_px))
    if max(photograph.pixels.shape[:2]) >= wanted_px:
        return screening
    pixels = decode_photograph(data, photograph.name, longest_side_px=wanted_px).pixels
    height, width = pixels.shape[:2]
    field, model_input, hidden = screening.field_of_view, screening.model_input, screening.hidden
    return Screening(
        screening.result,
        replace(photograph, pixels=pixels),
        field and field.for_shape(height, width),
        model_input and replace(model_input, crop=model_input.crop.for_shape(height, width)),
        hidden and replace(hidden, crop=hidden.crop.for_shape(height, width)),
    )
