"""What reaches Streamlit of what is asked: by a name of ours, from a page of ours, and only what these pages need."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import ASGIApp

from dashboard import asgi
from dashboard.edge.entrance import Entrance
from dashboard.edge.exports import COOKIE, Exports, browser_of, new_browser

LISTED = ("deck.example.com", "*.ops.example.com")
HERE = "localhost:8501"
FILE = "0123456789abcdef0123456789abcdef.csv"


class Door:
    """An entrance before an app that answers everything and notes what it was asked."""

    def __init__(self, *, full: str = "") -> None:
        self.asked: list[Any] = []
        self.exports = Exports()
        entrance = Entrance(self._app, names=lambda: LISTED, exports=self.exports, why_full=lambda address: full)
        self._door: ASGIApp = asgi.SecurityHeaders(entrance)

    def ask(self, kind: str, path: str = "/triage", **headers: str) -> tuple[Any, dict[str, str]]:
        """Status or type of the first answer, and its headers."""
        given = {"host": HERE, **headers}
        raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in given.items() if value]
        scope = {"type": kind, "path": path, "headers": raw, "method": "GET", "query_string": b"", "extensions": {}}
        scope |= {"client": ("10.9.8.7", 4711), "scheme": "http"}
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request" if kind == "http" else "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self._door(scope, receive, send))
        found = {name.decode(): value.decode() for name, value in sent[0].get("headers", [])}
        return sent[0].get("status", sent[0]["type"]), found

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"ok"})
        else:
            await send({"type": "websocket.accept"})


@pytest.mark.parametrize(("host", "status"), [(HERE, 200), ("evil.example", 421), ("", 421), ("a;b", 421)])
def test_a_request_under_a_foreign_name_is_misdirected(host: str, status: int) -> None:
    door = Door()
    found, headers = door.ask("http", host=host)
    assert (found, len(door.asked)) == (status, int(status == 200))
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_and_prometheus_come_by_any_name(path: str) -> None:
    assert Door(full="full").ask("http", path, host="tealdeck.ops.svc:8501", accept="text/html")[0] == 200


@pytest.mark.parametrize(
    ("host", "origin", "answer"),
    [
        (HERE, f"http://{HERE}", "websocket.accept"),
        ("LOCALHOST:8501", f"http://{HERE}", "websocket.accept"),
        (HERE, "", "websocket.accept"),  # no browser
        ("10.0.0.7:8501", "https://deck.example.com", "websocket.accept"),
        (HERE, "http://localhost:3000", "websocket.close"),
        (HERE, "https://evil.example", "websocket.close"),
        (HERE, "null", "websocket.close"),
        ("evil.example", "http://evil.example", "websocket.close"),
        ("blue.ops.example.com", "https://green.ops.example.com", "websocket.close"),
    ],
)
def test_a_websocket_is_opened_for_pages_of_ours_alone(host: str, origin: str, answer: str) -> None:
    door = Door()
    assert door.ask("websocket", "/_stcore/stream", host=host, origin=origin)[0] == answer
    for scope in door.asked:  # Streamlit is left nothing to wonder about, since it would ask the Internet
        seen = dict(scope["headers"])
        assert seen.get(b"origin", b"").partition(b"//")[2] in (b"", seen[b"host"])


@pytest.mark.parametrize("path", ["/", "/media/x", "/_stcore/health", "/_stcore/host-config"])
def test_over_http_no_origin_reaches_streamlit(path: str) -> None:
    door = Door()
    assert door.ask("http", path, origin="https://evil.example")[0] == 403
    assert door.asked == []
    door.ask("http", path, origin=f"http://{HERE}")
    assert all(b"origin" not in dict(scope["headers"]) for scope in door.asked)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/_stcore/health", 200),
        ("/_stcore/host-config", 200),
        ("/_stcore/bidi-components/x/y.js", 200),
        ("/_stcore/metrics", 404),
        ("/_stcore/metrics/", 404),
        ("/release/_stcore/metrics", 404),
        ("//_stcore/metrics", 404),
        ("/_stcore/upload_file/s/f", 404),
        ("/_stcore/script-health-check", 404),
        ("/_stcore/agent/interact", 404),
        ("/_stcore/", 404),
    ],
)
def test_of_streamlits_own_routes_only_those_that_a_page_needs_are_open(path: str, status: int) -> None:
    assert Door().ask("http", path)[0] == status


def test_a_file_goes_to_the_browser_that_was_offered_it_and_to_no_other() -> None:
    door = Door()
    hers, his = new_browser(), new_browser()
    door.exports.note(hers, b"\x12\x34/media/" + FILE.encode() + b"\x00")
    for cookie, status in ((f"{COOKIE}={hers}", 200), (f"{COOKIE}={his}", 404), ("", 404), (f"{COOKIE}=", 404)):
        assert door.ask("http", f"/media/{FILE}", cookie=cookie)[0] == status, cookie
    assert door.ask("http", f"/release/media/{FILE}", cookie=f"{COOKIE}={his}")[0] == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/static/media/icons.woff2", 200),
        ("/deck/static/media/icons.woff2", 200),
        (f"/deck/media/{FILE}", 404),
        (f"/static/media/media/{FILE}", 404),
        (f"/static/x/media/{FILE}", 404),
        (f"/media/static/media/{FILE}", 404),
    ],
)
def test_fonts_of_the_app_are_nobodys_export_under_any_base_path(path: str, status: int) -> None:
    assert Door().ask("http", path)[0] == status


def test_a_browser_is_named_by_the_first_page_and_keeps_its_name() -> None:
    door = Door()
    cookie = door.ask("http", accept="text/html,*/*")[1]["set-cookie"]
    assert "HttpOnly; SameSite=Lax" in cookie
    assert "Secure" not in cookie
    name = cookie.partition(";")[0]
    assert browser_of(name)
    assert "set-cookie" not in door.ask("http", accept="text/html", cookie=name)[1]
    assert "set-cookie" not in door.ask("http", "/static/x.js", accept="*/*")[1]
    assert "; Secure" in door.ask("http", accept="text/html", x_forwarded_proto="https")[1]["set-cookie"]


def test_a_page_says_when_the_deck_is_full() -> None:
    door = Door(full="as many as it takes")
    assert door.ask("http", accept="text/html")[0] == 503
    assert door.ask("http", "/static/x.js", accept="*/*")[0] == 200


def test_a_page_may_connect_to_the_host_it_came_from_and_to_no_other() -> None:
    _, headers = Door().ask("http", host="deck.example.com:8443")
    assert (
        "connect-src 'self' ws://deck.example.com:8443 wss://deck.example.com:8443;"
        in headers["content-security-policy"]
    )
