"""The whole deck as people have it: a process started as the README says, and visitors who speak what browsers speak.

A visitor sends the messages of Streamlit's protocol without a browser, so it can also send those that no page offers.
"""

from __future__ import annotations

import html
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.text_format import MessageToString
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.environment import REPOSITORY

_START_SECONDS = 90.0
_KEY = re.compile(r"^\$\$ID-[0-9a-f]+-(.+)$")


class DeckProcess:
    """A deck of its own, whose settings are the `tealdeck.toml` in `folder`."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self._variables = variables

    def start(self) -> DeckProcess:
        """Start it and wait until it answers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        log = self.folder / "deck.log"
        with log.open("a") as written:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "dashboard/asgi.py", f"--server.port={port}"],
                cwd=REPOSITORY,
                env={**os.environ, "TEALDECK_SETTINGS": str(self.folder / "tealdeck.toml"), **self._variables},
                stdout=written,
                stderr=written,
            )
        deadline = time.monotonic() + _START_SECONDS
        while self.get("/healthz")[0] != 200:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                pytest.fail(f"the deck did not come up:\n{log.read_text()}")
            time.sleep(0.05)
        return self

    def get(self, path: str, timeout_seconds: float = 5.0, **headers: str) -> tuple[int, str]:
        """Status and body of an answer over HTTP; 0 and the reason when there is none."""
        asked = urllib.request.Request(self.address + path, headers=headers)  # noqa: S310 - our own deck
        try:
            with urllib.request.urlopen(asked, timeout=timeout_seconds) as answer:  # noqa: S310 - our own deck
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode(errors="replace")
        except OSError as error:
            return 0, str(error)

    def terminate(self) -> None:
        """Ask it to end, as Kubernetes does."""
        self.process.terminate()

    def kill(self) -> None:
        """End it at once, if it still runs."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running(folder: Path, settings: str, **variables: str) -> Iterator[DeckProcess]:
    """A deck that runs with these settings."""
    (folder / "tealdeck.toml").write_text(settings)
    deck = DeckProcess(folder, **variables).start()
    try:
        yield deck
    finally:
        deck.kill()


class Visitor:
    """One browser tab without a browser, connected within its `with` block."""

    def __init__(
        self,
        address: str,
        page: str,
        query: str = "",
        *,
        origin: str | None = "",
        session: str = "",
        cookie: str = "",
    ) -> None:
        self._page, self._query = page, query
        self._drawn: dict[tuple[int, ...], Delta] = {}
        self._set: dict[str, WidgetState] = {}
        self.session = self._hash = ""
        self.raw: list[ForwardMsg] = []  # all that has come, the newest last
        self.finished_runs = 0
        protocols = [Subprotocol("streamlit"), *([Subprotocol("none"), Subprotocol(session)] if session else [])]
        self._opening = connect(
            address.replace("http", "ws", 1) + "/_stcore/stream",
            origin=Origin(address) if origin == "" else Origin(origin) if origin else None,
            subprotocols=protocols,
            additional_headers={"Cookie": cookie} if cookie else None,
            max_size=None,
            open_timeout=30,
            proxy=None,
            ping_interval=None,  # a test that is busy elsewhere is no visitor who has gone
        )

    def __enter__(self) -> Visitor:
        self.socket: ClientConnection = self._opening.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._opening.__exit__(None, None, None)

    @property
    def words(self) -> str:
        """All that stands on the page."""
        elements = (MessageToString(delta.new_element, as_utf8=True) for delta in self._drawn.values())
        return html.unescape(" ".join(elements)).replace("\\", "")

    @property
    def deltas(self) -> list[Delta]:
        """What is drawn, as it was sent."""
        return list(self._drawn.values())

    @property
    def ids(self) -> Mapping[str, str]:
        """The ids of the widgets that are drawn, by their keys."""
        return {key: identity for key, identity, _ in self._widgets()}

    def send(self, message: BackMsg) -> None:
        """Send any message of the protocol."""
        self.socket.send(message.SerializeToString())

    def look(self, seconds: float = 60.0) -> None:
        """Draw the page anew and read all that comes until it is drawn."""
        self._rerun(ClientState(query_string=self._query, page_name=self._page), seconds)

    def press(self, key: str, seconds: float = 60.0) -> None:
        """Press the button of this key."""
        self._change(key, WidgetState(id=self._id(key, seconds), trigger_value=True), seconds)

    def fill(self, key: str, text: str, seconds: float = 60.0) -> None:
        """Type into the field of this key."""
        state = WidgetState(id=self._id(key, seconds), string_value=text)
        self._set[state.id] = state
        self._change(key, state, seconds)

    def tick(self, key: str, seconds: float = 60.0) -> None:
        """Tick the box of this key."""
        state = WidgetState(id=self._id(key, seconds), bool_value=True)
        self._set[state.id] = state
        self._change(key, state, seconds)

    def until(self, condition: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
        """Look again and again until the condition is true of what is drawn."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}\n{self.words}"
            self.look()
        return found

    def read(self, seconds: float) -> bool:
        """Take one message; False when none comes within that time."""
        try:
            data = self.socket.recv(timeout=seconds)
        except TimeoutError:
            return False
        assert isinstance(data, bytes)
        message = ForwardMsg.FromString(data)
        self.raw = [*self.raw[-200:], message]
        self._take(message)
        return True

    def _id(self, key: str, seconds: float) -> str:
        """The id of a widget; a run that the page asked for itself may still have to draw it."""
        deadline = time.monotonic() + seconds
        while key not in self.ids:
            assert self.read(deadline - time.monotonic()), f"{key} is not drawn: {sorted(self.ids)}"
        return self.ids[key]

    def _change(self, key: str, state: WidgetState, seconds: float) -> None:
        fragment = next(found for name, _, found in self._widgets() if name == key)
        asked = ClientState(query_string=self._query, page_script_hash=self._hash, fragment_id=fragment)
        asked.widget_states.widgets.extend([*self._set.values(), *([state] if state.id not in self._set else [])])
        self._rerun(asked, seconds)

    def _rerun(self, state: ClientState, seconds: float) -> None:
        deadline, before = time.monotonic() + seconds, self.finished_runs
        self.send(BackMsg(rerun_script=state))
        while self.finished_runs == before:
            left = deadline - time.monotonic()
            assert left > 0, f"the page is not drawn within {seconds:.0f} s"
            self.read(left)

    def _take(self, message: ForwardMsg) -> None:
        match message.WhichOneof("type"):
            case "new_session":
                self.session = message.new_session.initialize.session_id or self.session
                begun = set(message.metadata.run.fragment_ids)
                self._drawn = {
                    path: delta for path, delta in self._drawn.items() if begun and delta.fragment_id not in begun
                }
            case "delta":
                path = tuple(message.metadata.delta_path)
                self._drawn = {known: delta for known, delta in self._drawn.items() if known[: len(path)] != path}
                self._drawn[path] = message.delta
            case "navigation":
                self._hash = message.navigation.page_script_hash
            case "script_finished":
                # Another run follows one that was ended for it.
                self.finished_runs += message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN

    def _widgets(self) -> Iterator[tuple[str, str, str]]:
        """Key, id and fragment of each widget."""
        for delta in self._drawn.values():
            element = delta.new_element
            kind = element.WhichOneof("type")
            identity = getattr(getattr(element, kind), "id", "") if kind else ""
            if isinstance(identity, str) and (found := _KEY.match(identity)):
                yield found[1], identity, delta.fragment_id


def is_closed(visitor: Visitor, seconds: float = 10.0) -> bool:
    """Whether the server hangs up on this visitor within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            visitor.read(deadline - time.monotonic())
        except ConnectionClosed:
            return True
    return False
