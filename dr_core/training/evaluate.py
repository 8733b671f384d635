"""Measure the released model on a split, through the pipeline that a clinic's photographs take.

The command line hands the pipeline in, since this room stands beside it. Nothing is chosen here: thresholds and
temperature come frozen with the model. Every labelled photograph of the split is counted exactly once as gradable,
ungradable or failed. Ungradable ones are graded all the same for the figures over everything, and left out of the
figures over gradable ones; failed ones have no prediction, enter no figure but the accuracy that counts them as errors,
and are reported by number.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

import dr_core
from dr_core.domain.errors import ConfigurationError
from dr_core.domain.evaluation import POOLED, EvaluationRecord, SourceEvaluation
from dr_core.domain.results import ScreeningResult, Status
from dr_core.imaging.preprocess import PREPROCESSING_VERSION
from dr_core.model.calibration import decide
from dr_core.model.spec import ModelSpec
from dr_core.training.bootstrap import BOUNDARIES, RESAMPLES, SEED, GradedSet, measure_slice
from dr_core.training.manifest import is_there
from dr_core.training.metrics import FlagArray
from dr_core.training.statistics import name_groups, read_manifest_table

EVALUATED_SPLITS = ("val", "test")
REFERABLE, VISION_THREATENING = 2, 3

# The pipeline: a file's bytes and name to its result, with a prediction for ungradable photographs too.
Screen = Callable[[bytes, str], ScreeningResult]


@dataclass(frozen=True, eq=False)
class ScreenedSplit:
    """A split's labelled photographs and what the pipeline made of them.

    Attributes:
        rows: of the manifest, one a photograph.
        results: in the same order.
        elapsed_s: wall-clock time for all of them.
    """

    rows: pd.DataFrame
    results: tuple[ScreeningResult, ...]
    elapsed_s: float


def evaluate_model(
    data_dir: Path,
    spec: ModelSpec,
    *,
    screen: Screen,
    split: str,
    progress: Callable[[int, int], None] | None = None,
) -> EvaluationRecord:
    """Screen every labelled photograph of a split and measure the model on it.

    Args:
        data_dir: folder of `manifest.csv`.
        spec: of the released model.
        screen: the pipeline, told to predict ungradable photographs too.
        split: val or test.
        progress: called with photographs done and photographs in all.

    Raises:
        ConfigurationError: no manifest, no labelled photograph in this split, or a file of it is missing.
        ValueError: `split` is neither val nor test.
    """
    if split not in EVALUATED_SPLITS:
        raise ValueError(f"A model is evaluated on val or test. Received: {split}")
    screened = screen_split(data_dir, screen, split=split, progress=progress)
    return EvaluationRecord(
        split=split,
        model_name=spec.name,
        model_sha256=spec.sha256,
        preprocessing_version=PREPROCESSING_VERSION,
        package_version=dr_core.__version__,
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        bootstrap_resamples=RESAMPLES,
        bootstrap_seed=SEED,
        seconds_per_photograph=round(screened.elapsed_s / len(screened.results), 4),
        sources=measure_sources(screened, spec),
    )


def count_labelled(data_dir: Path, split: str) -> dict[str, int]:
    """Count the labelled photographs of a split by source, without a look at them.

    Raises:
        ConfigurationError: no manifest, or no labelled photograph in this split.
    """
    return {str(name): int(count) for name, count in _read_labelled(data_dir, split)["source"].value_counts().items()}


def screen_split(
    data_dir: Path, screen: Screen, *, split: str, progress: Callable[[int, int], None] | None = None
) -> ScreenedSplit:
    """Send every labelled photograph of a split through the pipeline.

    Raises:
        ConfigurationError: no manifest, no labelled photograph in this split, or a file of it is missing.
    """
    rows = _read_labelled(data_dir, split)
    missing = [path for path in rows["path"] if not is_there(data_dir / path)]
    if missing:
        raise ConfigurationError(f"{len(missing)} photographs of the manifest are missing. Complete the data folder.")
    started = perf_counter()
    results = []
    for index, path in enumerate(rows["path"]):
        results.append(screen((data_dir / path).read_bytes(), Path(path).name))
        if progress is not None:
            progress(index + 1, len(rows))
    return ScreenedSplit(rows, tuple(results), perf_counter() - started)


def _read_labelled(data_dir: Path, split: str) -> pd.DataFrame:
    table = read_manifest_table(data_dir)
    rows = table[(table["split"] == split) & table["grade"].notna()].reset_index(drop=True)
    if rows.empty:
        raise ConfigurationError(f"The manifest has no graded photograph in the split {split}. Check the data folder.")
    return rows


def measure_sources(screened: ScreenedSplit, spec: ModelSpec) -> tuple[SourceEvaluation, ...]:
    """Measure each source, in the order of the manifest, then all of them together, at the thresholds of `spec`."""
    sources = screened.rows["source"].astype(str)
    measured = [_measure_source(screened, name, sources.eq(name).to_numpy(), spec) for name in sources.unique()]
    everything = np.ones(len(sources), dtype=np.bool_)
    return (*measured, _measure_source(screened, POOLED, everything, spec))


def _measure_source(screened: ScreenedSplit, name: str, inside: FlagArray, spec: ModelSpec) -> SourceEvaluation:
    thresholds = {REFERABLE: spec.referable_threshold, VISION_THREATENING: spec.vision_threatening_threshold}
    statuses = np.array([result.status.value for result in screened.results])
    predicted = np.array([result.prediction is not None for result in screened.results])
    gradable = statuses == Status.GRADED.value
    graded_set = _collect_predictions(screened, inside & predicted, spec)
    passed = graded_set.select(gradable[inside & predicted])
    right = int((graded_set.truth == graded_set.grades).sum())
    return SourceEvaluation(
        source=name,
        n_labelled=int(inside.sum()),
        n_gradable=int((inside & gradable).sum()),
        n_ungradable=int((inside & predicted & ~gradable).sum()),
        n_failed=int((inside & ~predicted).sum()),
        accuracy_failed_as_wrong=round(right / int(inside.sum()), 4),
        everything=measure_slice(graded_set, thresholds=thresholds) if graded_set.truth.size else None,
        gradable=measure_slice(passed, thresholds=thresholds) if passed.truth.size else None,
    )


def _collect_predictions(screened: ScreenedSplit, chosen: FlagArray, spec: ModelSpec) -> GradedSet:
    """Collect the predictions of the `chosen` photographs; eyes of a patient and copies share a cluster."""
    rows = screened.rows[chosen]
    kept = [result.prediction for result, keep in zip(screened.results, chosen, strict=True) if keep]
    predictions = [prediction for prediction in kept if prediction is not None]
    exceedance = [
        [1.0 - found.probabilities[0], found.p_referable, sum(found.probabilities[VISION_THREATENING:])]
        for found in predictions
    ]
    clusters = rows["patient_id"].fillna(name_groups(rows))
    return GradedSet(
        truth=rows["grade"].to_numpy(dtype=np.int64),
        grades=np.array([decide(found, spec).grade for found in predictions], dtype=np.int64),
        exceedance=np.clip(np.array(exceedance, dtype=np.float64).reshape(-1, len(BOUNDARIES)), 0.0, 1.0),
        clusters=clusters.to_numpy(dtype=np.str_),
        sources=rows["source"].to_numpy(dtype=np.str_),
    )
