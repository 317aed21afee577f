"""Can the deck be trusted: does each source answer, and does Prometheus have the metrics that the pages read?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboard.catalog.index import ENTRIES
from dashboard.decide.lacks import commands_for, could_be_governed, label_command
from dashboard.model.health import SourceHealth
from dashboard.model.reading import Reading, Source, fresh
from dashboard.model.release import GovernedService, Track
from dashboard.model.telemetry import ConceptCheck
from dashboard.queries import telling
from dashboard.queries.ask import Ask
from dashboard.queries.fit import LogCheck, Right, rights
from dashboard.queries.release_scene import Scene, scene_of
from dashboard.queries.request import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingMetric:
    """A metric not seen in the last hour, and what nobody can see without it.

    Either this telemetry lacks it, or nothing of its kind has happened: a counter of failures begins with the first.
    """

    name: str
    blinds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCheck:
    """How one governed Service stands; `says` has a sentence for each thing it lacks.

    `commands` mend it, in their order: templates first, selectors last. `service` is None where no track is known.
    """

    namespace: str
    name: str
    says: tuple[str, ...]
    commands: tuple[str, ...] = ()
    service: GovernedService | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesAnswer:
    """Each source as it was last met, and how what it holds fits.

    `missing` has no value while Prometheus does not answer, or lacks nothing.
    """

    health: tuple[SourceHealth, ...]
    missing: Reading[tuple[MissingMetric, ...]]
    concepts: Reading[tuple[ConceptCheck, ...]]
    services: Reading[tuple[ServiceCheck, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitAnswer:
    """How logs, rights and retention fit; `refused` are the rights that the deck lacks."""

    logs: Mapping[str, Reading[LogCheck]]
    refused: Reading[tuple[Right, ...]]
    retention: Reading[str]


def fit(ask: Ask, found: SourcesAnswer) -> FitAnswer:
    """What `sources` does not ask: three questions to Elasticsearch, an access review for each right, the retention."""
    streams: tuple[Stream, ...] = ("logs", "traces", "audit")
    services = tuple(one.service for one in found.services.value or () if one.service)
    return FitAnswer(
        logs={stream: ask.log_check(stream) for stream in streams},
        refused=ask.refused(rights(ask.environment.namespaces, services)),
        retention=ask.retention(),
    )


def sources(ask: Ask, now: datetime) -> SourcesAnswer:
    """Asks each source that was never asked for up to 2 s, and Prometheus for names, labels and outcomes: seconds."""
    health = ask.health()
    found = ask.metric_names()
    telemetry = ask.telemetry()
    return SourcesAnswer(
        health=health,
        missing=found.map(lambda names: missing_from(names) or None, empty="every metric was seen"),
        concepts=telemetry.map(lambda known: telling.checks(ask, known)),
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
            one = scene_of(ask, namespace, name, now)
            said = tuple(_lacks(one.service))
            commands = commands_for(one.raw, one.deployments, one.blue_green, one.services) if said and one.raw else ()
            found.append(
                ServiceCheck(namespace=namespace, name=name, says=said, commands=commands, service=one.service.value)
            )
        if not scene.names.value:
            found += _could_be_governed(scene)
    if not found and last is not None:
        return last
    return fresh(tuple(found), source=Source.KUBERNETES, as_of=now)


def _could_be_governed(scene: Scene) -> Iterator[ServiceCheck]:
    """Where nothing is governed: the Services that look like blue-green, with the command that governs them."""
    known = scene.blue_green
    for item in scene.services:
        if could_be_governed(item, scene.deployments, known):
            yield ServiceCheck(
                namespace=item["metadata"]["namespace"],
                name=item["metadata"]["name"],
                says=(f"not governed: it has no label {known.governed_label}=true, and blue_green.services lacks it",),
                commands=(label_command(item, known),),
            )


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
