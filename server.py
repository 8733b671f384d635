"""Streamlit's server as ``python -m dr_core serve`` starts it: it asks nobody outside for this computer's address.

To refuse a browser that comes from a foreign origin, and to print addresses at the start, Streamlit asks a server on
the internet under which address this computer is known there. Nothing is to leave this computer, and nothing is lost:
an installation behind a proxy names its host in ``STREAMLIT_BROWSER_SERVER_ADDRESS``.
"""

from streamlit import net_util
from streamlit.web import cli

__all__ = ["main"]


def main() -> None:
    """Run the command line of Streamlit, without its question."""
    net_util.get_external_ip = lambda: None
    cli.main(prog_name="streamlit")


if __name__ == "__main__":
    main()
