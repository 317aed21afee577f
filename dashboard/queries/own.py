"""How the deck itself is: memory, threads, age, and how its questions to the sources were answered since it began.

Read from the metrics that the process exposes at /metrics, so page and monitoring say the same. No source is asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from prometheus_client import REGISTRY
from prometheus_client.registry import CollectorRegistry
from prometheus_client.samples import Sample

from dashboard.model.reading import State

DURATION = "agentgov_dashboard_query_duration_seconds"
# An answer is counted under its state, a failure under the kind of its error.
_ANSWERS = frozenset(State)


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """The questions to one source. `p95_seconds` is the bucket bound that 95 % took at most; None beyond the last."""

    source: str
    total: int
    failed: int
    p95_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnHealth:
    """The process; a figure that this platform does not tell is None."""

    started: datetime | None
    memory_bytes: float | None
    open_files: float | None
    questions: tuple[Questions, ...]


def own_health(registry: CollectorRegistry = REGISTRY) -> OwnHealth:
    """The process as it is now."""
    started = registry.get_sample_value("process_start_time_seconds")
    return OwnHealth(
        started=None if started is None else datetime.fromtimestamp(started, UTC),
        memory_bytes=registry.get_sample_value("process_resident_memory_bytes"),
        open_files=registry.get_sample_value("process_open_fds"),
        questions=questions(sample for family in registry.collect() for sample in family.samples),
    )


def questions(samples: Iterable[Sample]) -> tuple[Questions, ...]:
    """What the samples of the histogram say, by source. Pure."""
    within: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    total: dict[str, float] = defaultdict(float)
    failed: dict[str, float] = defaultdict(float)
    for sample in samples:
        source = sample.labels.get("source", "")
        if sample.name == f"{DURATION}_bucket":
            within[source][float(sample.labels["le"])] += sample.value
        elif sample.name == f"{DURATION}_count":
            total[source] += sample.value
            failed[source] += sample.value * (sample.labels.get("outcome") not in _ANSWERS)
    return tuple(
        Questions(
            source=source,
            total=int(total[source]),
            failed=int(failed[source]),
            p95_seconds=_quantile(within[source], 0.95 * total[source]),
        )
        for source in sorted(total)
    )


def _quantile(within: dict[float, float], rank: float) -> float | None:
    """The smallest bound with so many answers within it."""
    found = (bound for bound in sorted(within) if within[bound] >= rank and bound != float("inf"))
    return next(found, None)
