"""The gate before Streamlit on a whole deck: crafted messages, foreign pages, other people's files, and an overload.

The deck has no source, so that it costs little; what the gate decides alone is in tests/unit/test_gate_*.py.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dashboard.edge.exports import COOKIE, new_browser
from tests.deck import DeckProcess, Visitor, is_closed, running
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.alone, pytest.mark.timeout(600)]

SLOW = 120.0  # a busy machine
SETTINGS = "\n".join(
    [
        'hosts = ["deck.example.com", "*.ops.example.com"]',
        "[environments.local]",
        *(
            f'[environments.local.{name}]\nurl = "http://127.0.0.1:9"'
            for name in ("prometheus", "alertmanager", "elasticsearch")
        ),
        '[environments.local.kubernetes]\nkubeconfig = "nowhere"',
    ]
)


@pytest.fixture(scope="module")
def deck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeckProcess]:
    with running(tmp_path_factory.mktemp("deck"), SETTINGS) as running_deck:
        yield running_deck


def operation(visitor: Visitor, file_id: str) -> BackMsg:
    """Asks for a file that is made on demand."""
    asked = BackMsg()
    asked.backend_operation_request.session_id = visitor.session
    asked.backend_operation_request.request_id = "42"
    asked.backend_operation_request.deferred_file.file_id = file_id
    return asked


def test_a_page_of_another_site_or_port_gets_no_connection_and_holds_up_nobody(deck: DeckProcess) -> None:
    port = deck.address.rpartition(":")[2]
    foreign = ["https://evil.example", "http://127.0.0.1:1", f"http://localhost:{port}", "null", "https://deck.evil"]
    began = time.monotonic()
    for origin in foreign * 2:
        with pytest.raises(InvalidStatus) as refused, Visitor(deck.address, "triage", origin=origin):
            pass
        assert refused.value.response.status_code == 403
    per_handshake = (time.monotonic() - began) / (2 * len(foreign))
    assert per_handshake < 1.0  # a server that asks the Internet who it is takes 2 s
    assert deck.get("/healthz")[0] == 200


@pytest.mark.parametrize("path", ["/", "/triage", "/_stcore/health", "/_stcore/host-config", "/media/x"])
def test_a_foreign_name_or_origin_gets_nothing_over_http(deck: DeckProcess, path: str) -> None:
    assert deck.get(path, Host="evil.example", Origin="http://evil.example")[0] == 421
    assert deck.get(path, Origin="https://evil.example")[0] == 403


def test_figures_of_all_sessions_and_uploads_are_closed(deck: DeckProcess) -> None:
    for path in ("/_stcore/metrics", "/_stcore/script-health-check", "/_stcore/upload_file/a/b"):
        assert deck.get(path)[0] == 404, path
    assert deck.get("/_stcore/health")[0] == 200


def test_a_visitor_cannot_empty_what_all_share(deck: DeckProcess) -> None:
    process = psutil.Process(deck.process.pid)
    with Visitor(deck.address, "triage") as one, Visitor(deck.address, "triage") as other:
        one.look(SLOW)
        other.look(SLOW)
        threads, handles = process.num_threads(), process.num_fds()
        for _ in range(15):
            one.send(BackMsg(clear_cache=True))
            one.look(SLOW)
        other.look(SLOW)
        assert process.num_threads() < threads + 20
        assert process.num_fds() < handles + 20


def test_a_message_that_nobody_can_read_ends_its_own_connection_alone(deck: DeckProcess) -> None:
    with Visitor(deck.address, "triage") as one, Visitor(deck.address, "triage") as other:
        other.look(SLOW)
        one.socket.send(b"\xff\xff\xff")
        assert is_closed(one, SLOW)
        other.look(SLOW)


def test_an_export_goes_to_the_browser_that_asked_for_it_and_to_no_other(deck: DeckProcess) -> None:
    cookie, foreign = (f"{COOKIE}={new_browser()}" for _ in range(2))
    with (
        Visitor(deck.address, "release", cookie=cookie) as one,
        Visitor(deck.address, "release", cookie=foreign) as other,
    ):
        one.look(SLOW)
        other.look(SLOW)
        (promise,) = (
            delta.new_element.download_button.deferred_file_id
            for delta in one.deltas
            if delta.new_element.download_button.id.endswith("-release.evidence")
        )
        other.send(operation(other, promise))  # dropped: its page never offered this
        one.send(operation(one, promise))
        answer = _answer(one)
        assert answer.deferred_file.url, answer.error_msg
        path = answer.deferred_file.url
        status, body = deck.get(path, Cookie=cookie)
        assert (status, body[:1]) == (200, "{")
        assert deck.get(path, Cookie=foreign)[0] == 404
        assert deck.get(path)[0] == 404
        other.look(SLOW)
        assert not [message for message in other.raw if message.WhichOneof("type") == "backend_operation_response"]


def _answer(visitor: Visitor) -> ForwardMsg.BackendOperationResponse:  # type: ignore[name-defined]
    def found() -> ForwardMsg.BackendOperationResponse:  # type: ignore[name-defined]
        visitor.read(0.5)
        answers = [one for one in visitor.raw if one.WhichOneof("type") == "backend_operation_response"]
        return answers[0].backend_operation_response if answers else None

    return eventually(found, "the file is made", SLOW)


class Flood:
    """One client that opens many pages and asks for all of them again and again, whether they are drawn or not."""

    def __init__(self, deck: DeckProcess, *, pages: int, per_second: float) -> None:
        self._pause = 1 / per_second
        self._ended = threading.Event()
        self._open = ExitStack()
        self._pages = [self._open.enter_context(Visitor(deck.address, "release")) for _ in range(pages)]
        self._threads = [threading.Thread(target=self._ask, args=(page,)) for page in self._pages]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Go away."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        for page in self._pages:
            with suppress(OSError):  # as the end of a browser's process does it: what is unread is dropped
                page.socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                page.socket.socket.shutdown(socket.SHUT_RDWR)
            page.socket.socket.close()

    def _ask(self, page: Visitor) -> None:
        asked = BackMsg(rerun_script=ClientState(page_name="release"))
        while not self._ended.wait(self._pause):
            try:
                page.send(asked)
                while True:
                    page.socket.recv(timeout=0)
            except TimeoutError:
                pass
            except (ConnectionClosed, OSError):
                return


@pytest.mark.slow
def test_a_flood_leaves_probes_and_other_visitors_alone_and_nothing_behind(deck: DeckProcess) -> None:
    process = psutil.Process(deck.process.pid)
    with Visitor(deck.address, "triage") as other:
        other.look(SLOW)
        threads, handles = process.num_threads(), process.num_fds()
        flood = Flood(deck, pages=50, per_second=5)
        try:
            probes, views, end = [], [], time.monotonic() + 45
            while time.monotonic() < end:
                began = time.monotonic()
                assert deck.get("/healthz", 10)[0] == 200
                probes.append(time.monotonic() - began)
                began = time.monotonic()
                other.look(SLOW)
                views.append(time.monotonic() - began)
        finally:
            flood.end()
        print(f"/healthz at most {max(probes):.2f} s; a view at most {max(views):.2f} s of {len(views)}")
        assert max(probes) < 1.0
        assert sorted(views)[int(len(views) * 0.95)] < 5.0
        eventually(lambda: process.num_threads() < threads + 10, "the threads are back", 60)
        eventually(lambda: process.num_fds() < handles + 10, f"the {handles} handles are back", 60)


def test_a_deck_under_a_flood_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with running(tmp_path, SETTINGS) as flooded:
        flood = Flood(flooded, pages=20, per_second=5)
        try:
            eventually(lambda: psutil.Process(flooded.process.pid).num_threads() > 15, "it has much to do", SLOW)
            began = time.monotonic()
            flooded.terminate()
            flooded.process.wait(60)
            seconds = time.monotonic() - began
        finally:
            flood.end()
    assert seconds < 30.0


def test_a_visitor_who_reads_nothing_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with running(tmp_path, SETTINGS) as held, socket.socket() as silent:
        host, _, port = held.address.removeprefix("http://").partition(":")
        silent.connect((host, int(port)))
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.sendall(
            f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        asked = BackMsg(rerun_script=ClientState(page_name="triage")).SerializeToString()
        silent.sendall(bytes([0x82, 0x80 | len(asked), 0, 0, 0, 0]) + asked)  # one frame, masked with zeros
        eventually(lambda: silent.recv(1), "the deck has begun to answer", SLOW)
        began = time.monotonic()
        held.terminate()
        held.process.wait(60)
    assert time.monotonic() - began < 30.0
