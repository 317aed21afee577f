"""Which pods stand behind a Service's port, which of them gets the next request, and the connections to them."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deploy.local.addresses import to_loopback
from deploy.local.kubeapi import Object
from deploy.local.proxy.http import LONGEST_HEAD
from deploy.local.proxy.losses import Losses
from deploy.local.proxy.routes import Port, Turns, Weights

_SERVICE = "kubernetes.io/service-name"
_IDLE_SECONDS = 15.0  # well under what servers wait, so that a kept connection is hardly ever closed under a request
_CONNECT_SECONDS = 2.0

Endpoint = tuple[str, int]  # a loopback address and a port


@dataclass(slots=True)
class Connection:
    """A connection to a pod. `is_used` tells that it has carried a request before."""

    endpoint: Endpoint
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    is_used: bool = False
    idle_since: float = 0.0

    @property
    def is_open(self) -> bool:
        return not self.reader.at_eof() and not self.writer.is_closing()


@dataclass(slots=True)
class Backends:
    """The endpoints of all Services, as the EndpointSlices and the HTTPRoutes have them at this moment."""

    losses: Losses = field(default_factory=lambda: Losses(None))
    _nodes: dict[Endpoint, str] = field(default_factory=dict)
    _of: dict[Port, list[Endpoint]] = field(default_factory=dict)
    _running: defaultdict[Endpoint, int] = field(default_factory=lambda: defaultdict(int))
    _idle: defaultdict[Endpoint, deque[Connection]] = field(default_factory=lambda: defaultdict(deque))
    _turn: int = 0
    _split: dict[Port, Turns] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, slices: Iterable[Object]) -> None:
        """All slices there are, after any change."""
        found: dict[Port, list[tuple[Endpoint, Object]]] = defaultdict(list)
        for one in slices:
            service = one["metadata"].get("labels", {}).get(_SERVICE, "")
            for port in one.get("ports") or []:
                key = one["metadata"]["namespace"], service, port.get("name") or ""
                for endpoint in one.get("endpoints") or []:
                    where = to_loopback(endpoint["addresses"][0]), port["port"]
                    found[key].append((where, endpoint.get("conditions", {})))
                    self._nodes[where] = endpoint.get("nodeName", "")
        self._of = {key: _usable(endpoints) for key, endpoints in found.items()}
        self._nodes = {where: self._nodes[where] for endpoints in found.values() for where, _ in endpoints}
        there = {endpoint for endpoints in self._of.values() for endpoint in endpoints}
        for endpoint in self._idle.keys() - there:
            for connection in self._idle.pop(endpoint):
                connection.writer.close()
        self._tell_waiting()

    def split(self, wanted: Mapping[Port, Weights]) -> None:
        """All ports whose requests are shared by weight, after any change; the others keep theirs for themselves."""
        kept = {port: turns for port, turns in self._split.items() if wanted.get(port) == turns.weights}
        self._split = {port: kept.get(port) or Turns(weights) for port, weights in wanted.items()}
        self._tell_waiting()

    async def pick(self, port: Port, without: set[Endpoint], patience_seconds: float) -> Endpoint | None:
        """The endpoint with the fewest requests under way; None if there is none for as long as the patience."""
        deadline = time.monotonic() + patience_seconds
        while True:
            turns = self._split.get(port)
            chosen = turns.next() if turns else port
            found = [endpoint for endpoint in self._of.get(chosen, []) if endpoint not in without] if chosen else []
            if found:
                self._turn += 1
                start = self._turn % len(found)
                return min(found[start:] + found[:start], key=self._running.__getitem__)
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                return None
            without = set()  # what refused then may be another process by now

    async def connect(self, endpoint: Endpoint, *, fresh: bool) -> Connection:
        """A connection to use for one request. Raises OSError or TimeoutError."""
        self._running[endpoint] += 1
        try:
            idle = self._idle[endpoint]
            while idle and not fresh:
                connection = idle.pop()
                if connection.is_open and time.monotonic() - connection.idle_since < _IDLE_SECONDS:
                    connection.is_used = True
                    return connection
                connection.writer.close()
            async with asyncio.timeout(_CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(*endpoint, limit=LONGEST_HEAD)
            return Connection(endpoint, reader, writer)
        except BaseException:
            self._done(endpoint)
            raise

    def loses(self, connection: Connection) -> bool:
        """Whether a fault resets this request; the connection is of no use then."""
        if not self.losses.loses(self._nodes.get(connection.endpoint, "")):
            return False
        connection.writer.transport.abort()
        return True

    def give_back(self, connection: Connection, *, reusable: bool) -> None:
        """The request is over."""
        self._done(connection.endpoint)
        if reusable and connection.is_open and any(connection.endpoint in of for of in self._of.values()):
            connection.idle_since = time.monotonic()
            self._idle[connection.endpoint].append(connection)
        else:
            connection.writer.close()

    def _tell_waiting(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _done(self, endpoint: Endpoint) -> None:
        self._running[endpoint] -= 1
        if not self._running[endpoint]:
            del self._running[endpoint]


def _usable(endpoints: list[tuple[Endpoint, Object]]) -> list[Endpoint]:
    """Those that are ready; if there is none, those that still serve while they go away, as kube-proxy does."""
    ready = [where for where, conditions in endpoints if conditions.get("ready", True)]
    return ready or [where for where, conditions in endpoints if conditions.get("serving")]
