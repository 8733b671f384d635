"""``serve`` hands over to Streamlit, on this computer alone unless told otherwise."""

import os
import sys
from pathlib import Path

import pytest

from dr_core.cli import main, serve


@pytest.fixture
def handed_over(monkeypatch) -> list[list[str]]:
    calls: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda path, command: calls.append(command))
    monkeypatch.setattr(os, "chdir", lambda path: None)
    return calls


def test_serve_listens_on_this_computer_alone(handed_over):
    main(["serve", "--port", "8600"])
    (command,) = handed_over
    assert command[0] == sys.executable
    assert [Path(part).name for part in command[1:4]] == ["server.py", "run", "app.py"]
    assert command[4:] == ["--server.address", "localhost", "--server.port", "8600"]


@pytest.mark.parametrize("port", ["0", "70000"])
def test_impossible_port_is_a_usage_error(port, handed_over, capsys):
    assert main(["serve", "--port", port]) == 2
    assert "--port must lie between" in capsys.readouterr().err
    assert handed_over == []


def test_incomplete_copy_says_so(tmp_path, monkeypatch, handed_over, capsys):
    monkeypatch.setattr(serve, "HOME", tmp_path)
    assert main(["serve"]) == 2
    assert "complete copy" in capsys.readouterr().err
