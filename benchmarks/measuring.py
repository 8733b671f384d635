"""What the timing scripts share: the machine, the photographs, the table and the JSON.

Other work on the machine falsifies times, so every script takes turns between what it compares, in rounds, and forms
its ratios within a round; the load of the machine stands under every table.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from dr_core.imaging.drawing import FundusDrawing, draw_fundus
from dr_core.imaging.encode import encode_jpeg
from dr_core.model.runtime import count_cores

ROOT = Path(__file__).resolve().parents[1]
# 10 megapixels, the size of the goals.
WIDTH_PX, HEIGHT_PX = 3648, 2736
DRAWN_KINDS = 4
JPEG_QUALITY = 92


@dataclass(frozen=True)
class Machine:
    """Where and when something was measured, and what else kept the machine busy."""

    processor: str
    cores: int
    memory_gb: float
    system: str
    python: str
    load_before: float
    measured_utc: str


@dataclass(frozen=True)
class Goal:
    """One figure beside what was wanted of it."""

    name: str
    value: float
    limit: float
    at_least: bool

    @property
    def met(self) -> bool:
        """Whether the figure is on the right side of its limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def describe_machine() -> Machine:
    """Return this machine; call it before the measuring makes a load of its own."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = names[0] if names else processor
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return Machine(
        processor,
        count_cores(),
        round(memory, 1),
        f"{platform.system()} {platform.release()}",
        platform.python_version(),
        round(os.getloadavg()[0], 2),
        datetime.now(UTC).isoformat(timespec="seconds"),
    )


def report(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    goals: Sequence[Goal],
    machine: Machine,
) -> None:
    """Print a table in Markdown, the goals under it, and the machine."""
    print(f"\n## {title}\n")
    for line in (columns, ["---"] * len(columns), *rows):
        print("| " + " | ".join(map(_format_cell, line)) + " |")
    print()
    for goal in goals:
        sign = ">=" if goal.at_least else "<="
        print(f"{'met ' if goal.met else 'MISSED'} {goal.name}: {goal.value:.3g} (goal {sign} {goal.limit:.3g})")
    print(
        f"\n{machine.processor}, {machine.cores} cores, {machine.memory_gb:.0f} GB, {machine.system}, Python "
        f"{machine.python}, {machine.measured_utc}; load before: {machine.load_before:.2f}"
    )
    if machine.load_before > 0.5:
        print("Something else kept this machine busy: trust the ratios a little, and the times not at all.")


def write_json(path: Path | None, machine: Machine, goals: Sequence[Goal], **figures: object) -> None:
    """Write machine, figures and goals, if a file was asked for."""
    if path is None:
        return
    found = {"machine": asdict(machine), **figures, "goals": [asdict(goal) | {"met": goal.met} for goal in goals]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {path}")


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--json FILE``."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures into this file")


def add_folder_arguments(parser: argparse.ArgumentParser, *, make: int) -> None:
    """Add the folder of photographs, and ``--make`` for having one drawn."""
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="photographs to use")
    text = "without FOLDER: draw this many of 10 megapixels (default: %(default)s)"
    parser.add_argument("--make", type=int, default=make, metavar="N", help=text)


@contextmanager
def open_photographs(folder: Path | None, count: int) -> Iterator[list[Path]]:
    """Give the JPEGs of `folder`, at most `count`; without a folder `count` drawn ones that vanish afterwards."""
    if folder is not None:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))
        if not paths:
            raise SystemExit(f"There is no JPEG in {folder}. Name a folder of photographs, or none.")
        yield paths[:count]
        return
    with tempfile.TemporaryDirectory(prefix="retinadesk-bench-") as name:
        yield draw_photographs(Path(name), count)


def draw_photographs(folder: Path, count: int) -> list[Path]:
    """Write `count` JPEGs of 10 megapixels; a few kinds are drawn, and the rest are copies under their own names."""
    kinds = [
        encode_jpeg(draw_fundus(FundusDrawing(WIDTH_PX, HEIGHT_PX, seed=seed)), quality=JPEG_QUALITY)
        for seed in range(1, min(DRAWN_KINDS, count) + 1)
    ]
    paths = [folder / f"eye_{number:05d}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(kinds[number % len(kinds)])
    return paths


def find_percentile(values: Sequence[float], percent: float) -> float:
    """Return the percentile of `values` by linear interpolation, as NumPy does."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def find_median_ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """Return the median of the ratios within each round."""
    return statistics.median(first / second for first, second in zip(over, under, strict=True))


def _format_cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
