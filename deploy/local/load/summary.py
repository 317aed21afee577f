"""What a load run found: every request that was due is counted once, as answered well or as failed for a reason."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_STEPS_PER_E = 50  # buckets 2 % apart: enough for a percentile, and bounded however long the run


@dataclass(slots=True)
class Summary:
    """Counts and latencies. `ok` and `failed` together are all that was due, once the last answer is in."""

    sent: int = 0
    ok: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    """Of those that say so: success, handoff, failure. A failed agent run is an answer, not a lost request."""
    tracks: Counter[str] = field(default_factory=Counter)
    _latencies: Counter[int] = field(default_factory=Counter)

    def answered(self, seconds: float, outcome: str = "", track: str = "") -> None:
        self.ok += 1
        if outcome:
            self.outcomes[outcome] += 1
        if track:
            self.tracks[track] += 1
        self._latencies[math.ceil(math.log(max(seconds, 1e-6)) * _STEPS_PER_E)] += 1

    def lost(self, reason: str) -> None:
        self.failed[reason] += 1

    @property
    def failures(self) -> int:
        return self.failed.total()

    def latency_seconds(self, quantile: float) -> float | None:
        """The latency that this share of the answered requests stays under, exact to 2 %; None without answers."""
        rank = quantile * self.ok
        seen = 0
        for bucket in sorted(self._latencies):
            seen += self._latencies[bucket]
            if seen >= rank:
                return math.exp(bucket / _STEPS_PER_E)
        return None

    def document(self) -> dict[str, Any]:
        """The summary for a machine to read."""
        return {
            "sent": self.sent,
            "ok": self.ok,
            "failed": dict(self.failed),
            "outcomes": dict(self.outcomes),
            "tracks": dict(self.tracks),
            "latency_seconds": {
                name: round(value, 4)
                for name, quantile in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
                if (value := self.latency_seconds(quantile)) is not None
            },
        }

    def line(self) -> str:
        """The summary for a person, on one line."""
        latency = self.latency_seconds(0.95)
        tail = f" p95={latency * 1000:.0f}ms" if latency is not None else ""
        reasons = "".join(f" {reason}={count}" for reason, count in sorted(self.failed.items()))
        return f"sent={self.sent} ok={self.ok} failed={self.failures}{reasons}{tail}"
