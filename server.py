"""Streamlit's server as ``python -m dr_core serve`` starts it: it asks nobody outside for this computer's address.

To refuse a browser that comes from a foreign origin, and to print addresses at the start, Streamlit asks a server on
the internet under which address this computer is known there. Nothing is to leave this computer, and nothing is lost:
an installation behind a proxy names its host in ``STREAMLIT_BROWSER_SERVER_ADDRESS``.

It also leaves no photographs behind: a closed terminal ends it in the orderly way, what a killed server left on disk
is removed at the start, and sessions end on time. Its answers carry security headers (`http_guard`). What the first
page imports is imported while the browser is still busy with Streamlit's own files.
"""

import importlib
import os
import signal
import stat
import threading
import time
from contextlib import suppress
from types import FrameType

from streamlit import net_util, runtime
from streamlit.runtime import RuntimeState
from streamlit.web import cli

from dr_core.domain.errors import ConfigurationError
from dr_core.settings import load_settings
from pages.components.http_guard import guard_server

__all__ = ["main"]

# They bring nearly all that the Screen page imports.
EARLY_MODULES = ("pages.components.uploads", "pages.components.heatmap_panel", "pages.components.downloads")
POLL_S, LONGEST_WAIT_S = 0.01, 60.0
OUTPUTS = (1, 2)


def main() -> None:
    """Run the command line of Streamlit, without its question."""
    net_util.get_external_ip = lambda: None
    guard_server()
    _end_with_the_terminal()
    threading.Thread(target=_follow_start, name="server-start", daemon=True).start()
    cli.main(prog_name="streamlit")


def _end_with_the_terminal() -> None:
    """Let a closed terminal end the server as SIGTERM does, with its batches; ``nohup`` keeps it running."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _hang_up)


def _hang_up(number: int, frame: FrameType | None) -> None:
    del frame
    # The shell and the system may send one each, and the second would interrupt the removing of files.
    signal.signal(number, signal.SIG_IGN)
    # Streamlit announces that it stops before it does: on a terminal that is gone, it would fail to.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for output in OUTPUTS:
        if not _is_file(output):
            os.dup2(nowhere, output)
    os.close(nowhere)
    signal.raise_signal(signal.SIGTERM)


def _is_file(descriptor: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _follow_start() -> None:
    """Do what waits until the server runs; before, it would only start later."""
    if not _wait_for_server():
        return  # a server that did not start says why by itself
    importlib.import_module("pages.components.session_sweep").sweep_sessions_often(runtime.get_instance())
    _remove_left_photographs()
    for name in EARLY_MODULES:
        importlib.import_module(name)


def _wait_for_server() -> bool:
    deadline = time.monotonic() + LONGEST_WAIT_S
    while not (runtime.exists() and runtime.get_instance().state is not RuntimeState.INITIAL):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _remove_left_photographs() -> None:
    """Remove the batches of a server that was killed, whether or not anybody opens the Batch page."""
    with suppress(ConfigurationError):  # the Batch page says it
        importlib.import_module("dr_core.screening.spool").remove_abandoned(load_settings().job_dir)


if __name__ == "__main__":
    main()
