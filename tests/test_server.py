"""The server asks nobody outside this computer anything."""

import pytest
from streamlit import net_util
from streamlit.web import cli
from streamlit.web.server.server_util import is_url_from_allowed_origins

import server


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "http://203.0.113.7:8501"])
def test_foreign_origin_is_refused_without_asking_the_internet(monkeypatch, origin):
    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda *_, **__: pytest.fail("asked the internet"))
    monkeypatch.setattr(cli, "main", lambda prog_name: None)
    server.main()
    assert not is_url_from_allowed_origins(origin)
    assert is_url_from_allowed_origins("http://localhost:8501")
