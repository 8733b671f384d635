"""Statistics of a manifest and its photographs, aggregated: they may be shipped where the photographs may not."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

import dr_core
from dr_core.domain.dataset_statistics import (
    DatasetStatistics,
    DuplicateCounts,
    Histogram,
    NamedCount,
    PhotographSize,
    SourceStatistics,
    SplitBalance,
)
from dr_core.domain.errors import ConfigurationError, NotAFundusPhotograph, UnreadablePhotograph
from dr_core.domain.grades import GRADE_COUNT
from dr_core.domain.photograph import FieldOfView, UInt8Array
from dr_core.imaging.decode import decode_photograph
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.training.manifest import SPLITS, is_there, quote_cell, read_lines

# All sources are brought to the field width of the smallest before their sharpness is compared.
FIELD_WIDTH_PX = 224
INNER_FIELD = 0.9
BRIGHTNESS_RANGE, BRIGHTNESS_BINS = (0.0, 80.0), 32
SHARPNESS_RANGE, SHARPNESS_BINS = (-2.0, -0.4), 32
AGE_RANGE, AGE_BINS = (0.0, 100.0), 10
MAX_SIZES = 40
_TEXT_COLUMNS = ("image_id", "path", "source", "split", "patient_id", "sex", "duplicate_of")
_FLAG_COLUMNS = ("gradable", "label_conflict")
_NUMBER_COLUMNS = ("age", "width", "height", "original_width", "original_height")
_COLUMNS = (*_TEXT_COLUMNS, "grade", *_FLAG_COLUMNS, *_NUMBER_COLUMNS)


def read_manifest_table(data_dir: Path) -> pd.DataFrame:
    """Read the manifest of a data folder.

    Returns:
        One row a photograph, columns as docs/data.md describes them; what is unknown is missing.

    Raises:
        ConfigurationError: there is no manifest, or it is not as docs/data.md describes it.
    """
    lines = read_lines(data_dir, _COLUMNS)
    # An empty cell stays empty here, whichever words pandas would take for nothing too.
    texts = {name: pd.Series([line.cells[name] or None for line in lines], dtype="str") for name in _TEXT_COLUMNS}
    wholes = {name: [line.read_whole(name, 2) for line in lines] for name in _FLAG_COLUMNS}
    wholes["grade"] = [line.read_whole("grade", GRADE_COUNT) for line in lines]
    numbers = {name: [line.read_number(name) for line in lines] for name in _NUMBER_COLUMNS}
    return pd.DataFrame(texts | {name: pd.Series(cells, dtype="float64") for name, cells in (wholes | numbers).items()})


def measure_dataset(data_dir: Path, *, progress: Callable[[int, int], None] | None = None) -> DatasetStatistics:
    """Measure all photographs that a manifest lists.

    Args:
        data_dir: folder of `manifest.csv`.
        progress: called with photographs done and photographs in all.

    Raises:
        ConfigurationError: no manifest, one that is not as docs/data.md describes it, or a photograph that it lists is
            missing.
    """
    table = read_manifest_table(data_dir)
    looks = np.full((len(table), 2), np.nan)
    for index, path in enumerate(table["path"]):
        looks[index] = measure_appearance(_read_bytes(data_dir / path))
        if progress is not None:
            progress(index + 1, len(table))
    table = table.assign(brightness=looks[:, 0], sharpness=looks[:, 1])
    sources = [describe_source(str(name), rows) for name, rows in table.groupby("source", sort=False)]
    return DatasetStatistics(datetime.now(UTC).isoformat(timespec="seconds"), dr_core.__version__, tuple(sources))


def measure_appearance(data: bytes) -> tuple[float, float]:
    """Measure brightness (0 to 100%) and sharpness (log10) inside the field; both NaN where no field is found."""
    try:
        photograph = decode_photograph(data, "photograph")
        field = find_field_of_view(photograph.pixels)
    except (NotAFundusPhotograph, UnreadablePhotograph):
        return np.nan, np.nan
    grey = np.asarray(cv2.cvtColor(photograph.pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    brightness = float(grey[field.mask].mean()) / 255.0 * 100.0 if field.mask.any() else float("nan")
    return brightness, _measure_sharpness(photograph.pixels, field)


def describe_source(name: str, rows: pd.DataFrame) -> SourceStatistics:
    """Aggregate the rows of one source.

    Args:
        name: of the source.
        rows: the manifest's columns, with `brightness` and `sharpness` (NaN where no field of view was found).
    """
    return SourceStatistics(
        source=name,
        n_photographs=len(rows),
        n_patients=int(rows["patient_id"].nunique()) if rows["patient_id"].notna().any() else None,
        splits=tuple(
            _count_grades(split, rows[rows["split"] == split]) for split in SPLITS if split in set(rows["split"])
        ),
        original_sizes=_count_sizes(rows),
        brightness=count_bins(rows["brightness"], BRIGHTNESS_RANGE, BRIGHTNESS_BINS),
        sharpness=count_bins(rows["sharpness"], SHARPNESS_RANGE, SHARPNESS_BINS),
        n_without_field=int(rows["brightness"].isna().sum()),
        duplicates=count_duplicates(rows),
        ages=count_bins(rows["age"], AGE_RANGE, AGE_BINS) if rows["age"].notna().any() else None,
        sexes=_count_names(rows["sex"]),
        gradable=_count_names(rows["gradable"].map({1: "gradable", 0: "not gradable"})),
    )


def count_bins(values: "pd.Series[Any]", ends: tuple[float, float], bins: int) -> Histogram:
    """Count known values in bins of equal width; what lies beyond `ends` goes into the outermost bins."""
    known = values.dropna().to_numpy(dtype=np.float64)
    index = np.floor((known - ends[0]) / (ends[1] - ends[0]) * bins).clip(0, bins - 1).astype(np.int64)
    counts = np.bincount(index, minlength=bins)
    return Histogram(ends[0], ends[1], tuple(int(count) for count in counts))


def name_groups(rows: pd.DataFrame) -> "pd.Series[str]":
    """Name the group of copies that each photograph stands in; one that has no copy is a group of its own.

    A group is named by the member that `duplicate_of` gives; two photographs may also name each other.
    """
    named = rows["duplicate_of"].fillna(rows["image_id"]).astype(str)
    named_by_name = named.map(dict(zip(rows["image_id"], named, strict=True))).fillna(named)
    return named.where(named < named_by_name, named_by_name)


def count_duplicates(rows: pd.DataFrame) -> DuplicateCounts:
    """Count photographs that occur more than once."""
    group = name_groups(rows)
    sizes = group.map(group.value_counts())
    copies = rows.assign(group=group)[sizes > 1]
    conflicts = copies[copies["label_conflict"] == 1]
    learned = copies[copies["split"] != "excluded"]
    splits_of_group = learned.groupby("group")["split"].nunique()
    return DuplicateCounts(
        n_groups=int(copies["group"].nunique()),
        n_photographs=len(copies),
        n_conflicting_groups=int(conflicts["group"].nunique()),
        n_conflicting_photographs=len(conflicts),
        n_groups_across_splits=int((splits_of_group > 1).sum()),
    )


def _measure_sharpness(pixels: UInt8Array, field: FieldOfView) -> float:
    scale = FIELD_WIDTH_PX / (2.0 * field.radius_px)
    size = (max(1, round(pixels.shape[1] * scale / field.aspect)), max(1, round(pixels.shape[0] * scale)))
    green = cv2.resize(pixels[..., 1], size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    rows, columns = np.ogrid[: size[1], : size[0]]
    center_row, center_column = field.center_rc[0] * scale, field.center_rc[1] * scale / field.aspect
    radius = INNER_FIELD * FIELD_WIDTH_PX / 2.0
    inside = (rows - center_row) ** 2 + (columns - center_column) ** 2 <= radius**2
    if not inside.any():
        return float("nan")
    detail = np.asarray(cv2.Laplacian(green, cv2.CV_32F))[inside]
    return float(np.log10(max(float(detail.std()), 1e-3) / max(float(green[inside].mean()), 1.0)))


def _count_grades(split: str, rows: pd.DataFrame) -> SplitBalance:
    counts = [int((rows["grade"] == grade).sum()) for grade in range(GRADE_COUNT)]
    return SplitBalance(split, _as_five(counts), int(rows["grade"].isna().sum()))


def _count_sizes(rows: pd.DataFrame) -> tuple[PhotographSize, ...]:
    """Count sizes as the camera saved them; none where the manifest only knows the re-encoded size."""
    if (rows["original_width"] == rows["width"]).all() and (rows["original_height"] == rows["height"]).all():
        return ()
    counts = rows.groupby(["original_width", "original_height"]).size().sort_values(ascending=False, kind="stable")
    pairs: Sequence[Any] = list(counts.head(MAX_SIZES).items())
    return tuple(PhotographSize(int(size[0]), int(size[1]), int(count)) for size, count in pairs)


def _count_names(values: "pd.Series[Any]") -> tuple[NamedCount, ...]:
    counts = values.dropna().value_counts().sort_index()
    return tuple(NamedCount(str(name).lower(), int(count)) for name, count in counts.items())


def _as_five(counts: list[int]) -> tuple[int, int, int, int, int]:
    zero, one, two, three, four = counts
    return zero, one, two, three, four


def _read_bytes(path: Path) -> bytes:
    try:
        if is_there(path):
            return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"A photograph of the manifest could not be read ({error.strerror}): {quote_cell(path.name)}. Check the "
            "data folder."
        ) from error
    raise ConfigurationError(f"A photograph of the manifest is missing: {quote_cell(path.name)}. Complete the folder.")
