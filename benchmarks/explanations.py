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
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.chosen_photographs import add_data_argument, run_in_words
from benchmarks.heatmap_methods import list_methods, point_at_centre, point_at_random
from benchmarks.outlined_examples import SPLITS, Example, read_examples
from benchmarks.pointing_game import (
    MethodFigures,
    measure_chance,
    measure_curves,
    measure_method,
    measure_own_maps,
)
from benchmarks.shuffled_network import Likeness, randomise_cascade
from dr_core.domain.photograph import Float32Array
from dr_core.domain.results import LESIONS
from dr_core.model.classifier import Classifier
from dr_core.reports.dataclass_json import write_record


@dataclass(frozen=True)
class Report:
    """Everything measured in one run; `photographs` counts those that show each lesion."""

    model: str
    split: str
    in_training: int
    photographs: Mapping[str, int]
    figures: tuple[MethodFigures, ...]
    likeness: tuple[Likeness, ...] = ()


def main() -> None:
    """Measure on val (or the split named), print, and write JSON on demand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data_argument(parser)
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


if __name__ == "__main__":
    sys.exit(run_in_words(main))
