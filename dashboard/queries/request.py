"""What can be asked of the sources: plain values, so that one question is the same question for every viewer.

`ask.py` answers them; nothing here knows a connector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from dashboard.catalog.expression import Expression

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
    """The alerts that fire now, silenced ones too. `filters` are Alertmanager matchers such as `namespace="agents"`."""

    filters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """A page of one stream with counts over the whole window.

    `filters` and `terms` take the short names of `catalog/fields.py` (service, track, severity ...) or fields as
    Elasticsearch knows them; a tuple of values means any of them, an empty value means no filter. `sort` likewise.
    """

    stream: Stream
    start: datetime
    end: datetime
    filters: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    text: str = ""
    size: int = 20
    histogram_buckets: int = 0
    terms: tuple[str, ...] = ()
    newest_first: bool = True
    sort: str = "@timestamp"


@dataclass(frozen=True, slots=True)
class Cluster:
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


Request: TypeAlias = Instant | Range | Alerts | Logs | Cluster | PodLog
