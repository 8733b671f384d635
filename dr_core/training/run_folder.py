"""The folder of one training run: one checkpoint, replaced whole after each epoch, and the log."""

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dr_core.domain.errors import ConfigurationError
from dr_core.training.plan import Plan

LOG_COLUMNS = ("epoch", "stage", "size", "loss", "val_loss", "val_qwk", "val_auc_rdr", "learning_rate", "seconds")
Arrays = dict[str, NDArray[np.float32]]
_PARTS = ("weights", "average", "moments")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Where a run stands after an epoch.

    Attributes:
        epochs_done: of the whole run.
        weights: of the network, by Keras' names.
        average: of the weights along the run.
        moments: of the optimiser, as its engine names them.
    """

    epochs_done: int
    weights: Arrays
    average: Arrays
    moments: Arrays


@dataclass(frozen=True)
class RunFolder:
    """One run on disk.

    Attributes:
        folder: outside the repository.
        plan: what the run does; a folder serves one plan.
    """

    folder: Path
    plan: Plan

    @property
    def checkpoint(self) -> Path:
        """NumPy's archive of the last finished epoch; the epoch's number is in it, so that both change as one."""
        return self.folder / "checkpoint.npz"

    @property
    def log(self) -> Path:
        """One CSV row an epoch, `LOG_COLUMNS`."""
        return self.folder / "training_log.csv"

    @property
    def finished(self) -> bool:
        """Whether every epoch of a plan is done, so that only the release is left; `resume` compares the plan."""
        if not self.checkpoint.is_file():
            return False
        with np.load(self.checkpoint, allow_pickle=False) as archive:
            return int(json.loads(str(archive["state"]))["epochs_done"]) >= self.plan.epochs

    def resume(self) -> Checkpoint | None:
        """Return where the run stopped, None for a new one, and drop log rows of an epoch that will be repeated.

        Raises:
            ConfigurationError: the folder holds a run with another plan.
        """
        if not self.checkpoint.is_file():
            self.log.unlink(missing_ok=True)
            return None
        parts: dict[str, Arrays] = {part: {} for part in _PARTS}
        with np.load(self.checkpoint, allow_pickle=False) as archive:
            state = json.loads(str(archive["state"]))
            if state["plan"] != self._describe_plan():
                raise ConfigurationError(
                    f"{self.folder.name}/ holds a run with another plan, engine or start. Repeat the command that it "
                    "began with, or name another folder with --run-dir."
                )
            for key in archive.files:
                part, _, name = key.partition(":")
                if name:
                    parts[part][name] = archive[key]
        done = int(state["epochs_done"])
        with self.log.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        with self.log.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([rows[0], *(row for row in rows[1:] if int(row[0]) <= done)])
        return Checkpoint(done, **parts)

    def finish_epoch(self, row: tuple[object, ...], checkpoint: Checkpoint) -> None:
        """Add the epoch's row to the log, then replace the checkpoint; a kill between them repeats the epoch."""
        new = not self.log.is_file()
        with self.log.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(LOG_COLUMNS)
            writer.writerow(row)
        state = json.dumps({"epochs_done": checkpoint.epochs_done, "plan": self._describe_plan()})
        arrays = {f"{part}:{name}": values for part in _PARTS for name, values in getattr(checkpoint, part).items()}
        fresh = self.folder / "fresh.npz"
        np.savez(fresh, allow_pickle=False, state=np.array(state), **arrays)
        fresh.replace(self.checkpoint)

    def _describe_plan(self) -> object:
        """Return the plan as JSON reads it back."""
        return json.loads(json.dumps(asdict(self.plan)))
