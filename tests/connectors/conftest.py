"""A backend of a few lines: answers each path as a test says and keeps what it was asked."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from deploy.local.apiserver.pki import Credentials, credentials


@dataclass
class SourceRequest:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: Message
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What a path answers. `hold` keeps the answer back until it is set; one that trickles comes byte by byte."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hold: threading.Event | None = None
    trickle_seconds: float = 0.0
    end: bytes = b""

    def encoded(self) -> bytes:
        return (self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()) + self.end


class Backend:
    """A server on an ephemeral port. `answers` maps a path to an Answer or to a function of the request."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, Answer | Callable[[SourceRequest], Answer]] = {}
        self.asked: list[SourceRequest] = []
        self.released = threading.Event()
        self.connections = 0
        backend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                backend.connections += 1

            def __getattr__(self, name: str) -> Callable[[], None]:
                if name.startswith("do_"):
                    return self._serve
                raise AttributeError(name)

            def _serve(self) -> None:
                url = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked = SourceRequest(self.command, url.path, dict(parse_qsl(url.query)), self.headers, body)
                backend.asked.append(asked)
                answer = backend.answers.get(url.path, Answer({"error": "no such path"}, 404))
                answer = answer(asked) if callable(answer) else answer
                if answer.hold is not None:
                    answer.hold.wait(10)
                content = answer.encoded()
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(content)))
                for name, value in ({"Content-Type": "application/json"} | answer.headers).items():
                    self.send_header(name, value)
                with suppress(ConnectionError):  # who timed out is gone
                    self.end_headers()
                    if not answer.trickle_seconds:
                        self.wfile.write(content)
                        return
                    for at in range(len(content)):
                        self.wfile.write(content[at : at + 1])
                        if backend.released.wait(answer.trickle_seconds):
                            return

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def backend() -> Iterator[Backend]:
    """A running backend that answers 404 until told otherwise."""
    running = Backend()
    yield running
    running.close()


@pytest.fixture(scope="session")
def own_ca(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    """A server certificate for 127.0.0.1 by a CA that nobody knows."""
    return credentials(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def tls_backend(own_ca: Credentials) -> Iterator[Backend]:
    """A backend whose certificate only those trust who are given its CA."""
    running = Backend(own_ca.ssl_context())
    running.answers["/api/v2/status"] = Answer({"versionInfo": {"version": "0.25.0"}})
    running.answers["/"] = Answer({"version": {"number": "9.0.1"}}, headers={"X-Elastic-Product": "Elasticsearch"})
    yield running
    running.close()


@pytest.fixture
def dead_url() -> str:
    """An address that refuses connections: its server is gone."""
    gone = Backend()
    gone.close()
    return gone.url


@pytest.fixture
def answer() -> type[Answer]:
    """What a backend answers on a path."""
    return Answer
