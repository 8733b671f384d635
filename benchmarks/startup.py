"""How long a cold start takes: the app to its first paint in a browser, and the command line to its first grade.

- First paint: from the start of ``python -m dr_core serve`` until Chromium shows the first page, beside
  ``python -c "import streamlit"``. Chromium itself runs already.
- First grade: ``python -m dr_core grade`` on one photograph from its start to its end, report written, beside
  ``python -c "import tensorflow"`` with `load_model` and the first `predict` of the same network.

All take turns in rounds, each in a fresh process.

    python benchmarks/startup.py --json OUT
    python benchmarks/startup.py --no-browser       # where there is no Chromium
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
# Another package's tests may be installed under the name `tests`, so the finder of the browser goes by its own name.
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "tests" / "browser"))

from chromium import find_chromium
from playwright.sync_api import Browser, sync_playwright

from benchmarks.measuring import ROOT, Goal, add_json_argument, describe_machine, report, write_json
from benchmarks.served_app import serve_app
from dr_core.model.spec import load_spec

SAMPLE = ROOT / "assets" / "sample_healthy.jpg"
PAINTED = "How it works"
PAINT_FACTOR, PAINT_EXTRA_S = 1.5, 1.0
GRADE_GOAL = 1 / 3
STREAMLIT, PAINT = "import streamlit", "app: process start to first paint"
TENSORFLOW, GRADE = "import tensorflow, load_model, predict", "command line: process start to first grade"
CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
PAINT_TIMEOUT_MS = 180_000


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="turns of each (default: %(default)s)")
    parser.add_argument("--no-browser", action="store_true", help="leave the first paint out")
    parser.add_argument("--no-tensorflow", action="store_true", help="leave the start of TensorFlow out")
    add_json_argument(parser)
    arguments = parser.parse_args()
    machine = describe_machine()
    seconds: dict[str, list[float]] = {}
    with ExitStack() as stack:
        ways: dict[str, Callable[[], float]] = {STREAMLIT: lambda: time_python("import streamlit"), GRADE: time_grade}
        if not arguments.no_tensorflow:
            ways[TENSORFLOW] = lambda: time_python(_write_notebook_start())
        if not arguments.no_browser:
            playwright = stack.enter_context(sync_playwright())
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGS)
            stack.callback(browser.close)
            ways[PAINT] = lambda: time_paint(browser)
        for _ in range(arguments.rounds):
            for name, way in ways.items():
                seconds.setdefault(name, []).append(way())
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    goals = []
    if PAINT in middle:
        allowed_s = PAINT_FACTOR * middle[STREAMLIT] + PAINT_EXTRA_S
        goals.append(Goal("first paint in seconds", middle[PAINT], allowed_s, at_least=False))
    if TENSORFLOW in middle:
        share = middle[GRADE] / middle[TENSORFLOW]
        goals.append(Goal("first grade against TensorFlow's first predict", share, GRADE_GOAL, at_least=False))
    rows = [[name, value, min(seconds[name]), value / middle[STREAMLIT]] for name, value in middle.items()]
    title = f"Cold start, {arguments.rounds} rounds"
    report(title, ("what", "median s", "best s", "times import streamlit"), rows, goals, machine)
    write_json(arguments.json, machine, goals, seconds=seconds)
    return 0


def time_python(code: str) -> float:
    """Return how long a fresh Python takes for `code`."""
    return _time_command([sys.executable, "-c", code])


def time_grade() -> float:
    """Return how long the command line takes to grade one photograph and to write its report."""
    with tempfile.TemporaryDirectory(prefix="retinadesk-bench-") as name:
        out = Path(name) / "report.csv"
        elapsed_s = _time_command([sys.executable, "-m", "dr_core", "grade", str(SAMPLE), "--out", str(out)])
        if len(out.read_text(encoding="utf-8").splitlines()) != 2:
            raise SystemExit("The report has not one row. Run `python -m dr_core grade` to see why.")
        return elapsed_s


def time_paint(browser: Browser) -> float:
    """Return how long a fresh app takes until a browser shows its first page."""
    with tempfile.TemporaryDirectory(prefix="retinadesk-bench-") as folder, serve_app(Path(folder)) as app:
        context = browser.new_context()
        page = context.new_page()
        page.goto(app.url)
        page.get_by_text(PAINTED).first.wait_for(state="visible", timeout=PAINT_TIMEOUT_MS)
        elapsed_s = time.perf_counter() - app.started
        context.close()
        return elapsed_s


def _write_notebook_start() -> str:
    spec = load_spec()
    shape = (1, spec.input_size.height_px, spec.input_size.width_px, 3)
    return (
        "import tensorflow as tf, numpy as np\n"
        f"model = tf.keras.models.load_model({str(spec.keras.path)!r}, compile=False)\n"
        f"model.predict(np.zeros({shape}, 'float32'), verbose=0)"
    )


def _time_command(command: list[str]) -> float:
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    started = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own interpreter
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    elapsed_s = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(f"{command[1:3]} failed:\n{done.stderr[-2000:]}")
    return elapsed_s


if __name__ == "__main__":
    sys.exit(main())
