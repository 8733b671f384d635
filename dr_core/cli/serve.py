"""``serve``: start the browser application."""

import argparse
import os
import sys
from pathlib import Path

from dr_core.domain.errors import ConfigurationError

__all__ = ["NAME", "SUMMARY", "add_arguments", "run"]

NAME = "serve"
SUMMARY = "Start the application for the browser."
DEFAULT_PORT = 8501
MAX_PORT = 65_535
HOME = Path(__file__).resolve().parents[2]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port to listen on (default: %(default)s)")
    parser.add_argument(
        "--address",
        default="localhost",
        help="address to listen on (default: %(default)s, which other computers cannot reach)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Hand this process over to Streamlit.

    Raises:
        ConfigurationError: the port is out of range, or the application is not beside the library.
    """
    app, server = HOME / "app.py", HOME / "server.py"
    if not (app.is_file() and server.is_file()):
        raise ConfigurationError(
            "app.py or server.py is not beside the package dr_core: run this in a complete copy of RetinaDesk."
        )
    if not 1 <= arguments.port <= MAX_PORT:
        raise ConfigurationError(f"--port must lie between 1 and {MAX_PORT}. Received: {arguments.port}")
    # Streamlit finds its settings in the folder it is started from.
    os.chdir(HOME)
    command = [sys.executable, str(server), "run", str(app)]
    settings = ["--server.address", arguments.address, "--server.port", str(arguments.port)]
    sys.stdout.flush()
    os.execv(sys.executable, [*command, *settings])  # noqa: S606 - our own interpreter, no shell
