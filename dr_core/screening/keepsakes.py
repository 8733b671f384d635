"""Pictures that outlive a photograph in a batch: its heatmap overlay and its thumbnail, under generated names."""

import os
from pathlib import Path

from dr_core.domain.errors import StorageError
from dr_core.imaging.encode import encode_jpeg, shrink_to
from dr_core.imaging.overlay import overlay_cam
from dr_core.model.cam import default_map
from dr_core.screening.overlay_mark import mark_overlay
from dr_core.screening.part_file import PartFile
from dr_core.screening.pipeline import Screening

__all__ = ["PictureFolder", "draw_overlay", "draw_thumbnail"]

OVERLAY_SIDE_PX = 1024
OVERLAY_OPACITY = 0.45
THUMBNAIL_SIDE_PX = 72
THUMBNAIL_QUALITY = 70


def draw_overlay(screening: Screening) -> bytes | None:
    """Return the map that is shown first over the photograph, as JPEG; None when there is no grade."""
    prediction, decision = screening.result.prediction, screening.result.decision
    if screening.photograph is None or prediction is None or decision is None:
        return None
    # Shrunk before it is painted: what is thrown away need not be blended.
    pixels = shrink_to(screening.photograph.pixels, OVERLAY_SIDE_PX)
    heat = screening.place_heatmap(default_map(prediction, decision.grade), (pixels.shape[0], pixels.shape[1]))
    return mark_overlay(encode_jpeg(overlay_cam(pixels, heat, opacity=OVERLAY_OPACITY)))


def draw_thumbnail(screening: Screening) -> bytes | None:
    """Return a small JPEG of the photograph; None when it could not be decoded."""
    if screening.photograph is None:
        return None
    return encode_jpeg(shrink_to(screening.photograph.pixels, THUMBNAIL_SIDE_PX), quality=THUMBNAIL_QUALITY)


class PictureFolder:
    """Writes and reads pictures in one folder; names are ours, never those of the photographs."""

    def __init__(self, folder: Path) -> None:
        """Make the folder.

        Raises:
            StorageError: it cannot be made or written to.
        """
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _explain(error) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise StorageError(f"The folder {folder.name} cannot be written to: choose another for the heatmaps.")

    def has(self, name: str) -> bool:
        """Return True when the picture is there."""
        return (self.folder / name).is_file()

    def write(self, name: str, picture: bytes) -> None:
        """Write one picture whole or not at all.

        Raises:
            StorageError: the disk refused.
        """
        try:
            part = PartFile(self.folder / name)
            with os.fdopen(part.descriptor, "wb") as stream:
                try:
                    stream.write(picture)
                    stream.flush()
                    part.take_place()
                finally:
                    part.clear()
        except OSError as error:
            raise _explain(error) from error

    def read(self, name: str) -> bytes | None:
        """Return one picture; None when it is not there."""
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            return None


def _explain(error: OSError) -> StorageError:
    return StorageError(
        f"A picture could not be written ({error.strerror}): check free space and permissions of its folder."
    )
