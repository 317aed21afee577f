"""One question to one source, the timeouts and TTLs that all of them share, and how an answer becomes a reading."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.alertmanager import Alertmanager
from connectors.elasticsearch import Elasticsearch
from connectors.kubernetes import Kubernetes
from connectors.prometheus import Prometheus
from dashboard.model.bad_events import BadEvents
from dashboard.model.reading import Reading, Source, State, empty, fresh, missing

# Timeouts of questions about one moment and about a range.
INSTANT_SECONDS = 2.0
RANGE_SECONDS = 5.0
# TTL of answers that do not change: pages of a point in time, documents, and instants whose last samples are in.
UNCHANGING_SECONDS = 120.0
# The names change with a deployment, not from minute to minute.
NAMES_SECONDS = 300.0
# A range has nothing new before its next step, but a source that was empty may have data a minute later.
LONGEST_STEP_SECONDS = 60.0
# Longer ranges have threads of their own.
LONG = timedelta(hours=24)
# TTL is 95 % of the refresh interval, counted from when the question was asked.
_OF_REFRESH = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The connectors of one environment."""

    prometheus: Prometheus
    alertmanager: Alertmanager
    elasticsearch: Elasticsearch
    kubernetes: Kubernetes


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCall:
    """One question to one source. `fetch` asks it and may raise a `SourceError`; `text` is what a person may read.

    Attributes:
        key: equal where one answer serves both.
        family: equal where only the values, the period or the filters differ.
        is_long: reads more than a day, and so may take long.
        series: each metric that it reads, with the selector of namespace and service; of Prometheus alone.
        series_of: the same for one service, where the question is about a whole namespace.
        bad_events: how it tells bad events from the others.
        told_at: when to look at how they are told; None is lately.
        told_over_seconds: over how long, which is as long as the question looks back.
    """

    source: Source
    key: Hashable
    family: Hashable
    text: str
    ttl_seconds: float
    timeout_seconds: float
    is_long: bool = False
    fetch: Callable[[], Reading[Any]]
    series: tuple[tuple[str, str], ...] = ()
    series_of: Callable[[str], tuple[tuple[str, str], ...]] | None = None
    bad_events: tuple[BadEvents, ...] = ()
    told_at: datetime | None = None
    told_over_seconds: float = 0.0


def ttl_seconds(refresh_seconds: float, step_seconds: float = 0.0) -> float:
    """The TTL of an answer with something new every `step_seconds`: just under a whole number of refreshes.

    With any other TTL, many viewers would ask more often than one.
    """
    return _OF_REFRESH * refresh_seconds * max(1, round(step_seconds / refresh_seconds))


def names_call(
    key: Hashable,
    family: str,
    text: str,
    fetch: Callable[[], Reading[Any]],
    *,
    ttl_seconds: float = NAMES_SECONDS,
    timeout_seconds: float = INSTANT_SECONDS,
    is_long: bool = False,
) -> SourceCall:
    """A question to Prometheus about names, labels and their values, which change seldom."""
    return SourceCall(
        source=Source.PROMETHEUS,
        key=key,
        family=family,
        text=text,
        ttl_seconds=ttl_seconds,
        timeout_seconds=timeout_seconds,
        is_long=is_long,
        fetch=fetch,
    )


# Why an answer without any series has no value.
NOTHING_NOW = "nothing was measured at this time"
NOTHING_IN_PERIOD = "nothing was measured in this period"


def answered(
    value: Any, source: Source, as_of: datetime, query: str, left_out: tuple[str, ...], nothing: str
) -> Reading[Any]:
    """Fresh; partial where something was left out; empty where `value` is (). () with something left out is missing."""
    said = f"{source} left something out: {'; '.join(left_out)}"
    if value == ():
        if left_out:
            return missing(said, source=source, query=query)
        return empty(nothing, source=source, as_of=as_of, query=query)
    answer = fresh(value, source=source, as_of=as_of, query=query)
    return replace(answer, state=State.PARTIAL, reason=said) if left_out else answer
