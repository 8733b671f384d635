"""``serve`` hands over to Streamlit, on this computer alone unless told otherwise."""

import os
import socket
import sys
from itertools import pairwise
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
    assert command[4:8] == ["--server.address", "localhost", "--server.port", "8600"]
    assert list_hosts(command) == ["127.0.0.1", "::1", "localhost"]


def list_hosts(command: list[str]) -> list[str]:
    return [value for option, value in pairwise(command) if option == "--server.allowedHosts"]


def test_browsers_may_ask_under_the_clinics_name_and_no_other(handed_over, monkeypatch):
    monkeypatch.setenv("STREAMLIT_BROWSER_SERVER_ADDRESS", "Retina.Clinic.example")
    monkeypatch.setattr(socket.socket, "bind", lambda self, place: None)
    main(["serve", "--address", "10.1.2.3"])
    assert list_hosts(handed_over[0]) == ["10.1.2.3", "127.0.0.1", "::1", "localhost", "retina.clinic.example"]
    main(["serve", "--address", "0.0.0.0"])
    hosts = list_hosts(handed_over[1])
    assert socket.gethostname().lower() in hosts
    assert "0.0.0.0" not in hosts
    assert "*" not in "".join(hosts)


@pytest.mark.parametrize("port", ["0", "70000"])
def test_impossible_port_is_a_usage_error(port, handed_over, capsys):
    assert main(["serve", "--port", port]) == 2
    assert "--port must lie between" in capsys.readouterr().err
    assert handed_over == []


@pytest.mark.parametrize("address", ["nohost.invalid", "999.1.1.1", "192.0.2.1", "x" * 300, "::g", "a b"])
def test_address_that_nobody_can_listen_on_is_a_usage_error(address, handed_over, capsys):
    assert main(["serve", "--address", address]) == 2
    shown = capsys.readouterr().err
    assert "give --address a name or number of this computer" in shown
    assert shown.count("\n") == 1
    assert handed_over == []


def test_taken_port_is_left_to_streamlit(handed_over):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        main(["serve", "--address", "127.0.0.1", "--port", str(taken.getsockname()[1])])
    assert len(handed_over) == 1


def test_incomplete_copy_says_so(tmp_path, monkeypatch, handed_over, capsys):
    monkeypatch.setattr(serve, "HOME", tmp_path)
    assert main(["serve"]) == 2
    assert "complete copy" in capsys.readouterr().err
