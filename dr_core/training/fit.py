"""Train the grader: resumable after every epoch, seeded, with a CSV log and the time left."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dr_core.imaging.preprocess import InputSize
from dr_core.model.architecture import build_grader, freeze_statistics, freeze_until
from dr_core.model.calibration import calibrate_logits
from dr_core.training.augment import cut_visible
from dr_core.training.batches import AugmentedBatches, soften_grades
from dr_core.training.dataset import DiscCache
from dr_core.training.metrics import area_under_roc, quadratic_weighted_kappa
from dr_core.training.plan import Stage
from dr_core.training.run_folder import RunFolder

WEIGHT_DECAY = 1e-4
WARMUP_SHARE = 0.06
Say = Callable[[str], None]


def predict_logits(model: Any, cache: DiscCache, size: InputSize) -> NDArray[np.float64]:
    """Return (N, 5) logits of a Keras grader for every disc of `cache`."""
    parts = []
    for start in range(0, len(cache.photographs), 32):
        batch = np.stack([cut_visible(disc, size) for disc in cache.discs[start : start + 32]])
        parts.append(keras.ops.convert_to_numpy(model.predict_on_batch(batch)).astype(np.float64))
    return np.concatenate(parts)


class _EpochLog(keras.callbacks.Callback):  # type: ignore[misc]
    """Measure val, append a row to the log, save the weights and say how long the rest takes."""

    def __init__(self, run: RunFolder, stage_index: int, val: DiscCache, say: Say) -> None:
        super().__init__()
        self._run, self._stage_index, self._val, self._say = run, stage_index, val, say
        self._started = 0.0

    def on_epoch_begin(self, _epoch: int, _logs: Any = None) -> None:
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
        probabilities = calibrate_logits(predict_logits(self.model, self._val, stage.size), temperature=1.0)
        grades = self._val.grades
        val_loss = -float(np.mean(np.sum(soften_grades(grades) * np.log(probabilities + 1e-7), axis=1)))
        qwk = quadratic_weighted_kappa(grades, probabilities.argmax(axis=1))
        auc = float(area_under_roc(grades >= 2, probabilities[:, 2:].sum(axis=1)))
        seconds = time.monotonic() - self._started
        before = sum(earlier.epochs for earlier in self._run.plan.stages[: self._stage_index])
        loss = round((logs or {}).get("loss", math.nan), 5)
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        where = (before + epoch + 1, self._stage_index + 1, stage.width_px)
        measured = (loss, round(val_loss, 5), round(qwk, 4), round(auc, 4))
        self._run.append_log((*where, *measured, f"{rate:.3g}", round(seconds, 1)))
        self._run.finish_epoch(self.model, self._stage_index, epoch + 1)
        left = seconds * (stage.epochs - epoch - 1)
        self._say(
            f"epoch {before + epoch + 1}: val QWK {qwk:.3f}, AUC rDR {auc:.3f}, {seconds / 60:.1f} min; "
            f"{left / 60:.0f} min left at {stage.width_px} px"
        )


class _LearningRate(keras.callbacks.Callback):  # type: ignore[misc]
    """Warm up, then fall to zero along a cosine; a schedule inside the optimiser is traced for every variable."""

    def __init__(self, stage: Stage, steps: int, epochs_done: int) -> None:
        super().__init__()
        self._peak, self._steps = stage.learning_rate, max(1, steps * stage.epochs)
        self._done = steps * epochs_done

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate.assign(schedule_rate(self._done, self._steps, self._peak))
        self._done += 1


def schedule_rate(step: int, steps: int, peak: float) -> float:
    """Return the learning rate of `step` out of `steps`: a linear warm-up to `peak`, then half a cosine."""
    warmup = int(steps * WARMUP_SHARE)
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    return peak * 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def fit_grader(
    train: DiscCache, val: DiscCache, run: RunFolder, *, backbone_weights: Path | None, say: Say = print
) -> Any:
    """Train through every stage of the run's plan, from where its folder left off.

    Args:
        train: photographs to learn from.
        val: photographs to measure each epoch on; nothing is chosen by them here.
        run: plan and folder.
        backbone_weights: where MobileNetV2 starts.
        say: receives lines of progress.

    Returns:
        keras.Model of the last stage's size, averaged as the plan says.

    Raises:
        ValueError: the folder holds a run with another plan.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    plan = run.plan
    first_stage, epochs_done = run.read_state()
    model: Any = None
    if epochs_done:
        model = keras.models.load_model(run.checkpoint, safe_mode=True)
    for index in range(first_stage, len(plan.stages)):
        stage = plan.stages[index]
        done = epochs_done if index == first_stage else 0
        if done == stage.epochs and run.stage_end(index).is_file():
            model = finish_stage(run, index)
            continue
        keras.utils.set_random_seed(plan.seed + index)
        if not done:
            model = _start_stage(stage, model, backbone_weights)
            _compile(model, stage)
        say(
            f"stage {index + 1}/{len(plan.stages)}: {stage.size.width_px} x {stage.size.height_px} px, "
            f"{stage.epochs - done} of {stage.epochs} epochs to go"
        )
        batches = AugmentedBatches(train, stage, plan.seed + index, done)
        log = _EpochLog(run, index, val, say)
        rate = _LearningRate(stage, len(batches), done)
        model.fit(batches, initial_epoch=done, epochs=stage.epochs, verbose=0, callbacks=[rate, log])
        model.save(run.stage_end(index))
        model = finish_stage(run, index)
    return finish_stage(run, len(plan.stages) - 1)


def finish_stage(run: RunFolder, index: int) -> Any:
    """Return what stage `index` hands on: its weights, averaged with those it began with as the plan says.

    Args:
        run: a folder in which that stage has ended.
        index: of the stage, from 0.

    Returns:
        keras.Model of the stage's size.
    """
    model = keras.models.load_model(run.stage_end(index), safe_mode=True)
    share = run.plan.stages[index].share
    if share < 1.0 and index > 0:
        began_with = finish_stage(run, index - 1).get_weights()
        pairs = zip(began_with, model.get_weights(), strict=True)
        model.set_weights([(1 - share) * before + share * after for before, after in pairs])
    return model


def _start_stage(stage: Stage, earlier: Any, backbone_weights: Path | None) -> Any:
    """Return a grader of the stage's size with the weights of the stage before it."""
    fresh = build_grader(stage.size, backbone_weights=backbone_weights if earlier is None else None)
    if earlier is not None:
        fresh.set_weights(earlier.get_weights())
    if stage.frozen_until:
        freeze_until(fresh, stage.frozen_until)
    if stage.frozen_statistics:
        freeze_statistics(fresh)
    return fresh


def _compile(model: Any, stage: Stage) -> None:
    model.compile(
        optimizer=keras.optimizers.AdamW(stage.learning_rate, weight_decay=WEIGHT_DECAY),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
    )
