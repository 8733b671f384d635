"""Every answer of the server carries the headers, and a foreign name gets none of what the server knows."""

import asyncio

import pytest
from streamlit import config
from streamlit.web.server.starlette import starlette_server

import server
from pages.components import http_guard
from pages.components.http_guard import HEADERS, GuardedApp


async def answer(scope, _receive, send):
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})
        return
    headers = [(b"content-type", b"text/plain"), (b"X-Frame-Options", b"DENY")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"photographs"})


def ask(*hosts: str, path: str = "/", kind: str = "http") -> list[dict]:
    """Return the messages of an application behind the guard that was asked under these names."""
    sent: list[dict] = []

    async def send(message):
        sent.append(message)

    headers = [(b"host", host.encode()) for host in hosts]
    asyncio.run(GuardedApp(answer)({"type": kind, "path": path, "headers": headers}, None, send))
    return sent


@pytest.fixture(autouse=True)
def _own_names(monkeypatch):
    hosts = ["localhost", "127.0.0.1", "::1", "retina.clinic.example"]
    get_option = config.get_option
    monkeypatch.setattr(config, "get_option", lambda name: hosts if name == "server.allowedHosts" else get_option(name))


def test_answers_carry_every_header_once_and_keep_their_own():
    start, body = ask("localhost:8501")
    assert body["body"] == b"photographs"
    for name, value in HEADERS:
        found = [found for key, found in start["headers"] if key.lower() == name]
        assert found == ([b"DENY"] if name == b"x-frame-options" else [value])


def test_no_other_page_may_frame_the_app_and_nothing_may_be_sent_elsewhere():
    policy = dict(part.split(" ", 1) for part in http_guard.CONTENT_SECURITY_POLICY.split("; "))
    assert policy["frame-ancestors"] == policy["form-action"] == policy["default-src"] == "'self'"
    assert policy["connect-src"] == "'self' data: blob:"
    assert "http" not in http_guard.CONTENT_SECURITY_POLICY
    assert "*" not in http_guard.CONTENT_SECURITY_POLICY


@pytest.mark.parametrize(
    "host", ["localhost:8501", "127.0.0.1:8501", "[::1]:8501", "Retina.Clinic.Example", "localhost."]
)
def test_own_names_are_answered(host):
    assert ask(host)[0]["status"] == 200


@pytest.mark.parametrize(
    "hosts",
    [
        ["elsewhere.example"],
        ["localhost.elsewhere.example"],
        ["localhost@elsewhere.example"],
        ["localhost:port"],
        [""],
        [],
        ["localhost", "elsewhere.example"],
    ],
)
def test_foreign_names_are_refused_with_a_reason(hosts):
    start, body = ask(*hosts, path="/media/some-photograph.jpg")
    assert start["status"] == 403
    assert b"does not answer under this name" in body["body"]
    assert (b"content-length", str(len(body["body"])).encode()) in start["headers"]
    assert HEADERS[0] in start["headers"]


def test_whoever_watches_over_the_server_may_ask_by_its_number():
    assert ask("10.0.0.7:8501", path="/_stcore/health")[0]["status"] == 200
    assert ask("10.0.0.7:8501", path="/media/_stcore/health")[0]["status"] == 403


def test_health_is_found_under_the_path_of_a_proxy(monkeypatch):
    options = {"server.allowedHosts": ["localhost"], "server.baseUrlPath": "retina/"}
    monkeypatch.setattr(config, "get_option", options.get)
    assert ask("10.0.0.7:8501", path="/retina/_stcore/health")[0]["status"] == 200


def test_connections_of_other_kinds_pass_as_they_are():
    assert ask(kind="websocket") == [{"type": "websocket.close"}]


def test_server_starts_behind_the_guard(monkeypatch):
    """Streamlit makes its application where it did when the guard was written."""
    monkeypatch.setattr(starlette_server, "create_starlette_app", lambda _runtime: answer)
    http_guard.guard_server()
    assert isinstance(starlette_server.create_starlette_app(None), GuardedApp)
    assert server.guard_server is http_guard.guard_server
    assert "create_starlette_app" in starlette_server.UvicornServer.start.__code__.co_names
