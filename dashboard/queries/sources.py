"""Can the deck be trusted: does each source answer, and does Prometheus have the metrics that the pages read?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from dashboard.catalog.index import ENTRIES
from dashboard.model.health import SourceHealth
from dashboard.model.reading import Reading, Source, fresh
from dashboard.model.release import GovernedService, Track
from dashboard.model.telemetry import ConceptCheck
from dashboard.queries.ask import Ask
from dashboard.queries.doctor import check
from dashboard.queries.release_scene import scene_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingMetric:
    """A metric not seen in the last hour, and what nobody can see without it.

    Either this telemetry lacks it, or nothing of its kind has happened: a counter of failures begins with the first.
    """

    name: str
    blinds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCheck:
    """How one governed Service stands; `says` has a sentence for each thing it lacks."""

    namespace: str
    name: str
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesAnswer:
    """Each source as it was last met, and how what it holds fits.

    `missing` has no value while Prometheus does not answer, or lacks nothing.
    """

    health: tuple[SourceHealth, ...]
    missing: Reading[tuple[MissingMetric, ...]]
    concepts: Reading[tuple[ConceptCheck, ...]]
    services: Reading[tuple[ServiceCheck, ...]]


def sources(ask: Ask, now: datetime) -> SourcesAnswer:
    """Asks each source that was never asked for up to 2 s, and Prometheus for names and labels, which takes seconds."""
    health = ask.health()
    found = ask.metric_names()
    telemetry = ask.telemetry()
    mapping = ask.environment.mapping
    return SourcesAnswer(
        health=health,
        missing=found.map(lambda names: missing_from(names) or None, empty="every metric was seen"),
        concepts=telemetry.map(lambda known: check(mapping, known)),
        services=_services(ask, now),
    )


def _services(ask: Ask, now: datetime) -> Reading[tuple[ServiceCheck, ...]]:
    """The governed Services of all namespaces, and what keeps each from being judged or switched."""
    found: list[ServiceCheck] = []
    last: Reading[tuple[ServiceCheck, ...]] | None = None
    for namespace in ask.environment.namespaces:
        scene = scene_of(ask, namespace, "", now)
        if scene.names.value is None:
            last = scene.names.map(lambda _: ())
            continue
        for name in scene.names.value:
            one = scene_of(ask, namespace, name, now).service
            found.append(ServiceCheck(namespace=namespace, name=name, says=tuple(_lacks(one))))
    if not found and last is not None:
        return last
    return fresh(tuple(found), source=Source.KUBERNETES, as_of=now)


def _lacks(reading: Reading[GovernedService]) -> Iterator[str]:
    service = reading.value
    if service is None:
        yield reading.reason
        return
    for track in Track:
        status = service.tracks.get(track)
        if status is None:
            yield f"nothing runs on {track}"
        elif status.problem:
            yield f"{track}: {status.problem}"
        elif not status.version:
            yield f"{track}: its pods name no version (label app.kubernetes.io/version on the pod template)"
    if service.preview_service is None:
        yield "no preview Service: the candidate cannot be tried before the switch"


def missing_from(names: Collection[str]) -> tuple[MissingMetric, ...]:
    """The metrics that pages read and that are not among `names`, sorted. Pure."""
    blinds: dict[str, list[str]] = defaultdict(list)
    for entry in ENTRIES:
        for metric in entry.metrics(names) - frozenset(names):
            blinds[metric].append(entry.blind)
    return tuple(MissingMetric(name=name, blinds=tuple(blinds[name])) for name in sorted(blinds))
