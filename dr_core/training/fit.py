"""Train the grader: resumable after every epoch, seeded, with a CSV log and the time left."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dr_core.domain.photograph import Float32Array
from dr_core.imaging.preprocess import InputSize
from dr_core.model.architecture import build_grader
from dr_core.model.calibration import calibrate_logits
from dr_core.training.augment import cut_visible
from dr_core.training.batches import AugmentedBatches, Tasks, soften_grades
from dr_core.training.dataset import DiscCache
from dr_core.training.engine import Engine, make_engine
from dr_core.training.metrics import FloatArray, area_under_roc, quadratic_weighted_kappa
from dr_core.training.plan import Plan, schedule_rate
from dr_core.training.run_folder import Checkpoint, RunFolder
from dr_core.training.weights import MovingAverage, read_weights, start_grader, write_weights

PREDICTED_AT_ONCE = 32
STEPS_A_LINE = 20
REFERABLE = 2
Say = Callable[[str], None]
Predict = Callable[[Float32Array], NDArray[np.floating[Any]]]


@dataclass(frozen=True)
class ValFigures:
    """What a network says on the validation split, at the most probable grade.

    Attributes:
        loss: mean cross-entropy with the ordinal targets.
        kappa: quadratic-weighted.
        auc: of P(grade >= 2) for referable DR.
    """

    loss: float
    kappa: float
    auc: float


def predict_probabilities(predict: Predict, cache: DiscCache, size: InputSize) -> FloatArray:
    """Return the (N, 5) probabilities of the discs of `cache`, uncalibrated.

    Args:
        predict: (N, height_px, width_px, 3) float32 in [-1, 1] -> (N, 5) logits.
        cache: N discs.
        size: the network's input size.
    """
    parts = []
    for start in range(0, len(cache.photographs), PREDICTED_AT_ONCE):
        discs = cache.discs[start : start + PREDICTED_AT_ONCE]
        parts.append(predict(np.stack([cut_visible(disc, size) for disc in discs])))
    return calibrate_logits(np.concatenate(parts), temperature=1.0)


def measure_val(predict: Predict, val: DiscCache, size: InputSize) -> ValFigures:
    """Measure a network on `val`; the figures are reported, and nothing is chosen by them."""
    probabilities, grades = predict_probabilities(predict, val, size), val.grades
    return ValFigures(
        loss=-float(np.mean(np.sum(soften_grades(grades) * np.log(probabilities + 1e-7), axis=1))),
        kappa=quadratic_weighted_kappa(grades, probabilities.argmax(axis=1)),
        auc=float(area_under_roc(grades >= REFERABLE, probabilities[:, REFERABLE:].sum(axis=1))),
    )


def fit_grader(train: DiscCache, val: DiscCache, run: RunFolder, *, start: Path | None, say: Say = print) -> Any:
    """Train through every stage of the run's plan, from where its folder left off.

    Args:
        train: photographs to learn from.
        val: photographs to measure each epoch on; nothing is chosen by them here.
        run: plan and folder.
        start: where the weights come from, as `start_grader` reads them; once an epoch is done, of account only for the
            mean at the end.
        say: receives lines of progress.

    Returns:
        keras.Model of the last stage's size, with the weights' moving average and the start's share in it.

    Raises:
        ConfigurationError: the engine is not installed, the start is another network, `train` is too small, or the
            folder holds a run with another plan.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    plan, checkpoint = run.plan, run.resume()
    batches = AugmentedBatches(train, plan)
    if checkpoint is None or checkpoint.epochs_done < plan.epochs:
        progress = _begin(plan, checkpoint, start, batches.tasks)
        average = _fit_epochs(batches, val, run, progress, say)
    else:
        average = MovingAverage(checkpoint.average)
    grader = build_grader(plan.stages[-1].size, alpha=plan.alpha)
    write_weights(grader, average.weights)
    if plan.start_share:
        earlier = read_weights(start_grader(plan.stages[-1].size, alpha=plan.alpha, start=start))
        share = np.float32(plan.start_share)
        mean = {name: share * before + (1 - share) * average.weights[name] for name, before in earlier.items()}
        write_weights(grader, mean)
    found = measure_val(grader.predict_on_batch, val, plan.stages[-1].size)
    say(f"the run's average: val QWK {found.kappa:.3f}, AUC rDR {found.auc:.3f}")
    return grader


@dataclass(frozen=True, eq=False)
class _Progress:
    """A run that is going on."""

    engine: Engine
    average: MovingAverage
    epochs_done: int


def _begin(plan: Plan, checkpoint: Checkpoint | None, start: Path | None, tasks: Tasks) -> _Progress:
    """Return the run at its start, or where `checkpoint` left it."""
    keras.utils.set_random_seed(plan.seed)
    grader = start_grader(plan.stages[0].size, alpha=plan.alpha, start=None if checkpoint else start)
    engine = make_engine(plan, grader, tasks)
    if checkpoint is None:
        return _Progress(engine, MovingAverage.begin(engine.read_weights()), 0)
    engine.write_weights(checkpoint.weights)
    engine.write_moments(checkpoint.moments)
    average = MovingAverage.begin(engine.read_weights())
    for name, values in checkpoint.average.items():
        average.weights[name][...] = values
    return _Progress(engine, average, checkpoint.epochs_done)


def _fit_epochs(
    batches: AugmentedBatches, val: DiscCache, run: RunFolder, progress: _Progress, say: Say
) -> MovingAverage:
    """Train every epoch that is left, log each, and return the average at the end."""
    plan, engine, average = run.plan, progress.engine, progress.average
    clock = _Clock(plan, progress.epochs_done, say)
    for epoch in range(progress.epochs_done, plan.epochs):
        index, started = plan.find_stage(epoch), time.monotonic()
        stage = plan.stages[index]
        engine.begin_epoch(stage.size, plan.seed + epoch)
        losses, rate = [], 0.0
        for step, batch in enumerate(batches.draw_epoch(epoch)):
            done = epoch * len(batches) + step
            rate = schedule_rate(done, plan.epochs * len(batches), plan.peak_rate)
            losses.append(engine.train_step(batch, rate))
            average.move(engine.read_weights(), done)
            if step % STEPS_A_LINE == STEPS_A_LINE - 1:
                share = f"step {step + 1}/{len(batches)} loss {np.mean(losses[-STEPS_A_LINE:]):.4f}"
                clock.say(f"  {share}", epoch, (step + 1) / len(batches))
        found = measure_val(engine.predict, val, stage.size)
        seconds = time.monotonic() - started
        measured = (round(float(np.mean(losses)), 5), round(found.loss, 5), round(found.kappa, 4), round(found.auc, 4))
        row = (epoch + 1, index + 1, stage.width_px, *measured, f"{rate:.3g}", round(seconds, 1))
        arrays = (engine.read_weights(), average.weights, engine.read_moments())
        run.finish_epoch(row, Checkpoint(epoch + 1, *arrays))
        figures = f"{stage.width_px} px, val QWK {found.kappa:.3f}, AUC rDR {found.auc:.3f}, {seconds / 60:.1f} min"
        clock.say(f"epoch {epoch + 1}: {figures}", epoch, 1.0)
    return average


class _Clock:
    """Tells how long the rest of the run takes, as much a pixel as what was done since this process began."""

    def __init__(self, plan: Plan, epochs_done: int, say: Say) -> None:
        self._plan, self._say = plan, say
        self._began_at, self._started = plan.find_work_share(epochs_done, 0.0), time.monotonic()

    def say(self, text: str, epoch: int, part: float) -> None:
        share = self._plan.find_work_share(epoch, part)
        left = (time.monotonic() - self._started) / (share - self._began_at) * (1 - share)
        self._say(f"{text}; {left / 60:.0f} min left of the run")
