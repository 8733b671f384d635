"""Streamlit's server as ``python -m dr_core serve`` starts it: it asks nobody outside for this computer's address.

To refuse a browser that comes from a foreign origin, and to print addresses at the start, Streamlit asks a server on
the internet under which address this computer is known there. Nothing is to leave this computer, and nothing is lost:
an installation behind a proxy names its host in ``STREAMLIT_BROWSER_SERVER_ADDRESS``.

What the first page imports is imported while the browser is still busy with Streamlit's own files.
"""

import importlib
import threading
import time

from streamlit import net_util, runtime
from streamlit.runtime import RuntimeState
from streamlit.web import cli

__all__ = ["main"]

# They bring nearly all that the Screen page imports.
EARLY_MODULES = ("pages.components.uploads", "pages.components.heatmap_panel", "pages.components.downloads")
POLL_S, LONGEST_WAIT_S = 0.01, 60.0


def main() -> None:
    """Run the command line of Streamlit, without its question."""
    net_util.get_external_ip = lambda: None
    threading.Thread(target=_import_early, name="early-imports", daemon=True).start()
    cli.main(prog_name="streamlit")


def _import_early() -> None:
    """Import the first page's modules once the server runs; before, it would only start later."""
    deadline = time.monotonic() + LONGEST_WAIT_S
    while not (runtime.exists() and runtime.get_instance().state is not RuntimeState.INITIAL):
        if time.monotonic() > deadline:
            return  # a server that did not start says why by itself
        time.sleep(POLL_S)
    for name in EARLY_MODULES:
        importlib.import_module(name)


if __name__ == "__main__":
    main()
