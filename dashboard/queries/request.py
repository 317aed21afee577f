"""What can be asked of the sources: plain values, so that one question is the same question for every viewer.

`ask.py` answers them; nothing here knows a connector.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, TypeAlias, TypeVar, assert_never

from dashboard.catalog.expression import Expression
from dashboard.model.blue_green import OURS, BlueGreen
from dashboard.model.log import Cursor, DocumentId, LogPlace

Stream: TypeAlias = Literal["logs", "traces", "audit"]


@dataclass(frozen=True, slots=True)
class Instant:
    """One expression at one instant; `at` None is now."""

    expression: Expression
    values: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """One expression over a window; both ends are moved onto its grid. Without a step it follows from the length."""

    expression: Expression
    values: Mapping[str, str]
    start: datetime
    end: datetime
    step_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Alerts:
    """The alerts that fire now, silenced ones too. `filters` are Alertmanager matchers such as `namespace="agents"`.

    `or_filters` are further sets: an alert that fits any set is in the answer, once.
    """

    filters: tuple[str, ...] = ()
    or_filters: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of_namespace(cls, namespace: str, own_labels: Iterable[str] = ()) -> Alerts:
        """The alerts of one namespace, and those that are bound to none.

        The namespace is checked to be a DNS label, so it cannot leave its matcher. Where an exporter has a label
        `namespace` of its own, Prometheus keeps that of the thing itself as `exported_namespace`.

        Args:
            own_labels: what else names the namespace here, as the settings say.
        """
        others = dict.fromkeys(("exported_namespace", *own_labels))
        others.pop("namespace", None)
        return cls(
            filters=(f'namespace=~"{namespace}|"',), or_filters=tuple((f'{label}="{namespace}"',) for label in others)
        )


@dataclass(frozen=True, slots=True)
class AlertGroups:
    """The same alerts as Alertmanager groups them for each receiver; filters as in `Alerts`."""

    filters: tuple[str, ...] = ()
    or_filters: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of_namespace(cls, namespace: str, own_labels: Iterable[str] = ()) -> AlertGroups:
        """The groups of the alerts of one namespace, and of those that are bound to none."""
        alerts = Alerts.of_namespace(namespace, own_labels)
        return cls(filters=alerts.filters, or_filters=alerts.or_filters)


@dataclass(frozen=True, slots=True)
class Silences:
    """All silences, ended ones too as long as Alertmanager keeps them."""


@dataclass(frozen=True, slots=True)
class Routes:
    """Who is told of which alert, from Alertmanager's own configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """A page of one stream with counts over the whole window, of one namespace alone.

    With `widening` the newest 15 minutes are searched first and more only as long as the page is not full: quick on
    any amount of data, but the counts are then of what was searched (`LogPage.searched_from`).
    `filters` and `terms` take the short names of `catalog/fields.py` (service, track, severity ...) or fields as
    Elasticsearch knows them; a tuple of values means any of them, an empty value means no filter. `sort` likewise.
    `text` is a query as `decide/log_query.py` reads it; one with a mistake raises QueryMistakeError when it is asked.
    `level` ("error") and, of spans, `outcome` ("failed") filter by meaning, whatever words the documents use;
    `by_level` splits the histogram by level as well.
    Of spans, `beginning` ("run") finds those that a run begins with: without a parent, or the call of an agent.
    `at_least` bounds figures of spans from below, by concept: `duration` in seconds, `cost` in the cost's own unit.
    `concepts` are the short names of what to return, everything where there are none: many documents at once are read
    without what is not shown. The total is exact up to `count_up_to`.
    `places` tells the service and track of documents that carry only the name of their pod. All workloads of the
    namespace belong there: the name of one may begin like another's.
    Answers are shared for `step_seconds`: for how long nothing new is worth a search over much; at least for a
    refresh, or for `kept_seconds` where that is set.
    `tracks` says what documents call a track; `Ask` fills it in, and filters speak of tracks in the deck's words.
    """

    stream: Stream
    namespace: str
    start: datetime
    end: datetime
    filters: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    text: str = ""
    size: int = 20
    histogram_buckets: int = 0
    by_level: bool = False
    terms: tuple[str, ...] = ()
    newest_first: bool = True
    sort: str = "@timestamp"
    widening: bool = False
    step_seconds: int = 1
    kept_seconds: float = 0.0
    places: tuple[LogPlace, ...] = ()
    tracks: BlueGreen = OURS
    at_least: Mapping[str, float] = field(default_factory=dict)
    concepts: tuple[str, ...] = ()
    count_up_to: int = 10_000


@dataclass(frozen=True, slots=True)
class MoreLogs:
    """The page behind one that `logs` or another of these has answered with `cursor`."""

    logs: Logs
    cursor: Cursor

    @property
    def stream(self) -> Stream:
        """The stream of the logs."""
        return self.logs.stream

    @property
    def namespace(self) -> str:
        """The namespace of the logs."""
        return self.logs.namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class LogDocument:
    """One document by its permanent link, if it is of that namespace."""

    stream: Stream
    namespace: str
    document: DocumentId
    tracks: BlueGreen = OURS


@dataclass(frozen=True, slots=True, kw_only=True)
class LogContext:
    """What was written in the namespace just before and just after a document, within an hour; filters as in `Logs`."""

    stream: Stream
    namespace: str
    document: DocumentId
    filters: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    before: int = 20
    after: int = 20
    tracks: BlueGreen = OURS


@dataclass(frozen=True, slots=True)
class LogPatterns:
    """The patterns of the newest lines that `logs` would find, at most `sample` of them (up to 10,000)."""

    logs: Logs
    sample: int = 1000

    @property
    def stream(self) -> Stream:
        """The stream of the logs."""
        return self.logs.stream

    @property
    def namespace(self) -> str:
        """The namespace of the logs."""
        return self.logs.namespace


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects of one kind in one namespace (None: all, or a kind without namespaces), by label selector."""

    kind: str
    namespace: str | None
    selector: str = ""


@dataclass(frozen=True, slots=True)
class PodLog:
    """The newest lines of one container; `previous` is the run before its last restart."""

    namespace: str
    pod: str
    container: str
    tail_lines: int = 200
    previous: bool = False


LogRequest: TypeAlias = Logs | MoreLogs | LogDocument | LogContext | LogPatterns
Alerting: TypeAlias = Alerts | AlertGroups | Silences | Routes
Request: TypeAlias = Instant | Range | Alerting | LogRequest | Objects | PodLog


def in_words_of(request: LogRequest, tracks: BlueGreen) -> LogRequest:
    """The same request where documents call tracks so: a filter takes every value that means its track."""
    match request:
        case MoreLogs():
            return replace(request, logs=_in_words_of(request.logs, tracks))
        case LogPatterns():
            return replace(request, logs=_in_words_of(request.logs, tracks))
        case LogDocument():
            return replace(request, tracks=tracks)
        case Logs():
            return _in_words_of(request, tracks)
        case LogContext():
            return _in_words_of(request, tracks)
        case _:
            assert_never(request)


def track_of(request: Request) -> str:
    """The track that a request is about, in the deck's word; "" where it is about both or none."""
    match request:
        case Instant() | Range():
            return str(request.values.get("track") or "")
        case MoreLogs() | LogPatterns():
            return track_of(request.logs)
        case Logs() | LogContext():
            found = request.filters.get("track") or ""
            return found if isinstance(found, str) else ",".join(found)
        case _:
            return ""


_Filtered = TypeVar("_Filtered", Logs, LogContext)


def _in_words_of(request: _Filtered, tracks: BlueGreen) -> _Filtered:
    wanted, service = request.filters.get("track") or (), request.filters.get("service") or ""
    words = (wanted,) if isinstance(wanted, str) else wanted
    one = service if isinstance(service, str) else ""
    values = tuple(dict.fromkeys(value for word in words for value in tracks.spellings(word, one)))
    filters = {**request.filters, "track": values[0] if len(values) == 1 else values} if values else request.filters
    return replace(request, filters=filters, tracks=tracks)


def namespace_of(request: Request) -> str | None:
    """The namespace that a request is about; None where it is about none in particular."""
    match request:
        case Instant() | Range():
            return request.values.get("namespace")
        case Alerts() | AlertGroups() | Silences() | Routes():
            return None
        case _:
            return request.namespace
