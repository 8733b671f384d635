"""The command line: ``python -m dr_core COMMAND``, or ``dr-screen COMMAND`` once installed.

Each command is a module of this package with ``NAME``, ``SUMMARY``, ``add_arguments(parser)`` and ``run(arguments)``,
listed in ``COMMANDS``. What a command needs beyond the library's core (TensorFlow, for one), it imports in ``run``.

Exit status: 0 done; 1 a disk failed or an unexpected end; 2 usage; 3 the model cannot be used; 130 stopped by Ctrl+C.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from dr_core import __version__
from dr_core.domain.errors import ConfigurationError, DRError, ModelError
from dr_core.domain.intended_use import INTENDED_USE

__all__ = ["COMMANDS", "main"]

COMMANDS = ("calibrate", "evaluate", "grade", "serve", "statistics", "train")

EXIT_FAILURE, EXIT_USAGE, EXIT_MODEL, EXIT_INTERRUPTED = 1, 2, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments after the program's name; None for those of the process.

    Returns:
        The exit status. Wrong arguments end the process with status 2, as argparse does.
    """
    arguments = _make_parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except DRError as error:
        print(f"dr-screen: {error}", file=sys.stderr)
        return _find_status(error)
    return status


def _find_status(error: DRError) -> int:
    if isinstance(error, ModelError):
        return EXIT_MODEL
    return EXIT_USAGE if isinstance(error, ConfigurationError) else EXIT_FAILURE


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dr-screen",
        description="Screening of fundus photographs for diabetic retinopathy.",
        epilog=INTENDED_USE,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"RetinaDesk {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = import_module(f"dr_core.cli.{name}")
        command = commands.add_parser(module.NAME, help=module.SUMMARY, description=module.SUMMARY, allow_abbrev=False)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser
