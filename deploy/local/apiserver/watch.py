"""Watches: each is a bounded queue that the store fills and one response drains.

For a watch with a selector, an object that starts to match is ADDED, and one that stops to match is DELETED. A watch
whose client does not keep up is closed; the client then lists again, as with the real server.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from .present import Presenter
from .selectors import Predicate
from .store import Change, Record, Store

QUEUE_CHANGES = 5000
QUEUE_BYTES = 16 * 1024 * 1024
BOOKMARK_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which objects of a resource a list or a watch is about."""

    storage: str
    namespace: str = ""
    name: str = ""
    labels: Predicate | None = None
    fields: Predicate | None = None

    def holds(self, record: Record | None) -> bool:
        if record is None:
            return False
        namespace, name = record.key
        if (self.namespace and namespace != self.namespace) or (self.name and name != self.name):
            return False
        if self.labels is not None and not self.labels({"metadata": {"labels": record.labels}}):
            return False
        return self.fields is None or self.fields(record.obj)


class Watcher:
    """One open watch. `cut` closes the connection of a client that does not read."""

    def __init__(self, scope: Scope, cut: Callable[[], None]) -> None:
        self.scope = scope
        self.cut = cut
        self.ended = False
        self._changes: deque[Change] = deque()
        self._bytes = 0
        self._awake = asyncio.Event()

    def offer(self, change: Change) -> None:
        if self.ended:
            return
        if len(self._changes) >= QUEUE_CHANGES or self._bytes >= QUEUE_BYTES:
            self.end()
            self._changes.clear()
            self.cut()
            return
        self._changes.append(change)
        self._bytes += len(change.shown.raw)
        self._awake.set()

    def end(self) -> None:
        self.ended = True
        self._awake.set()

    async def next(self, seconds: float) -> list[Change]:
        """The changes; empty after `seconds` without one, or when the watch has ended."""
        if not self._changes and not self.ended:
            try:
                await asyncio.wait_for(self._awake.wait(), seconds)
            except TimeoutError:
                return []
        self._awake.clear()
        changes = list(self._changes)
        self._changes.clear()
        self._bytes = 0
        return changes


class Hub:
    """All open watches, by what they watch."""

    def __init__(self, store: Store) -> None:
        self._watchers: dict[str, set[Watcher]] = {}
        store.listen(self._publish)

    def add(self, watcher: Watcher) -> None:
        self._watchers.setdefault(watcher.scope.storage, set()).add(watcher)

    def remove(self, watcher: Watcher) -> None:
        self._watchers[watcher.scope.storage].discard(watcher)

    def end_all(self) -> None:
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.end()

    def _publish(self, change: Change) -> None:
        for watcher in self._watchers.get(change.storage, ()):
            watcher.offer(change)


def event_of(change: Change, scope: Scope) -> tuple[str, Record] | None:
    """The event that a watch of this scope gets for a change; None where it gets none."""
    was, is_now = scope.holds(change.before), scope.holds(change.after)
    if is_now:
        return ("MODIFIED" if was else "ADDED"), change.shown
    if not was:
        return None
    if change.after is None or change.before is None:
        return "DELETED", change.shown
    # It left the selection: the watcher is shown the object as it last matched, under the new version.
    last = {**change.before.obj, "metadata": {**change.before.obj["metadata"], "resourceVersion": str(change.version)}}
    return "DELETED", Record(last, orjson.dumps(last), change.version)


def frame(kind: str, body: bytes) -> bytes:
    """One line of the watch stream."""
    return b'{"type":"' + kind.encode() + b'","object":' + body + b"}\n"


def bookmark(presenter: Presenter, version: int, *, initial_events_end: bool = False) -> bytes:
    """The current resourceVersion, so that the client need not list after a reconnect."""
    metadata: dict[str, object] = {"resourceVersion": str(version), "creationTimestamp": None}
    if initial_events_end:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    resource = presenter.resource
    body = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
    return frame("BOOKMARK", orjson.dumps(body))
