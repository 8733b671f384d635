"""Finds the Chromium that the browser tests drive; ``python tests/browser/chromium.py`` says which one it is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "microsoft-edge")
MAC_APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
REMEDY = "No Chromium was found. Install one (`make chromium` tells how), or name it in CHROMIUM=/path/to/chrome."


def find_chromium() -> str:
    """Path of a Chromium or Chrome; the variable CHROMIUM goes before what is installed.

    Raises:
        FileNotFoundError: there is none; the message gives the remedy.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        found = shutil.which(named)
    else:
        installed = (shutil.which(name) for name in NAMES)
        found = next(filter(None, [*installed, *(app for app in MAC_APPLICATIONS if Path(app).exists())]), None)
    if not found:
        raise FileNotFoundError(f"CHROMIUM={named} is no program." if named else REMEDY)
    return found


def main() -> int:
    """Print the browser's version; exit status 1 when there is none or it does not start."""
    try:
        done = subprocess.run([find_chromium(), "--version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        sys.stdout.write(f"{error}\n")
        return 1
    sys.stdout.write(done.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
