"""Measure how well each heatmap points at lesions that readers outlined, and whether it explains this network at all.

``python benchmarks/explanations.py --split val`` lays each method's map over the photographs of ``lesions.csv`` in a
grading split and prints, in the photograph's own frame and with the outlines widened by 2% of the field's width:

- pointing game (Zhang et al., 2018): in how many photographs that show a lesion the map's maximum lies on one, for any
  lesion and for each kind; ``own map`` points with each kind's own lesion map instead of one map for all;
- energy: the share of the map's heat inside the widened outlines of any lesion;
- insertion and deletion (Petsiuk et al., 2018): the area under P(referable) while the pixels that the map ranks highest
  are added to an empty field, or taken from the photograph. An empty field is the neutral colour of the normalisation.

``--randomise`` adds the sanity check of Adebayo et al. (2018): weights are shuffled layer by layer from the top, and a
map that really reads the network must lose its likeness to the original (rank correlation and SSIM).
"""

import argparse
import csv
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dr_core.domain.photograph import AnyArray, BoolArray, FieldOfView, Float32Array
from dr_core.domain.results import LESIONS, Prediction
from dr_core.imaging.decode import ANALYSIS_SIDE_PX, decode_photograph
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import ModelInput, prepare_input
from dr_core.model.calibration import REFERABLE_FROM, decide
from dr_core.model.cam import class_activation_map, lesion_evidence, lesion_map, scale_to_unit
from dr_core.model.classifier import Classifier
from dr_core.reports.dataclass_json import write_record

SPLITS = {"train": ("train",), "val": ("val",), "test": ("test",), "ungraded": ("",), "outside": ("val", "test", "")}
MASK_BITS = (1, 2, 4, 8)  # in the order of LESIONS
WIDENED_BY = 0.02  # of the field's width
STEPS = 16
SEED = 0
# From the top of the network to its first layer; shuffled one after the other, and all before stay shuffled.
CASCADE = (
    ("lesion_maps", "grade_logits"), ("lesion_mixed", "lesion_around"), ("lesion_block",), ("Conv_1",),
    *((f"block_{number}_",) for number in (16, 14, 13, 10, 6, 4, 3, 2, 1)), ("expanded_conv", "Conv1", "bn_Conv1"),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Example:
    """One outlined photograph, graded.

    Attributes:
        in_training: whether the grader and its lesion head learned from it.
        field: its field, in the photograph's pixels.
        model_input: what the network saw.
        prediction: what it said.
        lesions: (H, W, 4) bool widened outlines in the photograph's frame, `LESIONS` in their order.
    """

    in_training: bool
    field: FieldOfView
    model_input: ModelInput
    prediction: Prediction
    lesions: BoolArray


Method = Callable[[Example], Float32Array]


@dataclass(frozen=True)
class MethodFigures:
    """What one method reaches; shares are 0 to 1.

    Attributes:
        method: its name.
        hit_any: pointing game, any lesion.
        hits: pointing game for each of `LESIONS`; None for one that no photograph shows.
        energy: share of heat inside the outlines of any lesion.
        insertion: area under the insertion curve; higher is better. None for a baseline.
        deletion: area under the deletion curve; lower is better. None for a baseline.
    """

    method: str
    hit_any: float
    hits: Mapping[str, float | None]
    energy: float
    insertion: float | None = None
    deletion: float | None = None


@dataclass(frozen=True)
class Likeness:
    """How much of a method's map is left when the network is shuffled down to a layer.

    Attributes:
        method: its name.
        down_to: the lowest layers shuffled.
        rank_correlation: Spearman's, mean over the photographs.
        ssim: structural similarity (Wang et al., 2004), mean over the photographs.
    """

    method: str
    down_to: str
    rank_correlation: float
    ssim: float


@dataclass(frozen=True)
class Report:
    """Everything measured in one run; `photographs` counts those that show each lesion."""

    model: str
    split: str
    in_training: int
    photographs: Mapping[str, int]
    figures: tuple[MethodFigures, ...]
    likeness: tuple[Likeness, ...] = ()


def read_examples(data_dir: Path, split: str, classifier: Classifier) -> Iterator[Example]:
    """Yield every outlined photograph of `split` as the app sees it."""
    with (data_dir / "lesions.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["grading_split"] in SPLITS[split]]
    for row in rows:
        photograph = decode_photograph((data_dir / row["image"]).read_bytes(), "", longest_side_px=ANALYSIS_SIDE_PX)
        field = find_field_of_view(photograph.pixels)
        flags = cv2.imread(str(data_dir / row["mask"]), cv2.IMREAD_UNCHANGED)
        prepared = prepare_input(photograph, field, classifier.spec.input_size)
        (prediction,) = classifier.predict([prepared])
        lesions = widen_outlines(flags, field, photograph.pixels.shape[:2])
        yield Example(row["grading_split"] == "train", field, prepared, prediction, lesions)


def widen_outlines(flags: AnyArray, field: FieldOfView, shape: tuple[int, ...]) -> BoolArray:
    """Return (H, W, 4) bool: the outlines in bit `flags`, widened, at the photograph's `shape`."""
    radius = WIDENED_BY * 2 * field.radius_px * flags.shape[0] / shape[0]
    reach = int(np.ceil(radius))
    around = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) <= radius
    planes = [cv2.dilate(((flags & bit) > 0).astype(np.uint8), around.astype(np.uint8)) for bit in MASK_BITS]
    sized = [cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST) for plane in planes]
    return np.stack(sized, axis=-1) > 0


def place(example: Example, heat: Float32Array) -> Float32Array:
    """Return `heat` over the photograph, 0 outside the field."""
    return np.where(example.field.mask, example.model_input.crop.to_photograph(heat), np.float32(0))


def hits(placed: Float32Array, lesions: BoolArray) -> bool:
    """Whether the maximum of (H, W) `placed` lies on (H, W) `lesions`; a flat map points nowhere."""
    peak = np.unravel_index(int(placed.argmax()), placed.shape)
    return bool(placed[peak] > 0 and lesions[peak])


def measure_energy(placed: Float32Array, lesions: BoolArray) -> float:
    """Return the share of the heat that lies on `lesions`."""
    return float(placed[lesions].sum() / max(float(placed.sum()), 1e-9))


def measure_method(name: str, method: Method, examples: Sequence[Example], curves: Any = None) -> MethodFigures:
    """Play the pointing game with one map for all lesions; `curves` gives (insertion, deletion) of an example."""
    maps = [method(example) for example in examples]
    placed = [place(example, heat) for example, heat in zip(examples, maps, strict=True)]
    areas = [curves(example, heat) for example, heat in zip(examples, maps, strict=True)] if curves else []
    insertion, deletion = np.mean(areas, axis=0).tolist() if areas else (None, None)
    return _summarise(name, [placed] * len(LESIONS), examples, insertion=insertion, deletion=deletion)


def measure_own_maps(examples: Sequence[Example]) -> MethodFigures:
    """Play the pointing game with each kind's own lesion map; for any lesion, with the map that is surest."""
    placed = [[place(e, lesion_map(e.prediction, lesion)) for e in examples] for lesion in LESIONS]
    return _summarise("own map of each kind", placed, examples)


def _summarise(
    name: str, placed: Sequence[Sequence[Float32Array]], examples: Sequence[Example], **areas: float | None
) -> MethodFigures:
    found: dict[str, float | None] = {}
    for kind, lesion in enumerate(LESIONS):
        shown = [(heat, e) for heat, e in zip(placed[kind], examples, strict=True) if e.lesions[..., kind].any()]
        found[lesion] = float(np.mean([hits(heat, e.lesions[..., kind]) for heat, e in shown])) if shown else None
    together = [np.max(maps, axis=0) for maps in zip(*placed, strict=True)]
    anything = [e.lesions.any(axis=-1) for e in examples]
    pairs = [(heat, lesions) for heat, lesions in zip(together, anything, strict=True) if lesions.any()]
    hit_any = float(np.mean([hits(*pair) for pair in pairs]))
    return MethodFigures(name, hit_any, found, float(np.mean([measure_energy(*pair) for pair in pairs])), **areas)


def measure_chance(examples: Sequence[Example]) -> MethodFigures:
    """Return what a point drawn evenly from the field hits on average; its energy is that of a uniform map."""
    inside = [e.lesions[e.field.mask] for e in examples]
    shares = [[float(marked[:, kind].mean()) for marked in inside] for kind in range(len(LESIONS))]
    shown = {lesion: [share for share in each if share > 0] for lesion, each in zip(LESIONS, shares, strict=True)}
    found = {lesion: float(np.mean(each)) if each else None for lesion, each in shown.items()}
    anything = float(np.mean([marked.any(axis=-1).mean() for marked in inside if marked.any()]))
    return MethodFigures("uniform in the field", anything, found, anything)


def point_at_centre(example: Example) -> Float32Array:
    """Return a map that falls off from the middle of the field."""
    size = example.model_input.crop.input_size
    rows = np.arange(size.height_px)[:, None] - size.height_px / 2 + 0.5
    columns = np.arange(size.width_px)[None, :] - size.width_px / 2 + 0.5
    return np.asarray(np.exp(-(rows**2 + columns**2) / (size.width_px / 8) ** 2), dtype=np.float32)


def point_at_random(example: Example) -> Float32Array:
    """Return noise on the grid of the class maps, another for each photograph."""
    seed = int(np.abs(example.model_input.tensor).sum())
    return np.random.default_rng([SEED, seed]).random(example.prediction.class_maps.shape[:2], dtype=np.float32)


def explain_referable(example: Example) -> Float32Array:
    """Return Grad-CAM of the log odds of referable DR: (h, w) float32 in [0, 1]."""
    p = np.asarray(example.prediction.probabilities)
    weights = np.where(np.arange(len(p)) >= REFERABLE_FROM, p, 0) / p[REFERABLE_FROM:].sum()
    weights = weights - np.where(np.arange(len(p)) < REFERABLE_FROM, p, 0) / p[:REFERABLE_FROM].sum()
    return scale_to_unit((example.prediction.class_maps * weights).sum(axis=-1))


def weigh_evidence(example: Example) -> Float32Array:
    """Return lesion evidence weighted by where the network found referable DR."""
    evidence = lesion_evidence(example.prediction)
    size = (evidence.shape[1], evidence.shape[0])
    return scale_to_unit(evidence * (0.25 + 0.75 * cv2.resize(explain_referable(example), size)))


def list_methods(classifier: Classifier) -> dict[str, Method]:
    """Return every method that can be asked for; those of tf-keras-vis load TensorFlow when first called."""
    from dr_core.model.explain import ExplanationMethod, explain

    def explain_grade(example: Example) -> Float32Array:
        return class_activation_map(example.prediction, decide(example.prediction, classifier.spec).grade)

    def explain_slowly(method: ExplanationMethod) -> Method:
        folder = classifier.spec.runtime.path.parent

        def run(example: Example) -> Float32Array:
            grade = decide(example.prediction, classifier.spec).grade
            return explain(example.model_input, grade, method=method, model_dir=folder)

        return run

    quick: dict[str, Method] = {
        "lesions": lambda example: lesion_evidence(example.prediction),
        "lesions-cam": weigh_evidence,
        "cam": explain_grade,
        "cam-referable": explain_referable,
    }
    slow = {method.name.lower().replace("_", "-"): explain_slowly(method) for method in ExplanationMethod}
    return quick | slow


def measure_curves(example: Example, heat: Float32Array, classifier: Classifier) -> tuple[float, float]:
    """Return the areas under the insertion and the deletion curve of P(referable)."""
    tensor = example.model_input.tensor
    smooth = cv2.resize(heat, (tensor.shape[1], tensor.shape[0]), interpolation=cv2.INTER_LINEAR)
    size = example.model_input.crop.input_size
    rows = np.arange(size.height_px)[:, None] - size.height_px / 2 + 0.5
    columns = np.arange(size.width_px)[None, :] - size.width_px / 2 + 0.5
    visible = rows**2 + columns**2 <= (size.width_px / 2) ** 2
    order = np.argsort(-np.where(visible, smooth, -1.0), axis=None, kind="stable")[: int(visible.sum())]
    inserted: list[float] = []
    deleted: list[float] = []
    for step in range(STEPS + 1):
        chosen = np.zeros(tensor.shape[:2], dtype=bool)
        chosen.flat[order[: len(order) * step // STEPS]] = True
        for keep, curve in ((chosen, inserted), (~chosen, deleted)):
            shown = np.asarray(tensor * keep[..., None], dtype=np.float32)
            curve.append(classifier.predict([replace(example.model_input, tensor=shown)])[0].p_referable)
    return float(np.trapezoid(inserted) / STEPS), float(np.trapezoid(deleted) / STEPS)


def randomise_cascade(examples: Sequence[Example], classifier: Classifier) -> Iterator[Likeness]:
    """Shuffle the Keras network from the top and yield how alike the lesion maps and the referable CAM remain."""
    import keras

    classifier.spec.keras.read()  # checks that the file is the released one
    network = keras.models.load_model(classifier.spec.keras.path, compile=False, safe_mode=True)
    head = network.get_layer("grade_logits")
    views = keras.Model(network.input, [network.get_layer("lesion_maps").output, network.get_layer("out_relu").output])

    def look() -> dict[str, list[Float32Array]]:
        kernel = keras.ops.convert_to_numpy(head.kernel)
        seen: dict[str, list[Float32Array]] = {"lesions": [], "cam-referable": []}
        for example in examples:
            maps, features = (np.asarray(part[0]) for part in views.predict_on_batch(example.model_input.tensor[None]))
            side = replace(example.prediction.side, lesion_maps=maps)
            shuffled = replace(example.prediction, class_maps=features @ kernel, side=side)
            seen["lesions"].append(lesion_evidence(shuffled))
            seen["cam-referable"].append(explain_referable(replace(example, prediction=shuffled)))
        return seen

    original, random = look(), np.random.default_rng(SEED)
    for prefixes in CASCADE:
        for layer in network.layers:
            if layer.name.startswith(prefixes):
                # Shuffled, not drawn anew: spread and sign stay, so that the activations stay in range.
                layer.set_weights([random.permuted(kept.ravel()).reshape(kept.shape) for kept in layer.get_weights()])
        for name, maps in look().items():
            pairs = list(zip(original[name], maps, strict=True))
            rank = float(np.mean([correlate_ranks(*pair) for pair in pairs]))
            ssim = float(np.mean([compare_structure(*pair) for pair in pairs]))
            yield Likeness(name, prefixes[0].strip("_"), rank, ssim)


def correlate_ranks(first: AnyArray, second: AnyArray) -> float:
    """Return Spearman's correlation of two maps; 0 where one is flat."""
    from scipy.stats import rankdata

    ranks = [rankdata(values, axis=None) for values in (first, second)]
    return float(np.corrcoef(ranks)[0, 1]) if min(rank.std() for rank in ranks) > 0 else 0.0


def compare_structure(first: AnyArray, second: AnyArray) -> float:
    """Return the mean SSIM of two maps in [0, 1], with a Gaussian window of sigma 1.5."""
    a, b = first.astype(np.float64), second.astype(np.float64)

    def blur(values: AnyArray) -> AnyArray:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), 1.5))

    mean_a, mean_b = blur(a), blur(b)
    spread = blur(a * a) - mean_a**2 + blur(b * b) - mean_b**2
    shared = blur(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + 0.01**2) * (2 * shared + 0.03**2)
    return float((top / ((mean_a**2 + mean_b**2 + 0.01**2) * (spread + 0.03**2))).mean())


def print_report(report: Report) -> None:
    """Print the tables."""
    counted = ", ".join(f"{lesion} in {count}" for lesion, count in report.photographs.items())
    print(f"{report.model}, split {report.split}: {counted}")
    print(f"{report.in_training or 'none'} of the photographs was in training.")
    columns = ("any", "microan.", "haem.", "hard ex.", "soft ex.", "energy", "insert", "delete")
    print(f"{'method':24}" + "".join(f"{column:>9}" for column in columns))
    for row in report.figures:
        values = (row.hit_any, *row.hits.values(), row.energy)
        shares = "".join(f"{'none':>9}" if value is None else f"{value:>9.1%}" for value in values)
        areas = "".join(f"{value:>9.3f}" for value in (row.insertion, row.deletion) if value is not None)
        print(f"{row.method:24}{shares}{areas}")
    for likeness in report.likeness:
        print(
            f"shuffled down to {likeness.down_to:14} {likeness.method:16}"
            f"rank correlation {likeness.rank_correlation:6.3f}  SSIM {likeness.ssim:6.3f}"
        )


def main() -> None:
    """Measure on val (or the split named), print, and write JSON on demand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--model", type=Path, help="folder of the model; the released one by default")
    parser.add_argument("--split", choices=tuple(SPLITS), default="val", help="'outside' is all but train")
    parser.add_argument("--methods", nargs="+", default=["lesions", "lesions-cam", "cam", "cam-referable"])
    parser.add_argument("--randomise", action="store_true", help="add the sanity check; loads TensorFlow")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    classifier = Classifier.load(arguments.model)
    methods = list_methods(classifier)
    if unknown := set(arguments.methods) - set(methods):
        parser.error(f"--methods are {', '.join(methods)}. Received: {', '.join(sorted(unknown))}")
    examples = list(read_examples(arguments.data, arguments.split, classifier))

    def curves(example: Example, heat: Float32Array) -> tuple[float, float]:
        return measure_curves(example, heat, classifier)

    rows = [measure_method(name, methods[name], examples, curves) for name in arguments.methods]
    if "lesions" in arguments.methods:
        rows.append(measure_own_maps(examples))
    rows += [measure_method("centre", point_at_centre, examples), measure_method("random", point_at_random, examples)]
    shown = {lesion: sum(bool(e.lesions[..., kind].any()) for e in examples) for kind, lesion in enumerate(LESIONS)}
    report = Report(
        model=classifier.spec.label,
        split=arguments.split,
        in_training=sum(example.in_training for example in examples),
        photographs={"any lesion": sum(bool(e.lesions.any()) for e in examples)} | shown,
        figures=(*rows, measure_chance(examples)),
        likeness=tuple(randomise_cascade(examples, classifier)) if arguments.randomise else (),
    )
    print_report(report)
    if arguments.json:
        write_record(report, arguments.json)


if __name__ == "__main__":
    main()
