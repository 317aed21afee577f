"""The cluster's objects kept up to date by list and watch: one copy a kind and namespace, however many people look.

A watch that breaks is taken up where it ended; when the server has forgotten that place (410) the list is read again.
Until then the copy is stale and says since when. Each informer is a daemon thread, started by the first question.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from connectors.errors import Gone, SourceError, TimedOut, understood
from connectors.kubernetes import Cluster, Event
from dashboard.model.reading import Reading, Source, State, fresh, missing
from dashboard.queries.breaker import does_not_answer, utc_now

LONGEST_WAIT_SECONDS = 10.0
_FIRST_WAIT_SECONDS = 0.5

Objects = tuple[Mapping[str, Any], ...]
log = logging.getLogger(__name__)


class Informer:
    """All objects of one kind in one namespace.

    Args:
        heard: told of each answer (None) and each failure, so that the source's health knows.
    """

    def __init__(
        self,
        cluster: Cluster,
        kind: str,
        namespace: str | None,
        *,
        heard: Callable[[SourceError | None], None] = lambda error: None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._cluster = cluster
        self._kind = kind
        self._namespace = namespace
        self._heard = heard
        self._clock = clock
        self._lock = threading.Lock()
        self._settled = threading.Event()  # the first list has come or failed
        self._closing = threading.Event()
        self._objects: dict[tuple[str, str], Mapping[str, Any]] | None = None
        self._resource_version = ""
        self._last_contact: datetime | None = None
        self._broken = ""
        self._broken_since = clock()
        self._query = f"list and watch {kind}" + (f" in {namespace}" if namespace else "")
        self._thread = threading.Thread(target=self._run, name=f"watch-{kind}-{namespace or 'all'}", daemon=True)
        self._thread.start()

    def reading(self, *, patience_seconds: float) -> Reading[Objects]:
        """What the cluster holds now; waits for the first list alone. A quiet watch that stands is fresh."""
        self._settled.wait(max(0.0, patience_seconds))
        now = self._clock()
        with self._lock:
            objects = None if self._objects is None else tuple(self._objects.values())
            broken, as_of = self._broken, self._last_contact
        if not broken and not self._thread.is_alive():
            broken = f"the watch of {self._kind} has ended"  # by close, or a mistake of ours: its copy is no present
        if objects is None:
            reason = broken or f"kubernetes has not listed its {self._kind} yet"
            return missing(reason, source=Source.KUBERNETES, query=self._query)
        if broken:
            return Reading(
                value=objects,
                source=Source.KUBERNETES,
                state=State.STALE,
                as_of=as_of,
                reason=broken,
                query=self._query,
            )
        return fresh(objects, source=Source.KUBERNETES, as_of=now, query=self._query)

    def close(self) -> None:
        """Ends the watch at its next sign of life."""
        self._closing.set()

    def _run(self) -> None:
        wait = _FIRST_WAIT_SECONDS
        while not self._closing.is_set():
            began = time.monotonic()
            try:
                with understood(Source.KUBERNETES):
                    self._follow()
            except Gone:
                self._resource_version = ""
            except SourceError as error:
                self._broke(error)
            # What stood for a while starts anew at once; what fails at once waits longer each time.
            wait = _FIRST_WAIT_SECONDS if time.monotonic() - began > LONGEST_WAIT_SECONDS else wait
            self._closing.wait(wait if self._broken or time.monotonic() - began < 1.0 else 0.0)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS) if self._broken else _FIRST_WAIT_SECONDS

    def _follow(self) -> None:
        """One watch from its beginning to its end; a list before it where there is no place to begin."""
        if not self._resource_version:
            self._list()
        events = self._cluster.watch(self._kind, self._namespace, resource_version=self._resource_version)
        self._contact()
        for event in events:
            self._apply(event)
            if self._closing.is_set():
                return
        self._contact()

    def _list(self) -> None:
        found = self._cluster.list(self._kind, self._namespace)
        objects = {_key(item): _lean(item) for item in found.items}
        with self._lock:
            self._objects = objects
            self._resource_version = found.resource_version
        self._contact()

    def _apply(self, event: Event) -> None:
        with self._lock:
            assert self._objects is not None  # noqa: S101 - a watch begins at a list
            if event.type in ("ADDED", "MODIFIED"):
                self._objects[_key(event.object)] = _lean(event.object)
            elif event.type == "DELETED":
                self._objects.pop(_key(event.object), None)
            self._resource_version = event.resource_version
            self._last_contact = self._clock()

    def _contact(self) -> None:
        with self._lock:
            recovered, self._broken = bool(self._broken), ""
            self._last_contact = self._clock()
        self._settled.set()
        self._heard(None)
        if recovered:
            log.info("watch_up kind=%s namespace=%s", self._kind, self._namespace)

    def _broke(self, error: SourceError) -> None:
        with self._lock:
            first = not self._broken
            if first:
                self._broken_since = self._clock()
                if not isinstance(error, TimedOut):  # silence may have lasted for long; a break was noticed at once
                    self._last_contact = self._broken_since
            self._broken = does_not_answer(Source.KUBERNETES, self._broken_since, error.detail)
        self._settled.set()
        self._heard(error)
        if first:
            log.info("watch_down kind=%s namespace=%s reason=%s", self._kind, self._namespace, error.detail)


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    metadata = item["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _lean(item: dict[str, Any]) -> Mapping[str, Any]:
    """Without the record of who managed which field: half of many an object, and nobody here reads it."""
    item["metadata"].pop("managedFields", None)
    return item
