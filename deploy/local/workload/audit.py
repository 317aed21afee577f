"""The governed system's own audit trail: what people decided, each record bound to the one before by its hash."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from itertools import pairwise
from typing import Any

import orjson
from prometheus_client import CollectorRegistry

from deploy.local.workload.logs import Log
from deploy.local.workload.metrics import AuditMetrics

STREAM = "governance"
_FIRST = "0" * 64
_CHECKED = 100  # at each scrape
_MOST_WAITING = 10_000


class Audit:
    """Records go to the log, from where they are collected; the chain begins anew with the process."""

    def __init__(self, registry: CollectorRegistry, log: Log) -> None:
        self._log = log
        self._metrics = AuditMetrics(registry)
        self._metrics.valid.labels(STREAM).set_function(self.is_valid)
        self._metrics.lag.labels(STREAM).set_function(self._lag_seconds)
        self._sequence, self._hash = 0, _FIRST
        self._last: deque[tuple[str, dict[str, Any], str]] = deque(maxlen=_CHECKED)
        self._is_held = False
        self._waiting: deque[tuple[float, str, str, dict[str, Any]]] = deque(maxlen=_MOST_WAITING)
        self._took_seconds = 0.0

    def hold(self, is_held: bool) -> None:
        """Whether nothing can be written; what waits is written as soon as it can be."""
        self._is_held = is_held
        while self._waiting and not is_held:
            self._write(*self._waiting.popleft())

    def record(self, action: str, outcome: str, **details: Any) -> None:
        """One thing that was decided."""
        entry = (time.perf_counter(), action, outcome, details)
        if self._is_held:
            self._waiting.append(entry)
            self._log.error(f"audit: {action} cannot be written and waits", error__type="audit_unwritable")
        else:
            self._write(*entry)

    def _write(self, started: float, action: str, outcome: str, details: dict[str, Any]) -> None:
        self._sequence += 1
        said = {"seq": self._sequence, "action": action, "outcome": outcome, **details}
        before, self._hash = self._hash, chained(self._hash, said)
        self._last.append((before, said, self._hash))
        self._log.event(
            f"audit: {action} {outcome}",
            event__action=action,
            event__outcome=outcome,
            agentgov__audit__seq=self._sequence,
            agentgov__audit__prev_hash=before,
            agentgov__audit__hash=self._hash,
            **details,
        )
        self._metrics.events.labels(action, outcome).inc()
        self._took_seconds = time.perf_counter() - started

    def _lag_seconds(self) -> float:
        """How long the oldest record that waits has waited; else what the last one took."""
        return time.perf_counter() - self._waiting[0][0] if self._waiting else self._took_seconds

    def is_valid(self) -> bool:
        """Whether the last records still are what their hashes say."""
        whole = all(chained(before, said) == after for before, said, after in self._last)
        return whole and all(one[2] == next_[0] for one, next_ in pairwise(self._last))


def chained(before: str, said: dict[str, Any]) -> str:
    """The hash that binds a record to the one before."""
    return hashlib.sha256(before.encode() + orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
