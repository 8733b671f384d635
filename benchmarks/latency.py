"""One photograph from bytes to grade, quality and heatmap in memory: each stage, and the whole path.

The whole path is `screen_photograph` and its heatmap, as the page and the command line call them, with nobody else at
work. It is compared with what it cannot do without: bare scaled JPEG decoding and the network's forward pass, each
timed alone on the same photograph right beside it.

    python benchmarks/latency.py                  # draws 12 photographs of 10 megapixels
    python benchmarks/latency.py FOLDER --json OUT
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import (
    Goal,
    add_folder_arguments,
    add_json_argument,
    describe_machine,
    find_percentile,
    open_photographs,
    report,
    write_json,
)
from benchmarks.throughput import choose_decoder
from dr_core.imaging.decode import ANALYSIS_SIDE_PX, decode_photograph
from dr_core.imaging.field_of_view import find_field_of_view
from dr_core.imaging.preprocess import prepare_input
from dr_core.imaging.quality import assess_quality
from dr_core.model.calibration import decide
from dr_core.model.classifier import Classifier
from dr_core.model.runtime import Runtime, count_cores
from dr_core.screening.pipeline import screen_photograph

GOAL = 1.3
WHOLE, FLOOR = "bytes to grade, quality, heatmap", "floor: scaled decode + forward pass"
DECODING, FORWARD = "bare scaled decode", "bare forward pass"

Result = TypeVar("Result")


class Stopwatch:
    """Milliseconds of every stage, by the clock and of processor time, one entry a photograph and round."""

    def __init__(self) -> None:
        self.times_ms: dict[str, list[float]] = {}
        self.processor_ms: dict[str, list[float]] = {}

    def time(self, stage: str, work: Callable[..., Result], *arguments: object, **more: object) -> Result:
        """Do `work`, note how long it took under `stage`, and return its result."""
        started, began = time.perf_counter(), time.process_time()
        result = work(*arguments, **more)
        self.times_ms.setdefault(stage, []).append(1000 * (time.perf_counter() - started))
        self.processor_ms.setdefault(stage, []).append(1000 * (time.process_time() - began))
        return result


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_folder_arguments(parser, make=12)
    parser.add_argument(
        "--rounds", type=int, default=5, metavar="N", help="turns over all files (default: %(default)s)"
    )
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="of FOLDER, use at most this many")
    add_json_argument(parser)
    arguments = parser.parse_args()
    machine = describe_machine()
    with open_photographs(arguments.folder, arguments.limit if arguments.folder else arguments.make) as paths:
        files = [path.read_bytes() for path in paths]
    watch = measure(files, Classifier.load(), arguments.rounds)
    for times_ms in (watch.times_ms, watch.processor_ms):
        pairs = zip(times_ms[DECODING], times_ms[FORWARD], strict=True)
        times_ms[FLOOR] = [decode + forward for decode, forward in pairs]
    middle, high = (
        {name: find_percentile(values, share) for name, values in watch.times_ms.items()} for share in (50, 95)
    )
    processor = {name: find_percentile(values, 50) for name, values in watch.processor_ms.items()}
    goals = [Goal("whole path against the floor, p50", middle[WHOLE] / middle[FLOOR], GOAL, at_least=False)]
    rows = [[name, middle[name], high[name], middle[name] / middle[FLOOR], processor[name]] for name in middle]
    title = f"One photograph at a time: {len(files)} photographs, {arguments.rounds} rounds"
    columns = ("stage", "p50 ms", "p95 ms", "p50 / floor", "p50 ms of processor time")
    report(title, columns, rows, goals, machine)
    figures = {"p50_ms": middle, "p95_ms": high, "p50_processor_ms": processor}
    write_json(arguments.json, machine, goals, photographs=len(files), **figures)
    return 0


def measure(files: list[bytes], classifier: Classifier, rounds: int) -> Stopwatch:
    """Time each stage, the whole path and the floor's two parts."""
    bare_decode = choose_decoder(files)
    runtime = Runtime.load(classifier.spec.runtime.read(), interpreters=count_cores())
    watch = Stopwatch()
    for number in range(rounds + 1):
        if number == 1:
            watch = Stopwatch()  # the first round was to warm up
        for data in files:
            _time_stages(watch, data, classifier)
            prepared = _time_whole(watch, data, classifier)
            watch.time(DECODING, bare_decode, data)
            watch.time(FORWARD, runtime.run, prepared)
    return watch


def _time_stages(watch: Stopwatch, data: bytes, classifier: Classifier) -> None:
    options = {"longest_side_px": ANALYSIS_SIDE_PX, "exact": False}
    photograph = watch.time("decode and checksum", decode_photograph, data, "eye.jpg", **options)
    field = watch.time("field of view", find_field_of_view, photograph.pixels)
    prepared = watch.time("prepare input", prepare_input, photograph, field, classifier.spec.input_size)
    (prediction,) = watch.time("network", classifier.predict, [prepared])
    watch.time("quality", assess_quality, photograph, field)
    watch.time("decide", decide, prediction, classifier.spec, classifier.operating_point)


def _time_whole(watch: Stopwatch, data: bytes, classifier: Classifier) -> object:
    def go() -> object:
        screening = screen_photograph(data, "eye.jpg", classifier=classifier, grade_ungradable=True)
        if screening.model_input is None:
            raise SystemExit(f"A photograph could not be screened: {screening.result.error} Take it out of the folder.")
        screening.heatmap(None if screening.result.decision else 0)
        return screening.model_input.tensor

    return watch.time(WHOLE, go)


if __name__ == "__main__":
    sys.exit(main())
