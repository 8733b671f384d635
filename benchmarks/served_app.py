"""RetinaDesk as ``make run`` starts it, on a free port: for the timing scripts and for the browser suite."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START_TIMEOUT_S = 180.0
END_TIMEOUT_S = 20.0
POLL_S = 0.02
LAST_WORDS = 3000


@dataclass(frozen=True)
class ServedApp:
    """A running RetinaDesk.

    Attributes:
        url: where it answers, without a slash at the end.
        started: when its process was started (`time.perf_counter`).
        log: what the server printed.
    """

    url: str
    started: float
    log: Path


@contextmanager
def serve_app(folder: Path, **settings: str) -> Iterator[ServedApp]:
    """Serve the app until the block ends.

    Args:
        folder: takes the batches of the Batch page and the server's log.
        settings: environment variables beside those of this process.

    Raises:
        RuntimeError: the app did not start.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url, log = f"http://localhost:{port}", folder / "server.log"
    command = [sys.executable, "-m", "dr_core", "serve", "--port", str(port)]
    with log.open("wb") as sink:
        started = time.perf_counter()
        server = subprocess.Popen(  # noqa: S603 - our own program
            command,
            cwd=ROOT,
            env=os.environ | {"RETINADESK_JOB_DIR": str(folder)} | settings,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_healthy(url, server, log)
            yield ServedApp(url, started, log)
        finally:
            server.terminate()
            try:
                server.wait(END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_until_healthy(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as answer:  # noqa: S310 - our own server
                if answer.read() == b"ok":
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(POLL_S)
    printed = log.read_text(encoding="utf-8", errors="replace")[-LAST_WORDS:]
    raise RuntimeError(f"The app did not start. Run `python -m dr_core serve` to see why. It printed:\n{printed}")
