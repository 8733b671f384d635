"""``serve``: start the browser application."""

import argparse
import errno
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

from dr_core.domain.errors import ConfigurationError
from dr_core.reports.wording import clean_text

__all__ = ["NAME", "SUMMARY", "add_arguments", "run"]

NAME = "serve"
SUMMARY = "Start the application for the browser."
DEFAULT_PORT = 8501
MAX_PORT = 65_535
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
EVERY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not listened on
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
        ConfigurationError: the port is out of range, the address is none of this computer, or the application is not
            beside the library.
    """
    app, server = HOME / "app.py", HOME / "server.py"
    if not (app.is_file() and server.is_file()):
        raise ConfigurationError(
            "app.py or server.py is not beside the package dr_core: run this in a complete copy of RetinaDesk."
        )
    if not 1 <= arguments.port <= MAX_PORT:
        raise ConfigurationError(f"--port must lie between 1 and {MAX_PORT}. Received: {arguments.port}")
    _check_place(arguments.address, arguments.port)
    # Streamlit finds its settings in the folder it is started from.
    os.chdir(HOME)
    command = [sys.executable, str(server), "run", str(app)]
    settings = ["--server.address", arguments.address, "--server.port", str(arguments.port)]
    for host in _list_hosts(arguments.address):
        settings += ["--server.allowedHosts", host]
    sys.stdout.flush()
    os.execv(sys.executable, [*command, *settings])  # noqa: S606 - our own interpreter, no shell


def _check_place(address: str, port: int) -> None:
    """Refuse a place on which nobody can listen, of which Streamlit would only show its own stack."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except (OSError, UnicodeError) as error:
        # Of a port that is taken Streamlit says so itself.
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            return
        reason = error.strerror if isinstance(error, OSError) else "no name of a computer"
        raise ConfigurationError(
            f'Nobody can listen on "{clean_text(address)}", port {port} ({reason}): give --address a name or number of '
            "this computer, such as localhost or 0.0.0.0, and --port a number above 1023."
        ) from error


def _list_hosts(address: str) -> list[str]:
    """Return the names under which browsers may ask for the app.

    Another name that leads to this computer belongs to a web page that wants to read what the app shows (DNS
    rebinding): such a page counts as of the same origin.
    """
    hosts = {*LOCAL_HOSTS, os.environ.get("STREAMLIT_BROWSER_SERVER_ADDRESS", "").strip().lower()}
    hosts |= _name_this_computer() if address in EVERY_ADDRESS else {address}
    return sorted(hosts - {""})


def _name_this_computer() -> set[str]:
    """Return the names and the address by which others on the network know this computer; asks nobody."""
    names = {socket.gethostname().lower(), socket.getfqdn().lower()}
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Connecting a datagram socket sends nothing; it only chooses the interface.
        probe.connect(("192.0.2.1", 9))
        names.add(str(probe.getsockname()[0]))
    return names
