"""A server may repeat what it was sent: no error of ours, which people read, has a secret in it."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import secrets
from connectors.elasticsearch import Elasticsearch
from connectors.errors import SourceError, Unreachable
from connectors.kubernetes import Kubernetes
from connectors.prometheus import Prometheus
from connectors.secrets import HIDDEN, remember, without_secrets
from connectors.session import Access

TOKEN = "tok+en/of=the-deck"
Call = Callable[[str, str], None]


class Echo(BaseHTTPRequestHandler):
    """Answers 400 with what lets us in among its words, in the form that each source has."""

    def _echo(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        ours = {name: value for name, value in self.headers.items() if name.lower() in ("authorization", "x-own")}
        said = "; ".join(f"{name}: {value} {quote(value, safe='')}" for name, value in ours.items())
        said = said.replace("\\", "").replace('"', "")
        body = f'{{"status": "error", "error": "bad {said}", "message": "bad {said}"}}'.encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_HEAD = _echo  # noqa: N815 - the names that the library looks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def by_prometheus(**access: object) -> Call:
    def call(url: str, file: str) -> None:
        given = {key: file if value == "FILE" else value for key, value in access.items()}
        Prometheus(url, Access(**given)).instant("up")  # type: ignore[arg-type]

    return call


def by_elasticsearch(**access: str) -> Call:
    def call(url: str, file: str) -> None:
        given = {key: file if value == "FILE" else value for key, value in access.items()}
        Elasticsearch(url, **given).create("audit", "1", {})  # type: ignore[arg-type]

    return call


def by_kubernetes(url: str, file: str) -> None:
    kubeconfig = Path(file).with_name("kubeconfig")
    kubeconfig.write_text(
        f"""
apiVersion: v1
kind: Config
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "{url}"}}}}]
users: [{{name: u, user: {{token: "{TOKEN}"}}}}]
"""
    )
    Kubernetes(str(kubeconfig)).get("services", "x", "agents")


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(by_prometheus(token_file="FILE"), id="a bearer token"),
        pytest.param(by_prometheus(username="u", password_file="FILE"), id="a password"),
        pytest.param(by_prometheus(headers={"X-Own": f"Bearer {TOKEN}"}), id="a header of the settings"),
        pytest.param(by_elasticsearch(api_key_file="FILE"), id="an API key"),
        pytest.param(by_elasticsearch(token_file="FILE"), id="a token for Elasticsearch"),
        pytest.param(by_elasticsearch(username="u", password_file="FILE"), id="a password for Elasticsearch"),
        pytest.param(by_kubernetes, id="a token of a kubeconfig"),
    ],
)
def test_what_a_source_repeats_of_our_credentials_is_hidden(url: str, tmp_path: Path, call: Call) -> None:
    file = tmp_path / "secret"
    file.write_text(TOKEN)
    with pytest.raises(SourceError) as caught:
        call(url, str(file))
    said = str(caught.value)
    assert HIDDEN in said
    pair = b64encode(f"u:{TOKEN}".encode()).decode()
    for spelled in (TOKEN, quote(TOKEN, safe=""), pair, quote(pair, safe="")):
        assert spelled not in said


@pytest.mark.parametrize("text", ["tökén-of-the-deck", "token\u2019s", "ключ-ключ"])
def test_a_token_that_no_header_takes_is_refused_without_showing_it(url: str, tmp_path: Path, text: str) -> None:
    file = tmp_path / "secret"
    file.write_text(text, encoding="utf-8")
    for call in (by_prometheus(token_file="FILE"), by_elasticsearch(token_file="FILE")):
        with pytest.raises(Unreachable, match="no usable token") as caught:
            call(url, str(file))
        assert text not in str(caught.value)


@given(
    st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=secrets.SHORTEST, max_size=30),
    st.text(),
    st.text(),
)
def test_no_secret_stays_in_any_text(secret: str, before: str, after: str) -> None:
    remember(f"Bearer {secret}")
    try:
        said = without_secrets(f"{before}{secret}{after}")
        assert HIDDEN in said
    finally:
        secrets._known.clear()


def test_short_words_are_no_secrets_and_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "MOST", 4)
    monkeypatch.setattr(secrets, "_known", type(secrets._known)())
    remember("abc")
    assert without_secrets("abc") == "abc"
    for number in range(10):
        remember(f"secret-{number}")
    assert len(secrets._known) == 4
    assert without_secrets("secret-9 secret-0") == f"{HIDDEN} secret-0"
