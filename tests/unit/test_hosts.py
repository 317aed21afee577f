"""The deck answers under names of its own alone, and its pages connect to nobody else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import asgi
from dashboard.settings import SettingsError, load
from dashboard.ui.hosts import is_known, is_own_origin, parse_host

LISTED = ("deck.example.com", "*.ops.example.com")


def known(text: str, names: tuple[str, ...] = LISTED) -> bool:
    host = parse_host(text)
    return host is not None and is_known(host, names)


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8501", "LOCALHOST:8501", "deck.localhost", "127.0.0.1:8501", "[::1]:8501", "10.1.2.3",
     "deck.example.com", "Deck.Example.com.:443", "blue.ops.example.com"],
)  # fmt: skip
def test_it_answers_under_its_own_names_and_under_addresses(host: str) -> None:
    assert known(host)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8501", "deck.example.com.evil.example", "ops.example.com", "xops.example.com",
     "localhost.evil.example", "notlocalhost", "127.0.0.1.evil.example", "", " ", "a b", "a/b", "user@localhost",
     "localhost:8501:1", "localhost:x", "[::1", "a;b", "a'b", "a,b", "ä.example", "2130706433"],
)  # fmt: skip
def test_it_does_not_answer_under_names_that_somebody_else_may_own(host: str) -> None:
    assert not known(host)


def test_any_name_will_do_where_the_settings_say_so() -> None:
    assert known("evil.example", ("*",))


@pytest.mark.parametrize(
    ("origin", "host", "is_own"),
    [
        ("http://localhost:8501", "localhost:8501", True),
        ("https://deck.example.com", "deck.example.com", True),
        ("https://deck.example.com", "10.0.0.7:8501", True),  # behind a proxy that names the pod
        ("http://localhost:3000", "localhost:8501", False),
        ("http://127.0.0.1:8501", "localhost:8501", False),
        ("https://evil.example", "localhost:8501", False),
        ("https://evil.example", "deck.example.com", False),
        ("null", "localhost:8501", False),
        ("", "localhost:8501", False),
        ("http://[", "localhost:8501", False),
    ],
)
def test_only_its_own_pages_open_a_websocket(origin: str, host: str, is_own: bool) -> None:
    found = parse_host(host)
    assert found is not None
    assert is_own_origin(origin, found, LISTED) is is_own
    assert is_own_origin(origin, found, ("*",)) is (
        (is_own and "example.com" not in origin) or origin.endswith(f"//{host}")
    )


@given(st.text(max_size=60))
def test_no_host_can_add_anything_to_the_policy(text: str) -> None:
    policy = asgi.content_security_policy(parse_host(text))
    [connect] = [part for part in policy.split("; ") if part.startswith("connect-src ")]
    sources = connect.split()[1:]
    assert sources == ["'self'"] or sources == ["'self'", f"ws://{sources[1][5:]}", f"wss://{sources[1][5:]}"]
    assert policy.count(";") == asgi.content_security_policy(None).count(";")


def call(
    app: Any, kind: str, host: str | None, *, path: str = "/triage", origin: str | None = None
) -> list[dict[str, Any]]:
    """What an ASGI app sends back to one request."""
    named = {"host": host, "origin": origin}
    headers = [(name.encode(), value.encode("latin-1")) for name, value in named.items() if value is not None]
    scope = {"type": kind, "path": path, "headers": headers, "method": "GET", "query_string": b"", "extensions": {}}
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": f"{kind}.request" if kind == "http" else "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


async def inner(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
    else:
        await send({"type": "websocket.accept"})


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(asgi, "hosts", lambda: LISTED)
    return asgi.SecurityHeaders(asgi.OwnHosts(inner))


@pytest.mark.parametrize(
    ("host", "status"), [("localhost:8501", 200), ("evil.example", 421), (None, 421), ("a;b", 421)]
)
def test_a_request_under_a_foreign_name_is_misdirected(app: Any, host: str | None, status: int) -> None:
    [start, *_] = call(app, "http", host)
    assert start["status"] == status
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_and_prometheus_come_by_any_name(app: Any, path: str) -> None:
    assert call(app, "http", "tealdeck.ops.svc:8501", path=path)[0]["status"] == 200


@pytest.mark.parametrize(
    ("host", "origin", "answer"),
    [
        ("localhost:8501", "http://localhost:8501", "websocket.accept"),
        ("localhost:8501", None, "websocket.accept"),  # no browser
        ("localhost:8501", "http://localhost:3000", "websocket.close"),
        ("evil.example", "http://evil.example", "websocket.close"),
    ],
)
def test_a_websocket_is_opened_for_pages_of_ours_alone(app: Any, host: str, origin: str | None, answer: str) -> None:
    assert [message["type"] for message in call(app, "websocket", host, origin=origin)] == [answer]


def test_a_page_may_connect_to_the_host_it_came_from_and_to_no_other(app: Any) -> None:
    [start, *_] = call(app, "http", "deck.example.com:8443")
    policy = dict(start["headers"])[b"content-security-policy"].decode()
    assert "connect-src 'self' ws://deck.example.com:8443 wss://deck.example.com:8443;" in policy


@pytest.mark.parametrize(
    "name", ["https://deck.example.com", "deck.example.com:8501", "a b", "*.*", "*example.com", ""]
)
def test_a_setting_that_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "tealdeck.toml"
    file.write_text(f"hosts = ['{name}']\n[environments.local]")
    with pytest.raises(SettingsError, match="a host name without scheme, port or path"):
        load(file, variables={})
