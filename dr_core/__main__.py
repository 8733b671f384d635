"""``python -m dr_core``: the command line."""

import sys

from dr_core.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
