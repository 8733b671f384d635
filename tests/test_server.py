"""The server asks nobody outside this computer anything, and names its pages itself."""

import tomllib
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
from streamlit import net_util, runtime
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
    monkeypatch.setattr(server, "_import_early", lambda: None)
    server.main()
    assert not is_url_from_allowed_origins(origin)
    assert is_url_from_allowed_origins("http://localhost:8501")


def test_file_names_of_pages_are_never_offered_as_navigation():
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["client"]["showSidebarNavigation"] is False


def test_early_modules_wait_for_the_server_and_exist(monkeypatch):
    imported: list[str] = []
    states = iter([RuntimeState.INITIAL, RuntimeState.NO_SESSIONS_CONNECTED])
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: SimpleNamespace(state=next(states)))
    monkeypatch.setattr(server.importlib, "import_module", imported.append)
    server._import_early()
    assert next(states, None) is None
    assert tuple(imported) == server.EARLY_MODULES
    assert all(find_spec(name) for name in imported)


def test_early_modules_are_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(runtime, "exists", lambda: False)
    monkeypatch.setattr(server, "LONGEST_WAIT_S", 0.0)
    monkeypatch.setattr(server.importlib, "import_module", lambda name: pytest.fail(f"imported {name}"))
    server._import_early()
