"""What can be asked of the sources: plain values, so that one question is the same question for every viewer.

`ask.py` answers them; nothing here knows a connector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from dashboard.catalog.expression import Expression
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

    `or_filters` is a second set: an alert that fits either set is in the answer, once.
    """

    filters: tuple[str, ...] = ()
    or_filters: tuple[str, ...] = ()

    @classmethod
    def of_namespace(cls, namespace: str) -> Alerts:
        """The alerts of one namespace, and those that are bound to none.

        The namespace is checked to be a DNS label, so it cannot leave its matcher. Where an exporter has a label
        `namespace` of its own, Prometheus keeps that of the thing itself as `exported_namespace`.
        """
        return cls(filters=(f'namespace=~"{namespace}|"',), or_filters=(f'exported_namespace="{namespace}"',))


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """A page of one stream with counts over the whole window, of one namespace alone.

    With `widening` the newest 15 minutes are searched first and more only as long as the page is not full: quick on
    any amount of data, but the counts are then of what was searched (`LogPage.searched_from`).
    `filters` and `terms` take the short names of `catalog/fields.py` (service, track, severity ...) or fields as
    Elasticsearch knows them; a tuple of values means any of them, an empty value means no filter. `sort` likewise.
    `level` ("error") and, of spans, `outcome` ("failed") filter by meaning, whatever words the documents use.
    `places` tells the service and track of documents that carry only the name of their pod. All workloads of the
    namespace belong there: the name of one may begin like another's.
    Answers are shared for `step_seconds`: for how long nothing new is worth a search over much.
    """

    stream: Stream
    namespace: str
    start: datetime
    end: datetime
    filters: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    text: str = ""
    size: int = 20
    histogram_buckets: int = 0
    terms: tuple[str, ...] = ()
    newest_first: bool = True
    sort: str = "@timestamp"
    widening: bool = False
    step_seconds: int = 1
    places: tuple[LogPlace, ...] = ()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LogContext:
    """What was written in the namespace just before and just after a document, within an hour; filters as in `Logs`."""

    stream: Stream
    namespace: str
    document: DocumentId
    filters: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    before: int = 20
    after: int = 20


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
Request: TypeAlias = Instant | Range | Alerts | LogRequest | Objects | PodLog


def namespace_of(request: Request) -> str | None:
    """The namespace that a request is about; None where it is about none in particular."""
    match request:
        case Instant() | Range():
            return request.values.get("namespace")
        case Alerts():
            return None
        case _:
            return request.namespace
