"""Train the grader: resumable after every epoch, seeded, with a CSV log and the time left."""

import csv
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dr_core.domain.grades import GRADE_COUNT
from dr_core.domain.photograph import Float32Array
from dr_core.imaging.preprocess import VISIBLE_SHARE, InputSize
from dr_core.model.architecture import build_grader, freeze_until
from dr_core.model.calibration import calibrate_logits
from dr_core.training.augment import augment_disc, cut_visible
from dr_core.training.dataset import DiscCache
from dr_core.training.metrics import area_under_roc, quadratic_weighted_kappa

ORDINAL_SHARPNESS = 2.0
CLASS_WEIGHT_POWER = -0.4
SOURCE_WEIGHT_POWER = -0.25
WEIGHT_DECAY = 1e-4
WARMUP_SHARE = 0.06
# Up to here the network sees edges and colours that ImageNet taught it well; two thirds of the time would go there.
FROZEN_AT_FIRST = "block_3_expand_relu"
FROZEN_LATER = "block_6_expand_relu"
LOG_COLUMNS = ("epoch", "stage", "size", "loss", "val_loss", "val_qwk", "val_auc_rdr", "learning_rate", "seconds")


@dataclass(frozen=True)
class Stage:
    """Some epochs at one input size.

    Attributes:
        width_px: input width; the height is `VISIBLE_SHARE` of it.
        epochs: how many.
        learning_rate: peak, after a short warm-up and before a cosine down to zero.
        frozen_until: last layer that is not trained; empty trains all.
        batch_size: photographs a step.
    """

    width_px: int
    epochs: int
    learning_rate: float
    frozen_until: str = FROZEN_AT_FIRST
    batch_size: int = 32

    @property
    def size(self) -> InputSize:
        """The input size."""
        return InputSize(round(self.width_px * VISIBLE_SHARE), self.width_px)


@dataclass(frozen=True)
class Plan:
    """A whole training run.

    Attributes:
        stages: run one after the other, each from the last one's weights.
        seed: of the weights, the order and the augmentation.
    """

    stages: tuple[Stage, ...] = (Stage(256, 5, 1e-3), Stage(320, 3, 4e-4, FROZEN_LATER))
    seed: int = 20261123


def soften_grades(grades: NDArray[np.int64]) -> Float32Array:
    """Turn (N,) grades into (N, 5) ordinal targets, softmax(-2 |grade - k|) (Diaz and Marathe, 2019)."""
    distance = np.abs(grades[:, None] - np.arange(GRADE_COUNT)[None, :])
    raised = np.exp(-ORDINAL_SHARPNESS * distance)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float32)


def weigh_photographs(cache: DiscCache) -> Float32Array:
    """Return (N,) loss weights, mean 1: rare grades and small sources count more, by a mild power of their size."""
    grades = cache.grades
    sources = np.array([photograph.source for photograph in cache.photographs])
    weights = np.bincount(grades, minlength=GRADE_COUNT)[grades].astype(np.float64) ** CLASS_WEIGHT_POWER
    for source in np.unique(sources):
        of_source = sources == source
        weights[of_source] *= of_source.sum() ** SOURCE_WEIGHT_POWER
    return np.asarray(weights / weights.mean(), dtype=np.float32)


class _AugmentedBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Shuffled, augmented batches; the order depends on the seed and the epoch alone, so a resumed run sees the same."""

    def __init__(self, cache: DiscCache, stage: Stage, seed: int, first_epoch: int) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=8)
        self._cache, self._stage, self._seed, self._epoch = cache, stage, seed, first_epoch
        self._targets, self._weights = soften_grades(cache.grades), weigh_photographs(cache)
        self._order = self._shuffle()

    def _shuffle(self) -> NDArray[np.int64]:
        return np.random.default_rng([self._seed, self._epoch]).permutation(len(self._targets))

    def __len__(self) -> int:
        return len(self._targets) // self._stage.batch_size

    def on_epoch_end(self) -> None:
        self._epoch += 1
        self._order = self._shuffle()

    def __getitem__(self, step: int) -> tuple[Float32Array, Float32Array, Float32Array]:
        size = self._stage.batch_size
        chosen = self._order[step * size : (step + 1) * size]
        random = np.random.default_rng([self._seed, self._epoch, step])
        tensors = [augment_disc(self._cache.discs[index], self._stage.size, random) for index in chosen]
        return np.stack(tensors), self._targets[chosen], self._weights[chosen]


class _EpochLog(keras.callbacks.Callback):  # type: ignore[misc]
    """Measure val, append a row to the log, save the weights and say how long the rest takes."""

    def __init__(self, run: "_Run", stage_index: int, say: Callable[[str], None]) -> None:
        super().__init__()
        self._run, self._stage_index, self._say = run, stage_index, say
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._started = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch % 20 == 19:
            elapsed = time.monotonic() - self._started
            rest = elapsed / (batch + 1) * (self.params["steps"] - batch - 1)
            loss = (logs or {}).get("loss", math.nan)
            self._say(
                f"  step {batch + 1}/{self.params['steps']} loss {loss:.4f}, {rest / 60:.1f} min left of the epoch"
            )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        stage = self._run.plan.stages[self._stage_index]
        probabilities = calibrate_logits(predict_logits(self.model, self._run.val, stage.size), temperature=1.0)
        grades = self._run.val.grades
        val_loss = -float(np.mean(np.sum(soften_grades(grades) * np.log(probabilities + 1e-7), axis=1)))
        qwk = quadratic_weighted_kappa(grades, probabilities.argmax(axis=1))
        auc = float(area_under_roc(grades >= 2, probabilities[:, 2:].sum(axis=1)))
        seconds = time.monotonic() - self._started
        before = sum(earlier.epochs for earlier in self._run.plan.stages[: self._stage_index])
        row = (before + epoch + 1, self._stage_index + 1, stage.width_px, round((logs or {}).get("loss", math.nan), 5))
        row += (round(val_loss, 5), round(qwk, 4), round(auc, 4))
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self._run.append_log((*row, f"{rate:.3g}", round(seconds, 1)))
        self._run.finish_epoch(self.model, self._stage_index, epoch + 1)
        left = seconds * (stage.epochs - epoch - 1)
        self._say(
            f"epoch {before + epoch + 1}: val QWK {qwk:.3f}, AUC rDR {auc:.3f}, {seconds / 60:.1f} min; "
            f"{left / 60:.0f} min left at {stage.width_px} px"
        )


@dataclass(frozen=True, eq=False)
class _Run:
    """The folder of one run: weights and optimiser after each epoch, state and log."""

    folder: Path
    plan: Plan
    val: DiscCache

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.keras"

    def read_state(self) -> tuple[int, int]:
        """Return (stage, epochs done in it); (0, 0) for a new run."""
        path = self.folder / "state.json"
        if not path.is_file():
            return 0, 0
        state = json.loads(path.read_text())
        if state["plan"] != json.loads(json.dumps(asdict(self.plan))):
            raise ValueError(f"plan must be the one the run began with. Received: {self.plan}")
        return state["stage"], state["epoch"]

    def finish_epoch(self, model: Any, stage: int, epoch: int) -> None:
        """Save model and optimiser first and the state after it, so that a kill between them repeats one epoch."""
        fresh = self.folder / "fresh.keras"
        model.save(fresh)
        fresh.replace(self.checkpoint)
        state = {"stage": stage, "epoch": epoch, "plan": asdict(self.plan)}
        (self.folder / "state.tmp").write_text(json.dumps(state))
        (self.folder / "state.tmp").replace(self.folder / "state.json")

    def append_log(self, row: tuple[object, ...]) -> None:
        path = self.folder / "training_log.csv"
        new = not path.is_file()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(LOG_COLUMNS)
            writer.writerow(row)


def predict_logits(model: Any, cache: DiscCache, size: InputSize) -> NDArray[np.float64]:
    """Return (N, 5) logits of a Keras grader for every disc of `cache`."""
    parts = []
    for start in range(0, len(cache.photographs), 32):
        batch = np.stack([cut_visible(disc, size) for disc in cache.discs[start : start + 32]])
        parts.append(keras.ops.convert_to_numpy(model.predict_on_batch(batch)).astype(np.float64))
    return np.concatenate(parts)


def fit_grader(
    train: DiscCache,
    val: DiscCache,
    plan: Plan,
    folder: Path,
    *,
    backbone_weights: Path | None,
    say: Callable[[str], None] = print,
) -> Any:
    """Train through every stage of `plan`, from where `folder` left off.

    Args:
        train: photographs to learn from.
        val: photographs to measure each epoch on; nothing is chosen by them here.
        plan: stages and seed.
        folder: the run's own, outside the repository.
        backbone_weights: where MobileNetV2 starts.
        say: receives lines of progress.

    Returns:
        keras.Model of the last stage.

    Raises:
        ValueError: `folder` holds a run with another plan.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(folder, plan, val)
    first_stage, epochs_done = run.read_state()
    model: Any = None
    for index in range(first_stage, len(plan.stages)):
        stage = plan.stages[index]
        done = epochs_done if index == first_stage else 0
        keras.utils.set_random_seed(plan.seed + index)
        if done:
            model = keras.models.load_model(run.checkpoint, safe_mode=True)
        else:
            fresh = build_grader(stage.size, backbone_weights=backbone_weights if index == 0 else None)
            if index > 0:
                earlier = model if model is not None else keras.models.load_model(run.checkpoint, safe_mode=True)
                fresh.set_weights(earlier.get_weights())
            model = fresh
            if stage.frozen_until:
                freeze_until(model, stage.frozen_until)
            _compile(model, stage, len(train.photographs) // stage.batch_size)
        say(
            f"stage {index + 1}/{len(plan.stages)}: {stage.size.width_px} x {stage.size.height_px} px, "
            f"{stage.epochs - done} of {stage.epochs} epochs to go"
        )
        batches = _AugmentedBatches(train, stage, plan.seed + index, done)
        model.fit(
            batches,
            initial_epoch=done,
            epochs=stage.epochs,
            verbose=0,
            callbacks=[_EpochLog(run, index, say)],
        )
    return model


def _compile(model: Any, stage: Stage, steps: int) -> None:
    total = steps * stage.epochs
    warmup = int(total * WARMUP_SHARE)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=stage.learning_rate / 20,
        decay_steps=max(1, total - warmup),
        warmup_target=stage.learning_rate,
        warmup_steps=warmup,
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
    )
