"""The training command's log, one row an epoch, as the model page draws it."""

import csv
from dataclasses import dataclass
from pathlib import Path

from dr_core.domain.errors import ConfigurationError, StorageError

LOG_NAME = "training_log.csv"


@dataclass(frozen=True)
class EpochRow:
    """One epoch of training.

    Attributes:
        epoch: counted from 1 through all stages.
        stage: name of the stage.
        size: width of the network's input in pixels.
        loss: mean training loss, with augmentation.
        val_loss: loss on the validation split.
        val_qwk: quadratic weighted kappa on the validation split.
        val_auc_rdr: area under the ROC curve for referable DR on the validation split.
        learning_rate: at the end of the epoch.
        seconds: duration of the epoch.
    """

    epoch: int
    stage: str
    size: int
    loss: float
    val_loss: float
    val_qwk: float
    val_auc_rdr: float
    learning_rate: float
    seconds: float


def read_training_log(folder: Path) -> tuple[EpochRow, ...]:
    """Read the log that stands in the model's folder; empty when there is none.

    Raises:
        ConfigurationError: the log has other columns or cells that are no numbers.
        StorageError: the log cannot be read.
    """
    path = folder / LOG_NAME
    if not path.is_file():
        return ()
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(_read_row(row) for row in csv.DictReader(file))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{LOG_NAME} is not a training log of this version. Train again.") from error
    except OSError as error:
        raise StorageError(f"{LOG_NAME} could not be read ({error.strerror}).") from error


def _read_row(row: dict[str, str]) -> EpochRow:
    return EpochRow(
        epoch=int(row["epoch"]),
        stage=row["stage"],
        size=int(row["size"]),
        loss=float(row["loss"]),
        val_loss=float(row["val_loss"]),
        val_qwk=float(row["val_qwk"]),
        val_auc_rdr=float(row["val_auc_rdr"]),
        learning_rate=float(row["learning_rate"]),
        seconds=float(row["seconds"]),
    )
