"""Can the deck be trusted: does each source answer, and does Prometheus have the metrics that the pages read?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from dashboard.catalog.index import ENTRIES
from dashboard.model.health import SourceHealth
from dashboard.model.reading import Reading
from dashboard.queries.ask import Ask


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingMetric:
    """A metric not seen in the last hour, and what nobody can see without it.

    Either this telemetry lacks it, or nothing of its kind has happened: a counter of failures begins with the first.
    """

    name: str
    blinds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesAnswer:
    """Each source as it was last met; `missing` has no value while Prometheus does not answer, or lacks nothing."""

    health: tuple[SourceHealth, ...]
    missing: Reading[tuple[MissingMetric, ...]]


def sources(ask: Ask) -> SourcesAnswer:
    """Asks each source that was never asked, for up to 2 s, and Prometheus for its names."""
    health = ask.health()
    found = ask.metric_names()
    return SourcesAnswer(
        health=health, missing=found.map(lambda names: missing_from(names) or None, empty="every metric was seen")
    )


def missing_from(names: Collection[str]) -> tuple[MissingMetric, ...]:
    """The metrics that pages read and that are not among `names`, sorted. Pure."""
    blinds: dict[str, list[str]] = defaultdict(list)
    for entry in ENTRIES:
        for metric in entry.metrics(names) - frozenset(names):
            blinds[metric].append(entry.blind)
    return tuple(MissingMetric(name=name, blinds=tuple(blinds[name])) for name in sorted(blinds))
