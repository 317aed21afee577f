"""The API server against clients that are wrong, slow or away: it refuses, and nobody else is hurt."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil
import pytest

from tests.stack.apiserver_process import MERGE, Server, config_map, deployment, reason
from tests.waiting import eventually

pytestmark = pytest.mark.stack

MAPS = "/api/v1/namespaces/default/configmaps"
YAML = {"Content-Type": "application/yaml"}
MIB = 2**20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("bad-days")).start()
    yield running
    running.stop()


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        pytest.param(b'{"metadata": {', {}, 400, id="JSON that ends in the middle"),
        pytest.param(b"metadata: [", YAML, 400, id="YAML that ends in the middle"),
        pytest.param(b"- a\n- b\n", YAML, 400, id="a YAML list"),
        pytest.param(b"metadata: {name: &a [*a]}", YAML, 400, id="YAML that contains itself"),
        pytest.param(b"\xff\xfe{}", {}, 400, id="bytes that are no text"),
        pytest.param(b"k8s\x00", {"Content-Type": "application/vnd.kubernetes.protobuf"}, 415, id="protobuf"),
        pytest.param(b"name=a", {"Content-Type": "application/x-www-form-urlencoded"}, 415, id="a form"),
        pytest.param(b"<a/>", {"Content-Type": "text/xml"}, 415, id="XML"),
        pytest.param(b'{"data":{"a":"%s"}}' % (b"x" * 4 * MIB), {}, 413, id="more than three MiB"),
    ],
)
def test_a_body_that_cannot_be_taken_is_refused_by_its_status(
    server: Server, body: bytes, headers: dict[str, str], code: int
) -> None:
    refused = server.call("POST", MAPS, data=body, headers={"Content-Type": "application/json", **headers})
    assert reason(refused)[0] == code


def test_a_body_without_a_length_is_measured_as_it_comes(server: Server) -> None:
    pieces = (b"x" * MIB for _ in range(4))
    refused = server.call("POST", MAPS, data=pieces, headers={"Content-Type": "application/json"})
    assert reason(refused) == (413, "RequestEntityTooLarge")


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "application/merge-patch+yaml"])
def test_a_patch_of_an_unknown_type_is_refused_and_changes_nothing(server: Server, kind: str) -> None:
    server.call("POST", MAPS, json=config_map("kept", a="1"))
    refused = server.call("PATCH", f"{MAPS}/kept", data=b'{"data":{"a":"2"}}', headers={"Content-Type": kind})
    assert reason(refused) == (415, "UnsupportedMediaType")
    assert server.call("GET", f"{MAPS}/kept").json()["data"] == {"a": "1"}


def test_strict_validation_names_every_unknown_field(server: Server) -> None:
    wrong = deployment(replicsa=2)
    wrong["spec"]["template"]["spec"]["containers"][0]["imag"] = "a"
    path = "/apis/apps/v1/namespaces/default/deployments"
    refused = server.call("POST", f"{path}?fieldValidation=Strict", json=wrong)
    assert reason(refused) == (400, "BadRequest")
    message = refused.json()["message"]
    assert 'unknown field "spec.replicsa"' in message
    assert 'unknown field "spec.template.spec.containers[0].imag"' in message
    assert server.call("GET", f"{path}/web").status_code == 404


def test_a_watch_that_nobody_reads_is_ended_and_costs_little(server: Server) -> None:
    memory = psutil.Process(server.process.pid).memory_info
    server.call("POST", MAPS, json=config_map("large"))
    silent = _watch(server)
    before = memory().rss
    large = "x" * 500_000
    for count in range(120):
        body = json.dumps({"data": {"text": large, "n": str(count)}})
        server.call("PATCH", f"{MAPS}/large", data=body, headers=MERGE).raise_for_status()
    grown = memory().rss - before
    assert grown < 250 * MIB, f"{grown / MIB:.0f} MiB for a client that does not read"
    silent.settimeout(10)
    taken = 0
    with pytest.raises((ConnectionResetError, ssl.SSLError, EOFError)):  # noqa: PT012  (the end comes while reading)
        while data := silent.recv(MIB):
            taken += len(data)
        raise EOFError
    assert taken < 60_000_000, "it was given everything after all"
    silent.close()
    server.call("DELETE", f"{MAPS}/large").raise_for_status()


def test_clients_that_vanish_leave_no_connection_behind(server: Server) -> None:
    process = psutil.Process(server.process.pid)
    before = process.num_fds()
    for connection in [_watch(server) for _ in range(20)]:
        connection.close()
    server.call("POST", MAPS, json=config_map("afterwards"))
    eventually(lambda: process.num_fds() <= before + 2, "the connections are gone")


def _watch(server: Server) -> ssl.SSLSocket:
    """An open watch whose answer nobody reads but for its head."""
    where = urlsplit(server.url)
    context = ssl.create_default_context(cafile=str(server.folder / "state/pki/ca.crt"))
    raw = socket.create_connection((where.hostname, where.port), timeout=10)
    connection = context.wrap_socket(raw, server_hostname=where.hostname)
    token = server.http.headers["Authorization"]
    request = f"GET {MAPS}?watch=1 HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: {token!s}\r\n\r\n"
    connection.sendall(request.encode())
    assert connection.recv(12) == b"HTTP/1.1 200"
    return connection
