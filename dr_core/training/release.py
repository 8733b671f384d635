"""From labelled photographs to a released model: cache, train, choose the operating point, export."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dr_core.training.dataset import DiscCache, LabelledPhotograph, build_cache, read_manifest, select_graded
from dr_core.training.export import export_model
from dr_core.training.fit import fit_grader, predict_logits
from dr_core.training.operating_point import choose_operating_point
from dr_core.training.plan import Plan
from dr_core.training.run_folder import RunFolder


@dataclass(frozen=True)
class TrainingPaths:
    """Where a training run reads and writes.

    Attributes:
        data_dir: holds manifest.csv.
        weights: where MobileNetV2 starts.
        run_dir: cache and checkpoints; an interrupted run goes on from here.
        out_dir: where the release is written.
    """

    data_dir: Path
    weights: Path
    run_dir: Path
    out_dir: Path


def train_and_release(paths: TrainingPaths, *, name: str, say: Callable[[str], None]) -> Path:
    """Train on the manifest's ``train``, calibrate on its ``val``, and write the model.

    Args:
        paths: where to read and write.
        name: name and version of the model.
        say: receives lines of progress.

    Returns:
        Path of the model's JSON.

    Raises:
        ConfigurationError: there is no usable manifest.
    """
    plan = Plan()
    photographs = read_manifest(paths.data_dir)
    width_px = max(stage.width_px for stage in plan.stages)
    train = _cache(select_graded(photographs, "train"), width_px, paths.run_dir, say)
    val = _cache(select_graded(photographs, "val"), width_px, paths.run_dir, say)
    say(f"{len(train.photographs)} photographs to train on, {len(val.photographs)} to choose on")
    model = fit_grader(train, val, RunFolder(paths.run_dir, plan), backbone_weights=paths.weights, say=say)
    return release(model, val, paths.out_dir, name=name, plan=plan)


def release(model: Any, val: DiscCache, out_dir: Path, *, name: str, plan: Plan) -> Path:
    """Choose the operating point of a trained grader on `val` and export both; returns the JSON's path."""
    sources = np.array([photograph.source for photograph in val.photographs])
    point = choose_operating_point(predict_logits(model, val, plan.stages[-1].size), val.grades, sources)
    return export_model(model, out_dir, name, point, training={"plan": asdict(plan)})


def _cache(
    photographs: Sequence[LabelledPhotograph], width_px: int, run_dir: Path, say: Callable[[str], None]
) -> DiscCache:
    def report(done: int, count: int) -> None:
        if done % 500 == 0 or done == count:
            say(f"preparing photographs: {done} of {count}")

    return build_cache(photographs, width_px, run_dir / "cache", progress=report)
