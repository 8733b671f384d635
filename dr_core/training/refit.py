"""Fit everything beside the grade anew on the network of an earlier release, which stays as it is."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from dr_core.domain.errors import ConfigurationError
from dr_core.imaging.preprocess import InputSize
from dr_core.training.fit import Say
from dr_core.training.plan import Plan, Stage
from dr_core.training.release import TrainingJob, prepare_caches, release
from dr_core.training.weights import start_grader

__all__ = ["read_plan", "refit_heads"]


def refit_heads(job: TrainingJob, *, name: str, say: Say) -> Path:
    """Release the network of `job.start` once more, with new heads, calibration and thresholds.

    Args:
        job: its `start` is an earlier release; its plan counts for nothing, since that of `start` is recorded again.
        name: name and version of the new release.
        say: receives lines of progress.

    Returns:
        Path of the new model's JSON.

    Raises:
        ConfigurationError: the start is no release with its JSON beside it, or there is no usable manifest.
        ValueError: the job has no start.
    """
    start = job.start
    if start is None:
        raise ValueError("job must name its start. Received: None")
    plan = read_plan(start.with_suffix(".model.json"))
    size = InputSize(*keras.models.load_model(start, compile=False, safe_mode=True).input_shape[1:3])
    grader = start_grader(size, alpha=plan.alpha, start=start)
    # What only the grader's own training needs is left out.
    bare = replace(plan, stages=(Stage(size.width_px, 1),), outlined=0, companions=0, copies=0)
    caches = prepare_caches(job.data_dir, bare, job.run_dir, say)
    return release(grader, caches, replace(job, plan=plan, heads_of=start.stem), name=name, say=say)


def read_plan(path: Path) -> Plan:
    """Return the plan that a release's JSON records.

    Raises:
        ConfigurationError: there is no such file, or no plan in it.
    """
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["training"]["plan"]
        return Plan(**(raw | {"stages": tuple(Stage(**stage) for stage in raw["stages"])}))
    except (LookupError, OSError, RecursionError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{path.name} does not say how the release was trained: restore it beside the .keras file of --start."
        ) from error
