"""From labelled photographs to a released model: cache, train, fit the heads, choose the operating point, export."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dr_core.domain.photograph import FieldOfView, Float32Array, FundusPhotograph, UInt8Array
from dr_core.imaging.decode import ANALYSIS_SIDE_PX, decode_photograph
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import InputSize, normalise_field
from dr_core.imaging.quality import measure_quality, score_quality
from dr_core.model.architecture import LinearHead, attach_side_heads
from dr_core.training.augment import cut_visible
from dr_core.training.batches import Tasks
from dr_core.training.companion_pictures import build_companions
from dr_core.training.dataset import DiscCache, LabelledPhotograph, build_cache, read_manifest, select_graded
from dr_core.training.engine import check_engine, make_engine
from dr_core.training.export import export_model
from dr_core.training.fit import Say, fit_grader, predict_probabilities
from dr_core.training.lesions import fit_lesion_head, read_lesion_photographs
from dr_core.training.operating_point import choose_operating_point
from dr_core.training.plan import Plan
from dr_core.training.retina_examples import prepare_drawn_retinas, prepare_non_retinas, prepare_retinas
from dr_core.training.run_folder import RunFolder
from dr_core.training.side_heads import PooledFeatures, RetinaSamples, fit_side_heads, read_features
from dr_core.training.side_thresholds import GateSamples, choose_side
from dr_core.training.spoil import spoil_photographs
from dr_core.training.transplant import Transplants
from dr_core.training.visibility import choose_examples, fit_hidden_head
from dr_core.training.weights import start_grader

SPOILT_PHOTOGRAPHS, SPOILT_ON_VAL = 300, 60
VARIANTS, VARIANTS_ON_VAL, DRAWN_RETINAS, NON_RETINAS_PER_KIND = 800, 400, 48, 60
COVERED_PHOTOGRAPHS = 700
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class TrainingJob:
    """What a training run does, and where it reads and writes.

    Attributes:
        data_dir: holds manifest.csv.
        start: where the weights come from: an earlier release's ``.keras`` file, or MobileNetV2's without its top;
            random when None.
        run_dir: cache and checkpoint; an interrupted run goes on from here.
        out_dir: where the release is written.
        plan: of the run.
        teacher: an earlier release's ``.keras`` file, whose answers on train are learned beside the readers' grades.
        heads_of: the earlier release whose network stays as it is, while all beside it is fitted anew; empty for none.
    """

    data_dir: Path
    start: Path | None
    run_dir: Path
    out_dir: Path
    plan: Plan = field(default_factory=Plan)
    teacher: Path | None = None
    heads_of: str = ""


def train_and_release(job: TrainingJob, *, name: str, say: Say) -> Path:
    """Train on the manifest's ``train``, calibrate on its ``val``, and write the model.

    Args:
        job: what to do, and where to read and write.
        name: name and version of the model.
        say: receives lines of progress.

    Returns:
        Path of the model's JSON.

    Raises:
        ConfigurationError: there is no usable manifest or start, or the engine is not installed.
    """
    check_engine(job.plan.engine)
    train, val = prepare_caches(job.data_dir, job.plan, job.run_dir, say)
    run = RunFolder(job.run_dir, job.plan)
    if job.teacher is not None and not run.finished:
        say("asking the teacher")
        train = replace(train, taught=_recall_answers(job.teacher, train, job))
    grader = fit_grader(train, val, run, start=job.start, say=say)
    return release(grader, (train, val), job, name=name, say=say)


def _recall_answers(path: Path, cache: DiscCache, job: TrainingJob) -> Float32Array:
    """Return what the teacher says of the photographs; it takes minutes, so a run asks once, however often resumed."""
    asked = [hashlib.sha256(path.read_bytes()).hexdigest(), *(photograph.image_id for photograph in cache.photographs)]
    key = hashlib.sha256("\n".join(asked).encode()).hexdigest()[:16]
    kept = job.run_dir / "cache" / f"taught_{key}.npy"
    if not kept.is_file():
        answers = _ask_teacher(path, cache, job.plan)
        part = kept.with_suffix(".part.npy")
        np.save(part, answers)
        part.replace(kept)
    return np.asarray(np.load(kept), dtype=np.float32)


def _ask_teacher(path: Path, cache: DiscCache, plan: Plan) -> Float32Array:
    """Return an earlier release's (N, 5) probabilities at its own size, from the mean logits of both mirror images."""
    size = InputSize(*keras.models.load_model(path, compile=False, safe_mode=True).input_shape[1:3])
    teacher = make_engine(plan, start_grader(size, alpha=plan.alpha, start=path), Tasks())

    def predict(tensors: Float32Array) -> Any:
        return (teacher.predict(tensors) + teacher.predict(np.ascontiguousarray(tensors[:, :, ::-1]))) / 2

    return predict_probabilities(predict, cache, size).astype(np.float32)


def prepare_caches(data_dir: Path, plan: Plan, run_dir: Path, say: Say) -> tuple[DiscCache, DiscCache]:
    """Return the discs of train, with the plan's copies, and of val; both are kept in `run_dir`.

    Raises:
        ConfigurationError: there is no usable manifest.
    """
    photographs = read_manifest(data_dir)
    train_rows = select_graded(photographs, "train")
    train, *copies = (
        _cache(train_rows, plan.widest_px, run_dir, say, copy=number) for number in range(plan.copies + 1)
    )
    val = _cache(select_graded(photographs, "val"), plan.widest_px, run_dir, say)
    say(f"{len(train.photographs)} photographs to train on, {len(val.photographs)} to choose on")
    outlined = read_lesion_photographs(data_dir, plan.widest_px) if plan.outlined else []
    companions = None
    if plan.companions:
        rows = [row for row in photographs if row.split == "train"]
        # Another seed than the heads', so that those are fitted on pictures that the network has not seen.
        companions = build_companions(rows, plan.widest_px, run_dir / "cache", seed=plan.seed + 2, say=say)
    return replace(train, copies=tuple(copies), outlined=tuple(outlined), companions=companions), val


def release(grader: Any, caches: tuple[DiscCache, DiscCache], job: TrainingJob, *, name: str, say: Say) -> Path:
    """Fit what stands beside a trained grader, choose every threshold on val, and export; returns the JSON's path.

    Args:
        grader: trained, of the last stage's size.
        caches: discs of train and of val.
        job: what was done, and where to read and write.
        name: name and version of the model.
        say: receives lines of progress.
    """
    plan, (train, val) = job.plan, caches
    size = plan.stages[-1].size
    say("fitting the heads beside the grade")
    chance = np.random.default_rng(plan.seed)
    spoilt, _ = _read_spoilt(grader, train.photographs, SPOILT_PHOTOGRAPHS, chance)
    features = read_features(grader, _cut(train.discs, size))
    photographs = read_manifest(job.data_dir)
    samples = _read_retina_samples(grader, [row for row in photographs if row.split == "train"], plan.seed)
    sided = train.select(lambda photograph: photograph.laterality is not None)
    mirrored = read_features(grader, (tensor[:, ::-1] for tensor in _cut(sided.discs, size)))
    covered = choose_examples(train.photographs, COVERED_PHOTOGRAPHS, plan.seed)
    hidden = fit_hidden_head(grader, covered, seed=plan.seed)
    heads = fit_side_heads(features, train.photographs, mirrored=mirrored, spoilt=spoilt, samples=samples)
    lesions = read_lesion_photographs(job.data_dir, size.width_px)
    healthy = train.select(lambda photograph: photograph.grade == 0)
    transplants = Transplants(lesions, list(healthy.discs)) if healthy.photographs else None
    lesion_maps = fit_lesion_head(grader, lesions, seed=plan.seed, transplants=transplants, say=say)
    network = attach_side_heads(grader, heads, lesion_maps.output, hidden.output)
    say("choosing the operating point on val")
    logits, scores = _read_outputs(network, _cut(val.discs, size))
    sources = np.array([photograph.source for photograph in val.photographs])
    spoilt_val, measured_spoilt = _read_spoilt(grader, val.photographs, SPOILT_ON_VAL, chance)
    val_rows = [row for row in photographs if row.split == "val"]
    poor = prepare_retinas(val_rows, size.width_px, variants=VARIANTS_ON_VAL, seed=plan.seed + 1)
    drawn = prepare_drawn_retinas(size.width_px, count=DRAWN_RETINAS, seed=plan.seed + 1)
    poor_val, drawn_val = (read_features(grader, _cut(discs, size)) for discs in (poor, drawn))
    measured = [_measure(*_open(photograph)) for photograph in val.photographs]
    gate = GateSamples(
        np.append(scores[:, 0], _apply(heads.gradable, spoilt_val.layers)),
        np.array(measured + measured_spoilt),
        tuple(_apply(heads.retina, part.extremes) for part in (poor_val, drawn_val)),
    )
    point = choose_operating_point(logits, val.grades, sources)
    point = replace(point, side=choose_side(scores, val.photographs, gate))
    return export_model(network, job.out_dir, name, point, training={"plan": asdict(plan), "heads_of": job.heads_of})


def _cut(discs: Iterable[UInt8Array], size: InputSize) -> Iterator[Float32Array]:
    return (cut_visible(disc, size) for disc in discs)


def _read_outputs(network: Any, tensors: Iterator[Float32Array]) -> tuple[FloatArray, FloatArray]:
    """Return (N, 5) logits and (N, 4 + E) side scores."""
    reader = keras.Model(network.input, network.outputs[:2])
    parts = [reader.predict_on_batch(np.stack(batch)) for batch in _batch(tensors, 16)]
    logits, scores = ([np.asarray(part[place], dtype=np.float64) for part in parts] for place in (0, 1))
    return np.concatenate(logits), np.concatenate(scores)


def _apply(head: LinearHead, features: Float32Array) -> FloatArray:
    return np.asarray(features @ head.kernel[:, 0] + head.bias[0], dtype=np.float64)


def _read_retina_samples(grader: Any, photographs: Sequence[LabelledPhotograph], seed: int) -> RetinaSamples:
    """Return what the head reads of more retinas, and of pictures that show none, from rows of the train split."""
    size = InputSize(*grader.input_shape[1:3])
    retinas = chain(
        prepare_retinas(photographs, size.width_px, variants=VARIANTS, seed=seed),
        prepare_drawn_retinas(size.width_px, count=DRAWN_RETINAS, seed=seed),
    )
    others = prepare_non_retinas(photographs, size.width_px, per_kind=NON_RETINAS_PER_KIND, seed=seed)
    return RetinaSamples(read_features(grader, _cut(retinas, size)), read_features(grader, _cut(others, size)))


def _open(photograph: LabelledPhotograph) -> tuple[FundusPhotograph, FieldOfView]:
    decoded = decode_photograph(photograph.path.read_bytes(), "", longest_side_px=ANALYSIS_SIDE_PX)
    return decoded, find_field_of_view(decoded.pixels)


def _measure(photograph: FundusPhotograph, field: FieldOfView) -> float:
    return score_quality(measure_quality(photograph, field))


def _read_spoilt(
    grader: Any, photographs: Sequence[LabelledPhotograph], count: int, chance: np.random.Generator
) -> tuple[PooledFeatures, list[float]]:
    """Return what the heads read, and what light and sharpness say, of every kind of spoilt copy of `count` of them."""
    size = InputSize(*grader.input_shape[1:3])
    measured: list[float] = []

    def spoil() -> Iterator[Float32Array]:
        for photograph, found in spoil_photographs(photographs, count, chance):
            measured.append(_measure(photograph, found))
            yield cut_visible(normalise_field(photograph.pixels, found, size.width_px), size)

    return read_features(grader, spoil()), measured


def _batch(tensors: Iterator[Float32Array], count: int) -> Iterator[list[Float32Array]]:
    while batch := list(islice(tensors, count)):
        yield batch


def _cache(
    photographs: Sequence[LabelledPhotograph], width_px: int, run_dir: Path, say: Say, copy: int = 0
) -> DiscCache:
    def report(done: int, count: int) -> None:
        if done % 500 == 0 or done == count:
            say(f"preparing photographs: {done} of {count}")

    return build_cache(photographs, width_px, run_dir / "cache", copy=copy, progress=report)
