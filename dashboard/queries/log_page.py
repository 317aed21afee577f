"""What the page Logs shows: the newest lines that fit, their counts over the period, and their kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from dashboard.catalog.fields import names
from dashboard.decide import log_query
from dashboard.model.log import DocumentId, LogEntry, LogPage, LogPlace, Surroundings
from dashboard.model.log_query import QueryMistakeError
from dashboard.model.reading import Reading
from dashboard.model.view import View
from dashboard.model.words import LogLevel
from dashboard.queries import line_query, new_kinds, tail
from dashboard.queries.ask import Ask, Logs, Readings, Request
from dashboard.queries.log_places import places
from dashboard.queries.measures import ask_changes, changes_told
from dashboard.queries.new_kinds import NewKinds
from dashboard.queries.request import LogContext, LogDocument, MoreLogs

A_PAGE: Final = 50
MOST_PAGES: Final = 20
BUCKETS: Final = 60
AROUND: Final = 15
MOST_EXPORTED: Final = 5_000
# What the lines are counted by, as they are told apart in the link and in the fields of documents.
FACETS: Final = ("level", "service", "track", "pod", "container", "agent", "tool", "logger")
_NAMED = ("service", "track", "pod", "container", "agent", "model", "tool", "contract", "logger")
_EXPORT_STEP = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LogsAnswer:
    """All readings of the page.

    `mistake` says what is wrong with the query; nothing was asked then. `anything` is what the namespace logged in the
    period, whatever the filters: asked where nothing fits. `unknown_fields` are the names in the query that no line of
    the period has.
    """

    start: datetime
    end: datetime
    mistake: str = ""
    hints: tuple[str, ...] = ()
    lines: Reading[LogPage] | None = None
    counts: Reading[LogPage] | None = None
    kinds: NewKinds | None = None
    anything: Reading[LogPage] | None = None
    unknown_fields: tuple[str, ...] = ()


def log_lines(ask: Ask, view: View, now: datetime) -> LogsAnswer:
    """Everything that the page shows but the older lines, which a person asks for."""
    start, end = view.window(now)
    told = LogsAnswer(start=start, end=end, hints=log_query.hints(view.q))
    if mistake := mistake_in(view.q):
        return replace(told, mistake=mistake)
    cluster = ask.gather(ask_changes(view.ns))
    logs = _asked(view, now, _places(ask, cluster))
    width = max(1, int((end - start).total_seconds() / BUCKETS))
    counted = replace(logs, size=0, histogram_buckets=BUCKETS, by_level=True, terms=FACETS, step_seconds=width)
    answers = ask.gather({"lines": replace(logs, size=A_PAGE, widening=True), "counts": counted})
    told = replace(told, lines=answers.logs("lines"), counts=answers.logs("counts"))
    if not _has_lines(told):
        return _explained(ask, told, replace(logs, size=1), view)
    changed = changes_told(cluster, ask.environment.blue_green.known)
    release = new_kinds.last_release(changed, service=view.service, end=end)
    return replace(told, kinds=new_kinds.find(ask, replace(logs, step_seconds=min(width, 60)), release))


def mistake_in(text: str) -> str:
    """What is wrong with a query, in plain words; "" where it can be asked."""
    try:
        log_query.parse(text, line_query.names("logs"))
    except QueryMistakeError as error:
        return str(error)
    return ""


def older(ask: Ask, view: View, now: datetime, first: LogPage, pages: int) -> tuple[tuple[LogEntry, ...], bool, str]:
    """The lines of `pages` more pages, whether there are more, and why they end early ("" where they do not)."""
    logs = replace(_request(ask, view, now), size=A_PAGE, widening=True)
    found: list[LogEntry] = []
    cursor = first.next
    for _ in range(min(pages, MOST_PAGES)):
        if cursor is None:
            return tuple(found), False, ""
        answer = ask.gather({"more": MoreLogs(logs, cursor)}).logs("more")
        if answer.value is None:
            return tuple(found), False, answer.reason
        found += answer.value.entries
        cursor = answer.value.next
        if answer.reason and answer.state.value == "partial":
            return tuple(found), cursor is not None, answer.reason
    return tuple(found), cursor is not None, ""


def around(ask: Ask, view: View) -> Reading[Surroundings]:
    """The line that the link names, with those just before and after it of the same pod and container.

    Raises:
        ValueError: the link names no document.
    """
    document = DocumentId.parse(view.line)
    itself = ask.gather({"line": LogDocument(stream="logs", namespace=view.ns, document=document)}).entry("line")
    if itself.value is None:
        return itself.map(lambda entry: Surroundings(before=(), entry=entry, after=()))
    asked = LogContext(
        stream="logs",
        namespace=view.ns,
        document=document,
        filters=_beside(ask, itself.value),
        before=AROUND,
        after=AROUND,
    )
    return ask.gather({"around": asked}).surroundings("around")


def _beside(ask: Ask, entry: LogEntry) -> dict[str, str | tuple[str, ...]]:
    """The filters that keep to the pod and container of a line, as far as it names them."""
    known = names("logs", "container", ask.environment.fields.get("logs", {}))
    container = next((str(entry.fields[name]) for name in known if entry.fields.get(name)), "")
    return {name: value for name, value in (("pod", entry.pod), ("container", container)) if value}


def followed(ask: Ask, view: View, now: datetime) -> Reading[LogPage]:
    """The newest lines of the last minutes, for a live tail."""
    cluster = ask.gather(ask_changes(view.ns))
    asked = tail.newest("logs", view.ns, now, filters=_filters(view), text=view.q, places=_places(ask, cluster))
    return ask.gather({"tail": asked}).logs("tail")


def export(ask: Ask, view: View, now: datetime) -> tuple[tuple[LogEntry, ...], str]:
    """The newest lines that fit, at most MOST_EXPORTED, and why some lack ("" where none does)."""
    logs = replace(_request(ask, view, now), size=_EXPORT_STEP)
    answer = ask.gather({"first": logs}).logs("first")
    found: list[LogEntry] = []
    lacks: list[str] = []
    while True:
        if answer.value is None:
            return tuple(found), "; ".join((*lacks, answer.reason))
        found += answer.value.entries
        lacks += [answer.reason] if answer.reason else []
        cursor = answer.value.next
        if cursor is None or len(found) >= MOST_EXPORTED:
            break
        answer = ask.gather({"more": MoreLogs(logs, cursor)}).logs("more")
    if cursor is not None:
        lacks.append(f"only the newest {MOST_EXPORTED:,} lines are exported: choose a shorter period for older ones")
    return tuple(found[:MOST_EXPORTED]), "; ".join(dict.fromkeys(lacks))


def _request(ask: Ask, view: View, now: datetime) -> Logs:
    return _asked(view, now, _places(ask, ask.gather(ask_changes(view.ns))))


def _asked(view: View, now: datetime, where: tuple[LogPlace, ...]) -> Logs:
    start, end = view.window(now)
    return Logs(
        stream="logs", namespace=view.ns, start=start, end=end, filters=_filters(view), text=view.q, places=where
    )


def _filters(view: View) -> dict[str, str | tuple[str, ...]]:
    """The filters of a link; a level that the deck has no word for is looked up as it is written."""
    found: dict[str, str | tuple[str, ...]] = {name: getattr(view, name) for name in _NAMED}
    found["trace_id"] = view.trace
    found["level" if view.level in tuple(LogLevel) else "severity"] = view.level
    return {name: value for name, value in found.items() if value}


def _places(ask: Ask, cluster: Readings) -> tuple[LogPlace, ...]:
    blue_green = ask.environment.blue_green.known
    services = [item for item in cluster.objects("changes.services").value or () if blue_green.is_governed(item)]
    deployments = cluster.objects("changes.deployments").value or ()
    return places(services, deployments, cluster.objects("changes.replicasets").value or (), blue_green)


def _has_lines(told: LogsAnswer) -> bool:
    pages = [one.value for one in (told.lines, told.counts) if one is not None and one.value is not None]
    return any(page.entries or page.total for page in pages)


def _explained(ask: Ask, told: LogsAnswer, logs: Logs, view: View) -> LogsAnswer:
    """Why nothing fits: whether anything was logged at all, and which fields of the query no line has."""
    if told.lines is None or told.lines.value is None:
        return told
    condition = log_query.parse(view.q)
    fields = line_query.fields_named(condition) if condition is not None else ()
    requests: dict[str, Request] = {"anything": replace(logs, filters={}, text="", widening=True)}
    requests |= {f"field.{name}": replace(logs, filters={}, text=f"{name}:*", size=0) for name in fields}
    answers = ask.gather(requests)
    unknown = [name for name in fields if (page := answers.logs(f"field.{name}").value) is not None and not page.total]
    return replace(told, anything=answers.logs("anything"), unknown_fields=tuple(unknown))


def level_totals(page: LogPage) -> Mapping[LogLevel, int]:
    """How many lines state each level over the whole period."""
    return {level: sum(count for _, count in buckets) for level, buckets in page.levels.items()}


def total(page: LogPage) -> int:
    """How many lines there are: the histogram counts every one of them, the total ends at a bound."""
    return max(page.total, sum(count for _, count in page.histogram))
