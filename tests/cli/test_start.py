"""Ctrl+C while the commands are still being loaded."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Ctrl+C comes with the import that is named; a test run in the background may hand down that it is ignored.
START = """
import os, runpy, signal, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == awaited:
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, getattr(signal, sys.argv[2]))
awaited = sys.argv[1]
sys.meta_path.insert(0, Interrupt())
sys.argv[1:] = ["--version"]
runpy.run_module("dr_core", run_name="__main__")
"""


def start(awaited: str, handler: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", START, awaited, handler]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("awaited", ["dr_core.cli", "dr_core.cli.grade", "numpy", "cv2"])
def test_ctrl_c_amid_the_imports_ends_without_a_traceback(awaited):
    ended = start(awaited, "default_int_handler")
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_ctrl_c_that_is_ignored_stays_so():
    ended = start("dr_core.cli.grade", signal.SIG_IGN.name)
    assert ended.returncode == 0
    assert ended.stdout.startswith("RetinaDesk ")
