"""Whether logs, rights and retention fit the deck: what a pattern matches and lacks, and what the cluster refuses.

The questions go through `Ask`; what the answers mean is decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from connectors.kubernetes import KINDS
from dashboard.model.reading import Reading
from dashboard.model.release import GovernedService
from dashboard.queries.presence import EVER
from dashboard.queries.request import Stream
from dashboard.queries.resolution import Resolution, stream_of

# What a page cannot do without, by stream. A level may be a word or a number.
_NEEDED: dict[Stream, tuple[str, ...]] = {
    "logs": ("message", "severity", "service", "namespace", "pod", "track", "trace_id"),
    "traces": ("message", "status", "duration", "service", "namespace", "trace_id"),
    "audit": ("message", "action", "user", "outcome"),
}
# Without these a cluster is still read: few have them, or they only add to what is shown.
_OPTIONAL = frozenset(("rollouts", "configmaps", "namespaces", "nodes"))
_DAYS = {"h": 1 / 24, "d": 1.0, "w": 7.0, "y": 365.0}
_AGE = re.compile(r"(\d+)([hdwy])")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCheck:
    """How one stream stands: its pattern, the streams that it matches, and a sentence for each thing that lacks."""

    stream: Stream
    pattern: str
    matched: tuple[str, ...]
    says: tuple[str, ...] = ()

    @property
    def is_wrong(self) -> bool:
        """Whether the settings could mend it. Traces and audit records may simply not be written yet."""
        return self.stream == "logs" and bool(self.says)


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """Something that the deck does in the cluster."""

    verb: str
    kind: str
    namespace: str | None = None
    name: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        kind = f"{self.kind}/{self.subresource}" if self.subresource else self.kind
        return f"{self.verb} {' '.join(filter(None, (kind, self.name)))}" + (
            f" in {self.namespace}" if self.namespace else ""
        )


def log_check(stream: Stream, pattern: str, fields: Resolution) -> LogCheck:
    """What an index pattern matches, and which concepts its documents do not carry."""
    matched = tuple(sorted({stream_of(index) for index in fields.indices}))
    return LogCheck(stream=stream, pattern=pattern, matched=matched, says=tuple(_lacking(stream, pattern, fields)))


def _lacking(stream: Stream, pattern: str, fields: Resolution) -> Iterator[str]:
    table = f"elasticsearch.fields.{stream}"
    for one in fields.unavailable:
        yield f"{one.index} {one.why}"
    if not fields.indices:
        yield f"no index matches {pattern} (elasticsearch.{stream} in the settings)"
        return
    for concept in _NEEDED[stream]:
        concepts = (concept, "severity_number") if concept == "severity" else (concept,)
        without = sorted({stream_of(i) for i in fields.indices if len(fields.lacked_by(i, concepts)) == len(concepts)})
        if concept == "track" and without and not fields.lacks(("pod",)):
            continue  # the cluster tells it by the name of the pod
        if concept == "severity" and without:
            continue  # it is read from the line
        if without:
            where = "no index" if fields.lacks(concepts) else ", ".join(without)
            mend = "" if stream == "audit" else f"; if another field carries it: {table}.{concept}"
            has = "has a" if where == "no index" else "has no"
            yield f"{where} {has} field for the {concept}{mend}"


def rights(namespaces: Iterable[str], services: Iterable[GovernedService]) -> tuple[Right, ...]:
    """Everything that the deck reads and writes: the governed Services that it may move, and nothing of others."""
    found: list[Right] = []
    for namespace in namespaces:
        kinds = [kind for kind, known in KINDS.items() if known.namespaced and kind not in _OPTIONAL]
        found += [Right(verb=verb, kind=kind, namespace=namespace) for kind in kinds for verb in ("list", "watch")]
        found.append(Right(verb="get", kind="pods", namespace=namespace, subresource="log"))
        found += [Right(verb=verb, kind="leases", namespace=namespace) for verb in ("create", "update")]
        found.append(Right(verb="create", kind="events", namespace=namespace))
    for service in services:
        if service.moved_by:
            continue
        for name in filter(None, (service.name, service.preview_service)):
            found.append(Right(verb="patch", kind="services", namespace=service.namespace, name=name))
        for status in service.tracks.values():
            scale = {"kind": "deployments", "name": status.deployment, "subresource": "scale"}
            found.append(Right(verb="patch", namespace=service.namespace, **scale))
    return tuple(found)


def retention_days(text: str) -> float | None:
    """The days in what Prometheus says of its retention, such as `15d or 10GiB`; None where it tells no time."""
    found = _AGE.findall(text.partition(" or ")[0])
    return sum(int(count) * _DAYS[unit] for count, unit in found) or None


def is_too_short(reading: Reading[str]) -> bool:
    """Whether Prometheus is known to keep fewer days than it takes to tell what was never measured."""
    days = retention_days(reading.value or "")
    return days is not None and days < EVER.days


def retention_says(reading: Reading[str], wanted_days: int) -> str:
    """What the retention of Prometheus means here; "" where it is not known."""
    days = retention_days(reading.value or "")
    if days is None:
        return ""
    said = f"keeps {days:g} days"
    if days < EVER.days:
        said += f", fewer than the {EVER.days} by which the deck tells what was never measured"
    return said + (f"; write: retention_days = {max(1, int(days))}" if days < wanted_days else "")
