"""Copies of the cluster's objects that are kept up to date, one for each kind and namespace that a page asks for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from connectors.errors import SourceError
from connectors.kubernetes import KINDS, Kubernetes
from dashboard.model.reading import Reading, Source
from dashboard.queries.dispatch import Awaiting, Dispatcher
from dashboard.queries.informer import Informer
from dashboard.queries.request import Objects
from dashboard.queries.selector import matcher
from dashboard.queries.source_calls.call import INSTANT_SECONDS


class ClusterCopies:
    """Answers questions about objects from copies. Safe for threads; one for all viewers of an environment."""

    def __init__(
        self,
        kubernetes: Kubernetes,
        dispatcher: Dispatcher,
        *,
        clock: Callable[[], datetime],
        seconds: Callable[[], float],
    ) -> None:
        self._kubernetes = kubernetes
        self._dispatcher = dispatcher
        self._clock = clock
        self._seconds = seconds
        self._informers: dict[tuple[str, str | None], Informer] = {}
        self._starting = threading.Lock()

    def close(self) -> None:
        """Ends all watches."""
        for informer in self._informers.values():
            informer.close()

    def begin(self, request: Objects) -> Awaiting:
        """Start to follow these objects, unless they are followed already; what is returned waits for the copy."""
        if request.kind not in KINDS:
            raise ValueError(f"unknown kind {request.kind!r}: one of {', '.join(KINDS)}")
        chosen = matcher(request.selector)
        informer = self._informer(request.kind, request.namespace)
        breaker = self._dispatcher.breakers[Source.KUBERNETES]
        self._dispatcher.heartbeat(breaker)

        def finish(passed: float) -> Reading[tuple[Mapping[str, Any], ...]]:
            found = informer.reading(patience_seconds=INSTANT_SECONDS - passed, refusal=breaker.refusal())
            return self._dispatcher.timed(found.map(lambda objects: tuple(filter(chosen, objects))))

        return finish

    def _informer(self, kind: str, namespace: str | None) -> Informer:
        breaker = self._dispatcher.breakers[Source.KUBERNETES]

        def heard(error: SourceError | None) -> None:
            if error is None:
                breaker.succeeded()
            else:
                breaker.failed(error)

        with self._starting:
            key = (kind, namespace if KINDS[kind].namespaced else None)
            for idle in [other for other, one in self._informers.items() if other != key and one.is_idle]:
                self._informers.pop(idle).close()
            if key not in self._informers:
                self._informers[key] = Informer(
                    self._kubernetes,
                    *key,
                    heard=heard,
                    refusal=breaker.refusal,
                    clock=self._clock,
                    seconds=self._seconds,
                )
            return self._informers[key]
