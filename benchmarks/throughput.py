"""Photographs per second, side by side in one run: the notebook's way, RetinaDesk's batch, and the floor.

- The notebook's way: `cv2.imread` at full size, `cv2.resize` to 224, division by 255, `model.predict` of a MobileNetV2
  with the notebook's head, one photograph after the other (see notebook_baseline.py; random weights, same arithmetic).
- Batch: what ``python -m dr_core grade`` does after its start: grade, quality, journal and CSV.
- With heatmaps: the same with ``--heatmaps``.
- Floor: scaled JPEG decoding alone plus the network's forward pass alone, each with all cores busy. Decoding is bare
  libjpeg at the scale that the analysis needs, by Pillow or OpenCV, whichever is faster on this machine.

All take turns in rounds over the same files; ratios are medians over the rounds.

    python benchmarks/throughput.py                  # draws 24 photographs of 10 megapixels
    python benchmarks/throughput.py FOLDER --json OUT
"""

import argparse
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import (
    Goal,
    add_folder_arguments,
    add_json_argument,
    describe_machine,
    find_median_ratio,
    open_photographs,
    report,
    write_json,
)
from benchmarks.notebook_process import NOTEBOOK_SIDE_PX, open_notebook
from dr_core.cli.grading_run import GradingPlan, GradingRun
from dr_core.cli.progress_line import ProgressLine
from dr_core.imaging.decode import ANALYSIS_SIDE_PX
from dr_core.model.classifier import Classifier
from dr_core.model.runtime import Runtime, count_cores
from dr_core.screening.batch import BatchRow, screen_batch
from dr_core.screening.folder import find_photographs
from dr_core.screening.journal import Journal, describe_setup
from dr_core.screening.keepsakes import PictureFolder

# The goal against the notebook's way is lower for networks with a larger input.
GOAL_AT_224, GOAL_ABOVE = 15.0, 10.0
GOAL_FLOOR, GOAL_HEATMAPS, GOAL_JOURNAL = 0.75, 0.60, 0.02
REDUCTIONS = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
NOTEBOOK, BATCH, HEATMAPS = "the notebook's way", "batch: grade, quality, CSV", "batch with heatmap overlays"
DECODING, FORWARD, FLOOR = "scaled decode alone", "forward pass alone", "floor: decode alone + forward alone"


class TimedJournal(Journal):
    """A journal that adds up how long the batch waits for it."""

    waited_s = 0.0

    def append(self, row: BatchRow) -> None:
        """Append, and count the time."""
        started = time.perf_counter()
        super().append(row)
        self.waited_s += time.perf_counter() - started


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_folder_arguments(parser, make=24)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="turns of each way (default: %(default)s)")
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="of FOLDER, use at most this many")
    add_json_argument(parser)
    arguments = parser.parse_args()
    machine = describe_machine()
    classifier = Classifier.load()
    with open_photographs(arguments.folder, arguments.limit if arguments.folder else arguments.make) as paths:
        seconds, journal_shares = measure(paths, classifier, arguments.rounds)
    floor = [decode + forward for decode, forward in zip(seconds[DECODING], seconds[FORWARD], strict=True)]
    seconds[FLOOR] = floor
    batch, notebook = seconds[BATCH], seconds[NOTEBOOK]
    size = classifier.spec.input_size
    wanted = GOAL_AT_224 if max(size.height_px, size.width_px) <= NOTEBOOK_SIDE_PX else GOAL_ABOVE
    goals = [
        Goal("batch against the notebook's way", find_median_ratio(notebook, batch), wanted, at_least=True),
        Goal("batch against the floor", find_median_ratio(floor, batch), GOAL_FLOOR, at_least=True),
        Goal(
            "with heatmaps against without", find_median_ratio(batch, seconds[HEATMAPS]), GOAL_HEATMAPS, at_least=True
        ),
        Goal("journal's share of the batch's time", statistics.median(journal_shares), GOAL_JOURNAL, at_least=False),
    ]
    rows = [
        [
            name,
            1 / statistics.median(values),
            1000 * statistics.median(values),
            find_median_ratio(notebook, values),
            find_median_ratio(floor, values),
        ]
        for name, values in seconds.items()
    ]
    title = f"{len(paths)} photographs, network {size.width_px} x {size.height_px}, {arguments.rounds} rounds"
    columns = ("way", "photographs/s", "ms each", "times the notebook", "times the floor")
    report(title, columns, rows, goals, machine)
    write_json(arguments.json, machine, goals, photographs=len(paths), seconds_each=seconds)
    return 0


def measure(paths: list[Path], classifier: Classifier, rounds: int) -> tuple[dict[str, list[float]], list[float]]:
    """Return seconds a photograph of each way in each round, and the journal's share of each batch."""
    shares: list[float] = []

    def run_batch() -> float:
        elapsed_s, journal_s = time_batch(paths, classifier, heatmaps=False)
        shares.append(journal_s / elapsed_s)
        return elapsed_s

    files = [path.read_bytes() for path in paths]
    decode = choose_decoder(files)
    runtime = Runtime.load(classifier.spec.runtime.read(), interpreters=count_cores())
    tensor = np.random.default_rng(1).uniform(-1, 1, runtime.input_shape).astype(np.float32)
    with open_notebook(paths) as run_notebook:
        ways: dict[str, Callable[[], float]] = {
            NOTEBOOK: run_notebook,
            BATCH: run_batch,
            HEATMAPS: lambda: time_batch(paths, classifier, heatmaps=True)[0],
            DECODING: lambda: time_on_all_cores(decode, files),
            FORWARD: lambda: time_on_all_cores(runtime.run, [tensor] * len(paths)),
        }
        for name, way in ways.items():
            if name is not NOTEBOOK:
                way()  # to warm up
        shares.clear()
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds):
            for name, way in ways.items():
                seconds[name].append(way() / len(paths))
            print(f"\r  round {number + 1} of {rounds} ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return seconds, shares


def time_batch(paths: list[Path], classifier: Classifier, *, heatmaps: bool) -> tuple[float, float]:
    """Return how long the command line's batch takes after its start, and how much of that it waits for the journal."""
    with tempfile.TemporaryDirectory(prefix="retinadesk-bench-") as name, Path(os.devnull).open("w") as nowhere:
        folder = Path(name)
        started = time.perf_counter()
        batch = find_photographs([str(path) for path in paths])
        journal = TimedJournal(folder / "journal", describe_setup(classifier, grade_ungradable=False), resume=False)
        pictures = PictureFolder(folder / "heatmaps") if heatmaps else None
        plan = GradingPlan(batch, classifier, screen_batch)
        GradingRun(plan, journal, pictures=pictures, line=ProgressLine(nowhere)).write_report(folder / "report.csv")
        elapsed_s = time.perf_counter() - started
        if pictures is not None and 2 * len(list(pictures.folder.glob("*.jpg"))) < len(paths):
            raise SystemExit("Fewer than half of the photographs got a heatmap. Choose photographs that can be graded.")
        return elapsed_s, journal.waited_s


def time_on_all_cores(work: Callable[..., object], items: Iterable[object]) -> float:
    """Return how long `work` on all `items` takes with one thread a core."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with ThreadPoolExecutor(count_cores()) as pool:
            started = time.perf_counter()
            for _ in pool.map(work, items):
                pass
            return time.perf_counter() - started
    finally:
        cv2.setNumThreads(threads)


def choose_decoder(files: list[bytes]) -> Callable[[bytes], object]:
    """Return the faster of the bare scaled decoders on these files."""
    some = files[:8]
    return min((decode_by_pillow, decode_by_opencv), key=lambda decode: time_on_all_cores(decode, some))


def decode_by_pillow(data: bytes) -> object:
    """Decode to at least the analysis size, by Pillow's draft mode."""
    image = Image.open(io.BytesIO(data))
    share = min(1.0, ANALYSIS_SIDE_PX / max(image.size))
    image.draft("RGB", (round(image.width * share), round(image.height * share)))
    image.load()
    return np.asarray(image)


def decode_by_opencv(data: bytes) -> object:
    """Decode to at least the analysis size, by OpenCV's reduced reading."""
    longest = max(Image.open(io.BytesIO(data)).size)
    fitting = [factor for factor in REDUCTIONS if longest / factor >= ANALYSIS_SIDE_PX]
    flag = REDUCTIONS[max(fitting)] if fitting else cv2.IMREAD_COLOR
    return cv2.imdecode(np.frombuffer(data, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)


if __name__ == "__main__":
    sys.exit(main())
