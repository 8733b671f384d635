"""The folder of one training run: weights and optimiser after each epoch, state and log."""

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dr_core.training.plan import Plan

LOG_COLUMNS = ("epoch", "stage", "size", "loss", "val_loss", "val_qwk", "val_auc_rdr", "learning_rate", "seconds")


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
        """The Keras file, optimiser included, of the last finished epoch."""
        return self.folder / "checkpoint.keras"

    def stage_end(self, stage: int) -> Path:
        """The Keras file of a finished stage, counted from 0."""
        return self.folder / f"stage_{stage + 1}.keras"

    @property
    def log(self) -> Path:
        """One CSV row an epoch, `LOG_COLUMNS`."""
        return self.folder / "training_log.csv"

    def read_state(self) -> tuple[int, int]:
        """Return (stage, epochs done in it), (0, 0) for a new run, and drop log rows of an epoch that will be repeated.

        Raises:
            ValueError: the folder holds a run with another plan.
        """
        path = self.folder / "state.json"
        if not path.is_file():
            self.log.unlink(missing_ok=True)
            return 0, 0
        state = json.loads(path.read_text(encoding="utf-8"))
        if state["plan"] != json.loads(json.dumps(asdict(self.plan))):
            raise ValueError(f"plan must be the one the run began with. Received: {self.plan}")
        stage, epoch = int(state["stage"]), int(state["epoch"])
        done = sum(earlier.epochs for earlier in self.plan.stages[:stage]) + epoch
        with self.log.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        with self.log.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([rows[0], *(row for row in rows[1:] if int(row[0]) <= done)])
        return stage, epoch

    def finish_epoch(self, model: Any, stage: int, epoch: int) -> None:
        """Save model and optimiser first and the state after it, so that a kill between them repeats one epoch."""
        fresh = self.folder / "fresh.keras"
        model.save(fresh)
        fresh.replace(self.checkpoint)
        state = self.folder / "state.tmp"
        content = {"stage": stage, "epoch": epoch, "plan": asdict(self.plan)}
        state.write_text(json.dumps(content), encoding="utf-8")
        state.replace(self.folder / "state.json")

    def append_log(self, row: tuple[object, ...]) -> None:
        """Add one epoch's row."""
        new = not self.log.is_file()
        with self.log.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(LOG_COLUMNS)
            writer.writerow(row)
