"""Dataset statistics on disk, and sample photographs of a data folder where one is at hand."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dr_core.domain.dataset_statistics import DatasetStatistics
from dr_core.domain.errors import ConfigurationError, StorageError
from dr_core.domain.grades import Grade
from dr_core.reports.dataclass_json import read_record, write_record

STATISTICS_PATH = Path(__file__).resolve().parents[2] / "assets" / "dataset_statistics.json"
MANIFEST_NAME = "manifest.csv"
# Locked test photographs are not looked at, not even on this page.
SAMPLED_SPLIT = "train"


@dataclass(frozen=True)
class SamplePhotograph:
    """A training photograph of the data folder: where it stands and how it was graded."""

    path: Path
    source: str
    grade: Grade


def write_statistics(statistics: DatasetStatistics, path: Path) -> None:
    """Write statistics as JSON.

    Raises:
        StorageError: the folder or the disk refused.
    """
    write_record(statistics, path)


def read_statistics(path: Path) -> DatasetStatistics:
    """Read statistics from JSON.

    Raises:
        StorageError: the file is missing or cannot be read.
        ConfigurationError: the file was not written by this version.
    """
    return read_record(DatasetStatistics, path)


def list_samples(data_dir: Path) -> tuple[SamplePhotograph, ...]:
    """List the graded training photographs of a data folder, in the manifest's order.

    Photographs whose copies carry different grades are left out, and so is every path that leads out of the folder.

    Raises:
        ConfigurationError: the folder has no manifest, or the manifest is not one.
        StorageError: the manifest cannot be read.
    """
    root = data_dir.resolve()
    try:
        with (root / MANIFEST_NAME).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return tuple(
            SamplePhotograph(root / row["path"], row["source"], _read_grade(row["grade"]))
            for row in rows
            if row["split"] == SAMPLED_SPLIT
            and row["grade"]
            and row["label_conflict"] != "1"
            and (root / row["path"]).resolve().is_relative_to(root)
        )
    except FileNotFoundError as error:
        raise ConfigurationError(f"The data folder holds no {MANIFEST_NAME}. Point RETINADESK_DATA at one.") from error
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ConfigurationError(f"{MANIFEST_NAME} in the data folder is not a manifest. See the README.") from error
    except OSError as error:
        raise StorageError(f"{MANIFEST_NAME} could not be read ({error.strerror}).") from error


def pick_samples(
    samples: tuple[SamplePhotograph, ...], *, source: str, grade: Grade, count: int, seed: int
) -> tuple[SamplePhotograph, ...]:
    """Pick up to `count` photographs of one source and grade; the same `seed` picks the same ones."""
    fitting = [sample for sample in samples if sample.source == source and sample.grade is grade]
    generator = np.random.default_rng([seed, int(grade), len(fitting)])
    chosen = generator.permutation(len(fitting))[:count]
    return tuple(fitting[index] for index in chosen)


def _read_grade(text: str) -> Grade:
    number = float(text)
    if not number.is_integer():
        raise ValueError(f"A grade is a whole number. Received: {text}")
    return Grade(int(number))
