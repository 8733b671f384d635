"""A small data folder of drawn photographs, with a manifest like that of the real ones."""

import csv
from pathlib import Path

import pytest

from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg

COLUMNS = ("image_id", "path", "source", "split", "grade", "patient_id", "gradable", "label_conflict")
PER_SOURCE = 12
# A camera that crops the field above and below stands for sick eyes, as in APTOS; the other shows it whole.
CROPPED, WHOLE = 1.2, 0.92


@pytest.fixture(scope="session")
def drawn_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sources of twelve photographs in val; in each, every second eye is referable and was taken cropped."""
    folder = tmp_path_factory.mktemp("drawn_data")
    rows = []
    for source in ("north", "south"):
        for number in range(PER_SOURCE):
            sick = number % 2 == 1
            scale = CROPPED if sick else WHOLE
            pixels = draw_fundus(FundusDrawing(256, 192, field_scale=scale, seed=number + 1))
            name = f"{source}_{number:02d}.jpg"
            (folder / name).write_bytes(encode_jpeg(pixels, quality=95))
            grade = 2 + number % 3 if sick else number % 2
            rows.append((f"{source}:{number}", name, source, "val", grade, "", "", 0))
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return folder
