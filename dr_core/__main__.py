"""``python -m dr_core``: the command line."""

import os
import sys
from types import FrameType

EXIT_INTERRUPTED = 130


def run() -> int:
    """Load the commands and run one; Ctrl+C ends it in an orderly way from the first moment on."""
    try:
        import signal  # takes a moment itself

        found = signal.getsignal(signal.SIGINT)
        # Whoever ignores Ctrl+C (a job in the background) goes on ignoring it.
        if found is signal.default_int_handler:
            signal.signal(signal.SIGINT, _leave)
        from dr_core.cli import load_commands, main

        load_commands()
        if found is signal.default_int_handler:
            signal.signal(signal.SIGINT, found)
        return main(sys.argv[1:])
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once: an exception amid the imports may be lost, and there is nothing to clear up yet."""
    del number, frame
    os._exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    sys.exit(run())
