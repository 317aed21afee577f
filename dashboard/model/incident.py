"""What is wrong now, as incidents that a person can act on: alerts of one cause, or symptoms before any alert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote

from dashboard.model.log import LogEntry
from dashboard.model.reading import Reading, Source
from dashboard.model.series import Series
from dashboard.model.words import Severity


class CauseFamily(StrEnum):
    """Kinds of causes, worst for users first: this is their order on the page within one severity."""

    STOPPED = "stopped"  # the kill switch, or policies that deny most of what is asked
    UNSERVED = "unserved"  # a Service that no pod serves
    QUEUE = "queue"  # tasks are accepted but not processed
    ERRORS = "errors"
    COST = "cost"
    CONTRACTS = "contracts"
    LATENCY = "latency"
    PODS = "pods"
    REQUESTS = "requests"  # components answer each other with 5xx: often the echo of a cause above
    AUDIT = "audit"
    LOGS = "logs"
    CPU = "cpu"
    BLIND = "blind"  # something is no longer measured, or a source no longer answers
    OTHER = "other"


class Standing(StrEnum):
    """Who says so, in the order of the page."""

    FIRING = "firing"  # Alertmanager, and nobody silenced it
    SUSPECT = "suspect"  # measured just now; no alert yet
    SUPPRESSED = "suppressed"  # by a silence, another alert or a time interval


class Situation(StrEnum):
    """What is known of an incident that decides which step of its runbook is the right one."""

    ACTIVE = "active"  # only the track that users get is sick
    PREVIEW = "preview"  # only the track that no user gets is sick
    BOTH = "both"  # both tracks are sick
    MEMORY = "memory"  # containers were killed for their memory


def cause_key(standing: Standing, *parts: str) -> str:
    """The key of one cause. Each part keeps its place and its case, so two causes never share a key."""
    return "/".join(quote(part, safe="") for part in (standing, *parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What is wrong for one cause. `service` and `track` are "" where the cause is not bound to one.

    `since` is None for symptoms whose beginning is not known. `window_seconds` is the window over which a share or a
    quantile was measured; None for other causes, and where only an alert reports it.
    `reasons` say what is behind the headline, each in one sentence, in the words of its source.
    `severity_word` is the alert's own word where its severity is not understood.
    `fingerprints` name its alerts at Alertmanager, for whoever acknowledges them.
    `is_outage`: users get no service at all, which ranks before everything.
    """

    key: str
    family: CauseFamily
    severity: Severity
    standing: Standing
    headline: str
    since: datetime | None
    service: str
    track: str
    owner: str
    runbook: str
    alerts: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    severity_word: str = ""
    reasons: tuple[str, ...] = ()
    window_seconds: float | None = None
    is_outage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptoms:
    """One track over the last moments. None: not measured, or nothing to divide by."""

    service: str
    track: str
    window_seconds: float
    runs_per_second: float | None
    error_ratio: float | None
    p95_seconds: float | None
    evaluations_per_second: float | None
    violation_ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change in the cluster: the first question about any incident."""

    at: datetime
    what: str
    service: str
    track: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measure of one track: now, one period before, and its course."""

    value: Reading[float]
    previous: Reading[float] | None
    course: Reading[tuple[Series, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentEvidence:
    """Evidence for one incident. `pair` holds the failing track first, then the other one.

    `limit` is the limit of the measure; its value of now is over `window_seconds`. `ends` are the termination reasons
    of containers over time, each with the time since when it was seen, where the reason changed. `trace` is the span
    that shows the fault best: the longest failed run, the slowest one, a broken contract. None: no span can show it.
    """

    measure: str
    limit: float | None
    window_seconds: float
    pair: tuple[tuple[str, Measured], ...]
    log: Reading[LogEntry] | None
    contract: str
    agents: tuple[str, ...]
    change: Change | None
    ends: tuple[tuple[str, datetime], ...] = ()
    trace: Reading[LogEntry] | None = None
    situations: frozenset[Situation] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What Triage looked at, by how far that can be trusted. "No problem found" holds for `looked_at` alone.

    Attributes:
        looked_at: what was answered just now, in full.
        unmeasured: what nothing here measures, with what would.
        silent: what is measured here and has no data now, such as failed runs where nothing runs.
        unknown: what was not answered, or not wholly, or not understood, by the reason.
        awaited: what of it a source would tell that does not answer. The source's own card says so.
    """

    looked_at: tuple[str, ...]
    unmeasured: Mapping[str, str]
    silent: Mapping[str, str]
    unknown: Mapping[str, tuple[str, ...]]
    awaited: Mapping[Source, tuple[str, ...]] = field(default_factory=dict)
