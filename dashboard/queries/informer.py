"""The cluster's objects, kept up to date by list and watch: one copy per kind and namespace for all viewers.

A broken watch resumes from its last resourceVersion. If the server no longer has that version (410), the objects are
listed again, with growing pauses if that fails. Until then the copy is stale and says since when. Each informer is a
daemon thread that the first question starts; it ends after ten minutes without a question.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from connectors.errors import (
    Gone,
    NotFound,
    NotServed,
    RateLimited,
    Rejected,
    SourceError,
    TimedOut,
    Unauthorized,
    Unreachable,
    understood,
)
from connectors.kubernetes import Kubernetes, WatchEvent
from dashboard.model.reading import Reading, Source, State, empty, fresh, missing
from dashboard.queries.breaker import LONGEST_RETRY_AFTER_SECONDS, no_answer, unreadable, utc_now

# Short enough that a page shows the end of an outage within 10 s.
LONGEST_WAIT_SECONDS = 4.0
IDLE_SECONDS = 600.0
_FIRST_WAIT_SECONDS = 0.5
# How soon to look again for a kind that the cluster does not serve, or that we may not list: a new permission shows
# within 10 s.
_NOT_SERVED_WAIT_SECONDS = 30.0
# How soon a watch notices that the cluster may be asked again.
_LOOK_SECONDS = 0.5
_REJECTED_WAIT_SECONDS = 8.0
# A watch that lasted this long was good: the next one starts without a pause.
_STOOD_SECONDS = 10.0

Objects = tuple[Mapping[str, Any], ...]
log = logging.getLogger(__name__)


class Informer:
    """All objects of one kind in one namespace.

    Args:
        heard: called with None after each answer and with the error after each failure, for the source's health.
        refusal: why the cluster is not asked now, None while it may be: one probe asks for all watches.
        seconds: counts the seconds since somebody asked, and never goes back.
    """

    def __init__(
        self,
        cluster: Kubernetes,
        kind: str,
        namespace: str | None,
        *,
        heard: Callable[[SourceError | None], None] = lambda error: None,
        refusal: Callable[[], str | None] = lambda: None,
        clock: Callable[[], datetime] = utc_now,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._kind = kind
        self._namespace = namespace
        self._heard = heard
        self._refusal = refusal
        self._clock = clock
        self._seconds = seconds
        self._asked_at = seconds()
        self._lock = threading.Lock()
        self._settled = threading.Event()  # the first list has come or failed
        self._closing = threading.Event()
        self._objects: dict[tuple[str, str], Mapping[str, Any]] | None = None
        self._resource_version = ""
        self._last_contact: datetime | None = None
        self._broken = ""
        self._not_served = ""
        self._stands = False
        self._broken_since = clock()
        self._query = f"list and watch {kind}" + (f" in {namespace}" if namespace else "")
        self._thread = threading.Thread(target=self._run, name=f"watch-{kind}-{namespace or 'all'}", daemon=True)
        self._thread.start()

    @property
    def is_idle(self) -> bool:
        """Whether nobody has asked for so long that nobody can be looking."""
        return self._seconds() - self._asked_at > IDLE_SECONDS

    def reading(self, *, patience_seconds: float, refusal: str | None = None) -> Reading[Objects]:
        """The objects now; waits only for the first list. Fresh while the watch is connected, however quiet it is.

        Args:
            refusal: why the cluster is known not to answer, by others than this watch: then it is not fresh either, and
                what this watch last heard is older.
        """
        self._asked_at = self._seconds()
        self._settled.wait(max(0.0, patience_seconds))
        now = self._clock()
        with self._lock:
            objects = None if self._objects is None else tuple(self._objects.values())
            broken, as_of, stands = refusal or self._broken, self._last_contact, self._stands
            not_served = self._not_served
        if not broken and not self._thread.is_alive():
            broken = f"the watch of {self._kind} has ended"  # by close, or a mistake of ours: its copy is no present
        if not_served and not broken:
            return empty(not_served, source=Source.KUBERNETES, as_of=as_of or now, query=self._query)
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
        as_of = now if stands or as_of is None else as_of
        return fresh(objects, source=Source.KUBERNETES, as_of=as_of, query=self._query)

    def close(self) -> None:
        """Ends the watch when its next event or timeout arrives."""
        self._closing.set()

    def _run(self) -> None:
        tries = 0
        while not self._closing.is_set():
            began = time.monotonic()
            least_seconds = 0.0
            try:
                with understood(Source.KUBERNETES):
                    self._follow()
            except Gone:
                self._resource_version = ""
            except NotServed as error:
                self._is_not_served(error)
                least_seconds = _NOT_SERVED_WAIT_SECONDS
            except SourceError as error:
                # One that stood is taken up at once: there is nothing to tell unless that fails.
                if not (self._stands and isinstance(error, Unreachable | TimedOut)):
                    self._broke(error)
                if isinstance(error, RateLimited) and error.retry_after_seconds:
                    least_seconds = min(error.retry_after_seconds, LONGEST_RETRY_AFTER_SECONDS)
                elif isinstance(error, Rejected) and not isinstance(error, Unauthorized):
                    least_seconds = _REJECTED_WAIT_SECONDS
                elif isinstance(error, NotFound):  # the kind was taken away while it was watched
                    self._resource_version = ""
            except Exception as error:  # noqa: BLE001 - a mistake of ours must not end the watch for good
                self._stumbled(error)
            finally:
                self._stands = False
            tries = 0 if time.monotonic() - began > _STOOD_SECONDS else tries + 1
            self._closing.wait(max(least_seconds, wait_seconds(tries)))
            while self._refusal() is not None and not self._closing.wait(_LOOK_SECONDS):
                pass

    def _stumbled(self, error: Exception) -> None:
        """Lists again, and says until then what is wrong; logged once until it works again."""
        if not self._broken:
            log.error("watch_broken kind=%s namespace=%s", self._kind, self._namespace, exc_info=error)
            self._broken_since = self._clock()
        with self._lock:
            self._broken = f"{Source.KUBERNETES}: {unreadable(error)}"
            self._resource_version = ""
        self._settled.set()

    def _follow(self) -> None:
        """One watch from its beginning to its end; a list before it where there is no place to begin.

        After an outage, the start of a watch proves little: a proxy's error page starts as well.
        """
        if self._broken:
            self._cluster.version()
        if not self._resource_version:
            self._list()
        events = self._cluster.watch(self._kind, self._namespace, resource_version=self._resource_version)
        self._contact()
        self._stands = True
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
            self._not_served = ""
        self._contact()

    def _is_not_served(self, error: NotServed) -> None:
        """The cluster has no such kind, so there are no objects of it: an answer, not a failure."""
        with self._lock:
            self._objects, self._resource_version = None, ""
            self._not_served = error.detail
        self._contact()

    def _apply(self, event: WatchEvent) -> None:
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
            self._broken = no_answer(Source.KUBERNETES, self._broken_since, error)
        self._settled.set()
        self._heard(error)
        if first:
            log.info("watch_down kind=%s namespace=%s reason=%s", self._kind, self._namespace, error.detail)


def wait_seconds(tries: int) -> float:
    """The pause before the next watch after `tries` short ones in a row: grows each time, up to a limit.

    Randomly shortened by up to half, so that the watches of many kinds and processes do not start all at once.
    """
    if tries == 0:
        return 0.0
    longest = min(_FIRST_WAIT_SECONDS * 2.0 ** min(tries - 1, 10), LONGEST_WAIT_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - nothing secret about it


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    metadata = item["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _lean(item: dict[str, Any]) -> Mapping[str, Any]:
    """Without `managedFields`: half of many objects, and nobody here reads them."""
    item["metadata"].pop("managedFields", None)
    return item
