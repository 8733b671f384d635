"""The server asks nobody outside this computer anything, and names its pages itself."""

import tomllib

import pytest
from streamlit import net_util
from streamlit.web import cli
from streamlit.web.server.server_util import is_url_from_allowed_origins

import server
from tests.conftest import ROOT


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "http://203.0.113.7:8501"])
def test_foreign_origin_is_refused_without_asking_the_internet(monkeypatch, origin):
    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda *_, **__: pytest.fail("asked the internet"))
    monkeypatch.setattr(cli, "main", lambda prog_name: None)
    server.main()
    assert not is_url_from_allowed_origins(origin)
    assert is_url_from_allowed_origins("http://localhost:8501")


def test_file_names_of_pages_are_never_offered_as_navigation():
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["client"]["showSidebarNavigation"] is False
