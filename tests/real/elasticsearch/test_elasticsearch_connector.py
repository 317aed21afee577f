"""The deck's connector and its reading of logs, on both servers: two generations of telemetry in one index pattern."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.elasticsearch import Elasticsearch
from connectors.errors import Conflict, NotFound
from dashboard.model.log import DocumentId, LogEntry, LogPage
from dashboard.queries.logs import LogReader
from dashboard.queries.request import LogContext, LogDocument, LogPatterns, Logs, MoreLogs
from dashboard.queries.tail import Tail, advance, newest
from tests.real.elasticsearch.log_stores import DOCUMENTS, START, STREAM, Json, Store, at, bulk

AGENTS: Any = {"stream": "logs", "namespace": "agents"}
pytestmark = pytest.mark.stack

OTEL, ECS, BOTH = "logs-reading.otel-default", "logs-reading.ecs-default", "logs-reading.*"
TIED = "logs-tied.otel-default"
SECONDS = 30.0


def _otel(minutes: float, text: str, service: str, severity: str = "INFO", **attributes: Any) -> Json:
    return {
        "@timestamp": at(minutes),
        "body": {"text": text},
        "severity_text": severity,
        "attributes": attributes,
        "resource": {"attributes": {"service.name": service, "k8s.namespace.name": "agents"}},
    }


def _ecs(minutes: float, text: str, service: str, severity: str = "INFO", **more: Any) -> Json:
    place = {"service": {"name": service}, "kubernetes": {"namespace": "agents"}}
    return {"@timestamp": at(minutes), "message": text, "log.level": severity, **place, **more}


@pytest.fixture(scope="module")
def elasticsearch(store: Store) -> Elasticsearch:
    return Elasticsearch(store.url)


@pytest.fixture(scope="module")
def reader(store: Store, elasticsearch: Elasticsearch) -> LogReader:
    """Over two streams: one of each generation."""
    bulk(
        store,
        OTEL,
        {
            "o0": _otel(0, "run 17 ended in 250 ms", "runtime", **{"gen_ai.agent.name": "planner"}),
            "o1": _otel(1, "run 18 ended in 90 ms", "runtime", **{"gen_ai.agent.name": "planner"}),
            "o2": _otel(2, "upstream answered 503", "gateway", "ERROR", **{"error.type": "upstream"}),
            "o3": _otel(90, "run 19 ended in 95 ms", "runtime", **{"gen_ai.agent.name": "critic"}),
        },
    )
    bulk(
        store,
        ECS,
        {
            "e0": _ecs(3, "run 20 ended in 70 ms", "runtime", labels={"gen_ai_agent_name": "planner"}),
            "e1": _ecs(4, "upstream answered 504", "gateway", "ERROR", error={"type": "upstream"}),
            "o1": _ecs(5, "the same id in another index", "gateway", "WARN"),
        },
    )
    return LogReader(elasticsearch)


@pytest.fixture(scope="module")
def tied(store: Store, elasticsearch: Elasticsearch) -> LogReader:
    """Over 40 lines that share five moments."""
    bulk(store, TIED, {f"t{number}": _otel(number % 5, f"line {number}", "runtime") for number in range(40)})
    return LogReader(elasticsearch)


def _logs(**more: Any) -> Logs:
    whole = {"start": START - timedelta(hours=1), "end": START + timedelta(hours=2)}
    return Logs(**{**AGENTS, "size": 50, **whole, **more})


def _page(reader: LogReader, request: Logs, streams: str = BOTH) -> LogPage:
    read = reader.page(streams, request, budget_seconds=SECONDS)
    assert read.value is not None
    assert read.left_out == ()
    return read.value


def _ids(entries: tuple[LogEntry, ...]) -> list[str]:
    return [entry.id for entry in entries]


def test_a_filter_finds_lines_of_both_generations(reader: LogReader) -> None:
    assert _ids(_page(reader, _logs(filters={"service": "gateway"})).entries) == ["o1", "e1", "o2"]
    assert _ids(_page(reader, _logs(filters={"severity": ("ERROR", "FATAL")})).entries) == ["e1", "o2"]
    assert _ids(_page(reader, _logs(filters={"agent": "planner"})).entries) == ["e0", "o1", "o0"]
    assert _ids(_page(reader, _logs(text="upstream answered")).entries) == ["e1", "o2"]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("level:error", ["e1", "o2"]),
        ("UPSTREAM", ["e1", "o2"]),
        ("upstr*", ["e1", "o2"]),
        ('"upstream answered" -504', ["o2"]),
        ("upstream 503 OR planner OR id", ["o1", "o2"]),
        ("agent:planner", ["e0", "o1", "o0"]),
        ("agent:plan*", ["e0", "o1", "o0"]),
        ("service:gateway NOT level:(error OR info)", ["o1"]),
        ("agent:* service:runtime 250", ["o0"]),
        ("error_type:*", ["e1", "o2"]),
        ("attributes.error.type:upstream", ["o2"]),
        ("no.such.field:x OR another:*", []),
        ("مهلة", []),
        ("<script>alert(1)</script>", []),
    ],
)
def test_what_a_person_types_finds_lines_of_both_generations(reader: LogReader, text: str, ids: list[str]) -> None:
    assert _ids(_page(reader, _logs(text=text, end=START + timedelta(hours=1))).entries) == ids


def test_a_histogram_by_level_counts_each_line_once(reader: LogReader) -> None:
    page = _page(reader, _logs(size=0, histogram_buckets=36, by_level=True))

    counted = {level.value: sum(count for _, count in course) for level, course in page.levels.items()}
    assert counted == {"error": 2, "warning": 1, "info": 4, "debug": 0}
    assert sum(count for _, count in page.histogram) == 7


def test_lines_of_both_generations_are_read_alike(reader: LogReader) -> None:
    newer, older = _page(reader, _logs(filters={"error_type": "upstream"})).entries

    assert (newer.message, newer.severity, newer.service) == ("upstream answered 504", "ERROR", "gateway")
    assert (older.message, older.severity, older.service) == ("upstream answered 503", "ERROR", "gateway")
    assert older.attributes["error.type"] == newer.attributes["error.type"] == "upstream"


def test_counts_come_with_the_page_and_no_line_is_counted_twice(reader: LogReader) -> None:
    page = _page(reader, _logs(size=2, terms=("service", "agent", "severity"), histogram_buckets=36))

    assert page.terms["service"] == (("runtime", 4), ("gateway", 3))
    assert page.terms["agent"] == (("planner", 3), ("critic", 1))
    assert dict(page.terms["severity"]) == {"INFO": 4, "ERROR": 2, "WARN": 1}
    assert (page.total, page.total_is_lower_bound) == (7, False)
    assert len(page.histogram) == 36
    assert sum(count for _, count in page.histogram) == 7
    assert dict(page.histogram)[START] == 5


def test_what_no_line_has_is_said_and_finds_nothing(reader: LogReader) -> None:
    page = _page(reader, _logs(filters={"track": "green"}, terms=("conversation",)))

    assert (page.entries, page.terms["conversation"]) == ((), ())
    assert page.lacking == ("conversation", "track")


def test_an_order_by_a_field_that_is_not_there_is_the_order_of_time(reader: LogReader) -> None:
    assert _ids(_page(reader, _logs(sort="attributes.nobody", size=2)).entries) == ["o3", "o1"]


def test_a_stream_that_does_not_exist_is_named(reader: LogReader) -> None:
    for streams in ("logs-nobody.otel-*", "logs-nobody.otel-default"):
        read = reader.page(streams, _logs(), budget_seconds=SECONDS)
        assert (read.value, read.nothing) == (None, f"there is no data stream {streams}")


@pytest.mark.parametrize("newest_first", [True, False], ids=["newest first", "oldest first"])
def test_pages_hold_each_line_once_while_others_arrive(store: Store, tied: LogReader, newest_first: bool) -> None:
    known = {hit["_id"] for hit in store.client.search(index=TIED, size=100)["hits"]["hits"]}
    request = _logs(size=7, newest_first=newest_first)
    page = _page(tied, request, TIED)
    shown = list(_ids(page.entries))
    while page.next:
        read = tied.more(TIED, MoreLogs(request, page.next), budget_seconds=SECONDS)
        assert read.value is not None
        page = read.value
        shown += _ids(page.entries)
        bulk(store, TIED, {f"late-{uuid.uuid4()}": _otel(len(shown) % 5, "late", "runtime")})

    assert len(shown) == len(set(shown))
    assert set(shown) == known


def test_a_page_of_two_indices_tells_equal_ids_apart(reader: LogReader) -> None:
    request = _logs(size=2)
    first = _page(reader, request)
    assert first.next is not None
    second = reader.more(BOTH, MoreLogs(request, first.next), budget_seconds=SECONDS).value
    assert second is not None

    assert (_ids(first.entries), _ids(second.entries)) == (["o3", "o1"], ["e1", "e0"])
    third = reader.more(BOTH, MoreLogs(_logs(size=5), second.next), budget_seconds=SECONDS).value  # type: ignore[arg-type]
    assert third is not None
    assert (_ids(third.entries), third.next) == (["o2", "o1", "o0"], None)


def test_a_search_looks_further_back_until_its_page_is_full(reader: LogReader) -> None:
    end = START + timedelta(minutes=91)
    page = _page(reader, _logs(start=START - timedelta(days=1), end=end, size=1, widening=True))
    assert (_ids(page.entries), page.searched_from) == (["o3"], end - timedelta(minutes=15))
    assert page.total_is_lower_bound

    more = _page(reader, _logs(start=START - timedelta(days=1), end=end, size=3, widening=True))
    assert (_ids(more.entries), more.searched_from) == (["o3", "o1", "e1"], end - timedelta(hours=6))


def test_surroundings_hold_what_shares_the_moment(tied: LogReader, elasticsearch: Elasticsearch) -> None:
    middle = elasticsearch.search(TIED, query={"ids": {"values": ["t12"]}}, size=1).hits[0]
    link = DocumentId(middle.index, middle.id)

    found = tied.surroundings(
        TIED,
        LogContext(**AGENTS, document=link, before=500, after=500),
        budget_seconds=SECONDS,
    ).value

    assert found is not None
    around = (*found.before, found.entry, *found.after)
    assert found.entry.id == "t12"
    assert len({entry.id for entry in around}) == len(around)
    assert {f"t{number}" for number in range(40)} <= {entry.id for entry in around}
    assert [entry.at for entry in around] == sorted(entry.at for entry in around)


def test_surroundings_are_the_nearest_lines_of_the_filter(reader: LogReader) -> None:
    entry = next(one for one in _page(reader, _logs()).entries if one.id == "e0")
    context = LogContext(**AGENTS, document=entry.document, filters={"service": "gateway"}, before=1, after=1)

    found = reader.surroundings(BOTH, context, budget_seconds=SECONDS).value

    assert found is not None
    assert (_ids(found.before), found.entry.id, _ids(found.after)) == (["o2"], "e0", ["e1"])


def test_a_link_leads_to_its_document_and_a_broken_one_says_so(reader: LogReader) -> None:
    entry = _page(reader, _logs(filters={"service": "gateway"})).entries[0]
    link = DocumentId.parse(str(entry.document))

    assert reader.document(BOTH, LogDocument(**AGENTS, document=link), budget_seconds=SECONDS).value == entry
    gone = DocumentId(link.index, "nobody")
    read = reader.document(BOTH, LogDocument(**AGENTS, document=gone), budget_seconds=SECONDS)
    assert read.value is None
    assert "there is no such document" in read.nothing
    elsewhere = reader.document(STREAM, LogDocument(**AGENTS, document=link), budget_seconds=SECONDS)
    assert elsewhere.value is None
    context = LogContext(**AGENTS, document=gone)
    assert reader.surroundings(BOTH, context, budget_seconds=SECONDS).value is None


def test_patterns_are_of_both_generations(reader: LogReader) -> None:
    found = reader.patterns(BOTH, LogPatterns(_logs()), budget_seconds=SECONDS).value

    assert found is not None
    assert [(one.template, one.count) for one in found.patterns[:2]] == [
        ("run … ended in … ms", 4),
        ("upstream answered …", 2),
    ]
    assert (found.sampled, found.total) == (7, 7)
    assert found.patterns[1].last.service == "gateway"


def test_a_tail_shows_each_line_once(store: Store, elasticsearch: Elasticsearch) -> None:
    stream, reader, tail, shown = "logs-tail.otel-default", LogReader(elasticsearch), Tail(), []
    now = START
    for round_number in range(3):
        lines = {f"r{round_number}-{n}": _otel(-n / 60, "a line", "runtime") for n in range(3)}
        bulk(store, stream, lines)
        page = _page(reader, newest("logs", "agents", now, filters={}), stream)
        step = advance(tail, page, now)
        tail, shown = step.tail, [*shown, *(entry.id for entry in step.new)]
        assert not step.has_gap

    assert sorted(shown) == sorted(f"r{number}-{n}" for number in range(3) for n in range(3))


@pytest.fixture
def point(elasticsearch: Elasticsearch, store: Store) -> Iterator[str]:
    assert store.kind
    opened = elasticsearch.open_point_in_time(STREAM)
    yield opened
    elasticsearch.close_point_in_time(opened)


def test_a_point_in_time_pages_through_everything_and_ends(elasticsearch: Elasticsearch, point: str) -> None:
    order = [{"severity_text": {"order": "asc"}}, {"_shard_doc": "asc"}]
    seen, after = [], ()
    while True:
        page = elasticsearch.search(
            STREAM, query={"match_all": {}}, size=3, sort=order, point_in_time=point, after=after
        )
        seen += [hit.id for hit in page.hits]
        if len(page.hits) < 3:
            break
        after = page.hits[-1].sort
    assert sorted(seen) == sorted(DOCUMENTS)
    elasticsearch.close_point_in_time(point)
    with pytest.raises(NotFound):
        elasticsearch.search(STREAM, query={"match_all": {}}, size=1, sort=order, point_in_time=point)


def test_counting_ends_where_it_is_told_to(elasticsearch: Elasticsearch, store: Store) -> None:
    def total(count_up_to: int) -> tuple[int, bool]:
        found = elasticsearch.search(STREAM, query={"match_all": {}}, size=2, count_up_to=count_up_to)
        return found.total, found.total_is_lower_bound

    assert store.kind
    assert total(10_000) == (8, False)
    assert total(5) == (5, True)
    assert total(0) == (2, True)


def test_documents_may_be_cut_down_to_some_fields(elasticsearch: Elasticsearch, store: Store) -> None:
    assert store.kind
    (hit,) = elasticsearch.search(
        STREAM, query={"ids": {"values": ["d0"]}}, size=1, fields=["severity_*", "body.text"]
    ).hits
    assert hit.source == {
        "severity_text": "INFO",
        "severity_number": 9,
        "body": {"text": "Plan accepted by the planner"},
    }


def test_the_types_of_fields_are_told_by_index(elasticsearch: Elasticsearch, reader: LogReader) -> None:
    assert reader
    names = ["severity_text", "log.level", "@timestamp", "body.text", "no.such.field"]
    types = elasticsearch.field_types(BOTH, names)

    assert len(types.indices) == 2
    assert "no.such.field" not in types.by_name
    (severity,), (level,), (time,), (text,) = (types.by_name[name] for name in names[:4])
    assert severity.indices | level.indices == types.indices == time.indices
    assert len(severity.indices) == 1  # the other generation's name may be an alias of it
    assert (severity.type, severity.aggregatable, text.aggregatable) == ("keyword", True, False)


def test_a_pattern_that_fits_nothing_has_no_fields(elasticsearch: Elasticsearch, store: Store) -> None:
    assert store.kind
    for name in ("logs-nobody.otel-*", "logs-nobody.otel-default"):
        types = elasticsearch.field_types(name, ["@timestamp"])
        assert (types.indices, types.by_name) == (frozenset(), {})


def test_an_audit_record_is_never_written_twice(elasticsearch: Elasticsearch, store: Store) -> None:
    name, stream = str(uuid.uuid4()), "logs-conformance.audit-default"
    elasticsearch.create(stream, name, {"@timestamp": at(0), "event": {"action": "first"}})
    with pytest.raises(Conflict):
        elasticsearch.create(stream, name, {"@timestamp": at(0), "event": {"action": "second"}})
    store.client.indices.refresh(index=stream)
    (hit,) = elasticsearch.search(stream, query={"ids": {"values": [name]}}, size=2).hits
    assert hit.source["event"] == {"action": "first"}
