"""What every answer of the server says to the browser, and under which names it answers at all.

Streamlit sends no security headers. Without them any page of the web may show the app in a frame of its own, lay
something over it and catch clicks and photographs that are meant for the app; and a page under a name that was turned
to this computer (DNS rebinding) may ask for whatever needs no session.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from streamlit import config
from streamlit.web.server.starlette import starlette_server
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

__all__ = ["HEADERS", "GuardedApp", "guard_server"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]

# Streamlit builds styles and some scripts (charts, components) while it runs; all of them come from this server. Where
# they may send something to is what counts: nowhere else.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"x-content-type-options", b"nosniff"),
    # The address of a batch is the key to it.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
# Asked by whoever watches over the server, by its number rather than its name; tells nothing but "ok".
HEALTH = "/_stcore/health"
FORBIDDEN = 403
REFUSAL = b"This server does not answer under this name. STREAMLIT_BROWSER_SERVER_ADDRESS names the clinic's own.\n"


class GuardedApp:
    """An application of a web server behind these rules."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request as the application does, with the headers; connections of other kinds pass."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _add_headers(list(message.get("headers", ())))
            await send(message)

        if scope["path"] == _locate_health() or is_host_allowed(_find_host(scope)):
            await self._app(scope, receive, send_with_headers)
            return
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(REFUSAL)).encode())]
        await send_with_headers({"type": "http.response.start", "status": FORBIDDEN, "headers": headers})
        await send_with_headers({"type": "http.response.body", "body": REFUSAL})


def guard_server() -> None:
    """Let the server that Streamlit starts from now on answer by these rules."""
    # Streamlit offers no way in but this for an application that is started by its own command line.
    module: Any = starlette_server
    make_app = module.create_starlette_app
    module.create_starlette_app = lambda runtime: GuardedApp(make_app(runtime))


def _locate_health() -> str:
    base = str(config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{HEALTH}" if base else HEALTH


def _find_host(scope: Message) -> str | None:
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    # Two of them would let one be checked and the other be believed.
    return hosts[0] if len(hosts) == 1 else None


def _add_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    present = {name.lower() for name, _ in headers}
    return [*headers, *(header for header in HEADERS if header[0] not in present)]
