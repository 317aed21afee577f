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


class Audit:
    """Records go to the log, from where they are collected; the chain begins anew with the process."""

    def __init__(self, registry: CollectorRegistry, log: Log) -> None:
        self._log = log
        self._metrics = AuditMetrics(registry)
        self._metrics.valid.labels(STREAM).set_function(self.is_valid)
        self._sequence, self._hash = 0, _FIRST
        self._last: deque[tuple[str, dict[str, Any], str]] = deque(maxlen=_CHECKED)

    def record(self, action: str, outcome: str, **details: Any) -> None:
        """One thing that was decided."""
        started = time.perf_counter()
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
        self._metrics.lag.labels(STREAM).set(time.perf_counter() - started)

    def is_valid(self) -> bool:
        """Whether the last records still are what their hashes say."""
        whole = all(chained(before, said) == after for before, said, after in self._last)
        return whole and all(one[2] == next_[0] for one, next_ in pairwise(self._last))


def chained(before: str, said: dict[str, Any]) -> str:
    """The hash that binds a record to the one before."""
    return hashlib.sha256(before.encode() + orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
