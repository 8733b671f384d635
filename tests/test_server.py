"""The server asks nobody outside this computer anything, and names its pages itself."""

import signal
import subprocess
import sys
import time
import tomllib
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
from streamlit import config, net_util, runtime
from streamlit.runtime import RuntimeState
from streamlit.web import cli
from streamlit.web.server.server_util import is_url_from_allowed_origins

import server
from tests.conftest import ROOT


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "http://203.0.113.7:8501"])
def test_foreign_origin_is_refused_without_asking_the_internet(monkeypatch, origin):
    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda *_, **__: pytest.fail("asked the internet"))
    monkeypatch.setattr(cli, "main", lambda prog_name: None)
    monkeypatch.setattr(server, "_follow_start", lambda: None)
    monkeypatch.setattr(server, "_end_with_the_terminal", lambda: None)
    monkeypatch.setattr(server, "guard_server", lambda: None)
    server.main()
    assert not is_url_from_allowed_origins(origin)
    assert is_url_from_allowed_origins("http://localhost:8501")


def test_file_names_of_pages_are_never_offered_as_navigation():
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["client"]["showSidebarNavigation"] is False


def test_no_page_around_a_frame_may_steer_the_app():
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["client"]["allowedOrigins"] == []
    assert config.get_option("client.allowedOrigins") is not None


def test_sessions_wait_for_their_browser_for_a_quarter_of_an_hour():
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["server"]["disconnectedSessionTTL"] == 900
    assert config.get_option("server.disconnectedSessionTTL") is not None


@pytest.fixture
def imported(monkeypatch) -> list[str]:
    """Names of what is imported once the server runs, with stand-ins for it."""
    names: list[str] = []
    stand_in = SimpleNamespace(
        sweep_sessions_often=lambda instance: names.append(f"swept {instance.name}"),
        remove_abandoned=lambda folder: names.append(f"removed {folder.name}"),
    )
    monkeypatch.setattr(server.importlib, "import_module", lambda name: names.append(name) or stand_in)
    return names


def test_what_can_wait_waits_for_the_server_and_exists(monkeypatch, imported, tmp_path):
    monkeypatch.setenv("RETINADESK_JOB_DIR", str(tmp_path / "jobs"))
    states = iter([RuntimeState.INITIAL, RuntimeState.NO_SESSIONS_CONNECTED])
    running = SimpleNamespace(state=RuntimeState.NO_SESSIONS_CONNECTED, name="runtime")
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(
        runtime, "get_instance", lambda: SimpleNamespace(state=state) if (state := next(states, None)) else running
    )
    server._follow_start()
    assert imported == [
        "pages.components.session_sweep",
        "swept runtime",
        "dr_core.screening.spool",
        "removed jobs",
        *server.EARLY_MODULES,
    ]
    assert all(find_spec(name) for name in imported if "." in name)


def test_folder_that_is_set_wrongly_is_left_to_the_batch_page(monkeypatch, imported):
    monkeypatch.setenv("RETINADESK_JOB_DIR", "not/absolute")
    server._remove_left_photographs()
    assert not [name for name in imported if name.startswith("removed")]


def test_server_that_never_starts_is_not_waited_for_without_end(monkeypatch, imported):
    monkeypatch.setattr(runtime, "exists", lambda: False)
    monkeypatch.setattr(server, "LONGEST_WAIT_S", 0.0)
    server._follow_start()
    assert imported == []


HANGUP = """
import signal, sys, time
signal.signal(signal.SIGHUP, signal.{before})
import server

def stop(number, frame):
    print("Stopping", flush=True)
    time.sleep(0.2)
    open(sys.argv[1], "w").write(signal.Signals(number).name)
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
server._end_with_the_terminal()
print("ready", flush=True)
sys.stdin.read()
"""


def start_and_hang_up(tmp_path, *, before: str) -> tuple[int, str]:
    """Status and note of a server's end after its terminal was closed, and the shell sent a signal beside the system's.

    One that outlives both ends when it is told so.
    """
    noted = tmp_path / "noted"
    command = [sys.executable, "-c", HANGUP.format(before=before), str(noted)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        assert process.stdout.readline() == b"ready\n"
        process.stdout.close()
        for _ in range(2):
            process.send_signal(signal.SIGHUP)
        if before == "SIG_IGN":
            process.stdin.close()
        status = process.wait(60)
    return status, noted.read_text() if noted.exists() else ""


def test_closed_terminal_ends_the_server_as_a_shutdown_does(tmp_path):
    assert start_and_hang_up(tmp_path, before="SIG_DFL") == (0, "SIGTERM")


def test_server_under_nohup_outlives_its_terminal(tmp_path):
    assert start_and_hang_up(tmp_path, before="SIG_IGN") == (0, "")


def test_log_file_gets_the_last_words_after_a_hangup(tmp_path):
    with (tmp_path / "log").open("w") as log:
        command = [sys.executable, "-c", HANGUP.format(before="SIG_DFL"), str(tmp_path / "noted")]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=log)
    with process:
        while "ready" not in (tmp_path / "log").read_text():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 0
    assert (tmp_path / "log").read_text() == "ready\nStopping\n"
