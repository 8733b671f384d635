"""The command line: ``python -m dr_core COMMAND``.

Each command is a module of this package with ``NAME``, ``SUMMARY``, ``add_arguments(parser)`` and ``run(arguments)``,
listed in ``COMMANDS``. What a command needs beyond the library's core (TensorFlow, for one), it imports in ``run``.

Exit status: 0 done; 1 a disk failed or an unexpected end; 2 usage; 3 the model cannot be used; 130 stopped by Ctrl+C
or, in the same orderly way, by SIGTERM or SIGHUP.
"""

import argparse
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import FrameType, ModuleType

from dr_core import __version__
from dr_core.domain.errors import ConfigurationError, DRError, ModelError
from dr_core.domain.intended_use import INTENDED_USE

__all__ = ["COMMANDS", "load_commands", "main"]

PROGRAM = "python -m dr_core"
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
    # What Pillow thinks of a damaged file stands in the report, in words that help.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        with _stop_like_ctrl_c():
            status: int = arguments.run(arguments)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except DRError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return _find_status(error)
    return status


def load_commands() -> list[ModuleType]:
    """Import every command, and return the modules in the order of `COMMANDS`."""
    return [import_module(f"dr_core.cli.{name}") for name in COMMANDS]


@contextmanager
def _stop_like_ctrl_c() -> Iterator[None]:
    """Let a shutdown, a service manager or a closed terminal stop the work as Ctrl+C does."""
    numbers = [number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
    if threading.current_thread() is not threading.main_thread():
        numbers = []
    # A signal that is ignored (nohup) or handled by a caller stays so.
    replaced = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in replaced:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in replaced:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def _find_status(error: DRError) -> int:
    if isinstance(error, ModelError):
        return EXIT_MODEL
    return EXIT_USAGE if isinstance(error, ConfigurationError) else EXIT_FAILURE


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Screening of fundus photographs for diabetic retinopathy.",
        epilog=INTENDED_USE,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"RetinaDesk {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in load_commands():
        # argparse fills placeholders into the help of a command, and none into its description.
        summary = module.SUMMARY.replace("%", "%%")
        command = commands.add_parser(module.NAME, help=summary, description=module.SUMMARY, allow_abbrev=False)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser
