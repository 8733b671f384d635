"""From labelled photographs to a released model: cache, train, choose the operating point, export."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dr_core.training.dataset import DiscCache, LabelledPhotograph, build_cache, read_manifest, select_graded
from dr_core.training.export import export_model
from dr_core.training.fit import Plan, fit_grader, predict_logits
from dr_core.training.operating_point import choose_operating_point


def train_and_release(
    data_dir: Path, run_dir: Path, out_dir: Path, *, name: str, weights: Path, say: Callable[[str], None]
) -> Path:
    """Train on the manifest's ``train``, calibrate on its ``val``, and write the model.

    Args:
        data_dir: holds manifest.csv.
        run_dir: cache and checkpoints; an interrupted run goes on from here.
        out_dir: where the release is written.
        name: name and version of the model.
        weights: where MobileNetV2 starts.
        say: receives lines of progress.

    Returns:
        Path of the model's JSON.

    Raises:
        ConfigurationError: there is no usable manifest.
    """
    plan = Plan()
    photographs = read_manifest(data_dir)
    width_px = max(stage.width_px for stage in plan.stages)
    train = _cache(select_graded(photographs, "train"), width_px, run_dir, say)
    val = _cache(select_graded(photographs, "val"), width_px, run_dir, say)
    say(f"{len(train.photographs)} photographs to train on, {len(val.photographs)} to choose on")
    model = fit_grader(train, val, plan, run_dir, backbone_weights=weights, say=say)
    return release(model, val, out_dir, name=name, plan=plan)


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
