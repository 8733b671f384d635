"""Peak memory of the command line for N and for ten times N photographs, each in a fresh process.

The folders hold links to a few photographs of 10 megapixels under as many names as are asked for: what is read, decoded
and graded is the same as for as many files.

    python benchmarks/memory.py                       # 100 against 1,000
    python benchmarks/memory.py --count 1000          # 1,000 against 10,000, as the goal states it
    python benchmarks/memory.py FOLDER --heatmaps
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measuring import (
    ROOT,
    Goal,
    add_folder_arguments,
    add_json_argument,
    describe_machine,
    open_photographs,
    report,
    write_json,
)

GROWTH, GOAL = 10, 1.1
# Linux counts in kilobytes, macOS in bytes.
RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Run:
    """One run of the command line."""

    photographs: int
    peak_mb: float
    elapsed_s: float


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_folder_arguments(parser, make=4)
    parser.add_argument("--count", type=int, default=100, metavar="N", help="the smaller number (default: %(default)s)")
    parser.add_argument("--heatmaps", action="store_true", help="write heatmap overlays as well")
    add_json_argument(parser)
    arguments = parser.parse_args()
    machine = describe_machine()
    with open_photographs(arguments.folder, arguments.count if arguments.folder else arguments.make) as paths:
        runs = [
            grade_many(paths, count, heatmaps=arguments.heatmaps)
            for count in (arguments.count, GROWTH * arguments.count)
        ]
    small, large = runs
    goals = [Goal(f"peak for {GROWTH} times as many", large.peak_mb / small.peak_mb, GOAL, at_least=False)]
    rows = [
        [f"{run.photographs:,}", run.peak_mb, run.peak_mb / small.peak_mb, run.photographs / run.elapsed_s]
        for run in runs
    ]
    report("Peak memory", ("photographs", "MB", "times the first", "photographs/s"), rows, goals, machine)
    write_json(arguments.json, machine, goals, runs=[asdict(run) for run in runs])
    return 0


def grade_many(paths: list[Path], count: int, *, heatmaps: bool) -> Run:
    """Grade `count` links to `paths` in a fresh process."""
    with tempfile.TemporaryDirectory(prefix="retinadesk-bench-") as name:
        folder = Path(name) / "photographs"
        folder.mkdir()
        for number in range(count):
            path = paths[number % len(paths)]
            (folder / f"eye_{number:06d}{path.suffix}").symlink_to(path.resolve())
        out = Path(name) / "report.csv"
        command = [sys.executable, "-m", "dr_core", "grade", str(folder), "--out", str(out)]
        if heatmaps:
            command += ["--heatmaps", str(Path(name) / "heatmaps")]
        started = time.perf_counter()
        # A process of its own is asked for its peak when it has ended; RUSAGE_CHILDREN would mix it with all others.
        child = subprocess.Popen(  # noqa: S603 - our own program
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        elapsed_s = time.perf_counter() - started
        if child.returncode != 0:
            raise SystemExit(f"Grading ended with status {child.returncode}. Run `python -m dr_core grade` to see why.")
        with out.open(encoding="utf-8", newline="") as stream:
            read = sum(row["status"] != "failed" for row in csv.DictReader(stream))
        if read != count:
            raise SystemExit(
                f"Only {read:,} of {count:,} photographs could be read: the memory of others says nothing."
            )
    return Run(count, usage.ru_maxrss * RSS_UNIT_BYTES / 1e6, elapsed_s)


if __name__ == "__main__":
    sys.exit(main())
