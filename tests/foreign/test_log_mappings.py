"""One name mapped in two ways, words nobody knows and lines that say nothing: each costs itself alone, and is said.

On the stand-in, and on a real Elasticsearch under `make test-real`.
"""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any

import pytest

from connectors.elasticsearch import Elasticsearch
from dashboard.model.log import LogPlace
from dashboard.model.words import WORDS, LogLevel, SpanOutcome
from dashboard.queries.logs import LogReader, LogResult
from dashboard.queries.request import Logs
from tests.foreign.log_documents import NOW
from tests.real.elasticsearch.log_stores import Json, Store, bulk

pytestmark = pytest.mark.stack
SECONDS = 20
LINES = 10
# By value (the standard template of logs-*-*), as text with a part by value (what dynamic mapping makes of it), and as
# a number: the names of the indices, and what stands in the field of each.
KEYWORD, TEXT, NUMBER = "logs-mapped.a-default", "mapped-b", "mapped-c"
SERVICES: dict[str, Any] = {KEYWORD: "agent-runtime", TEXT: "agent-runtime", NUMBER: 7}


def _document(number: int, **more: Any) -> Json:
    at = (NOW - timedelta(seconds=60 + number)).isoformat()
    return {"@timestamp": at, "message": "x", "kubernetes": {"namespace": "agents"}, **more}


@pytest.fixture(scope="module")
def elasticsearch(store: Store) -> Elasticsearch:
    for index, service in SERVICES.items():
        bulk(store, index, {f"d{n}": _document(n, service={"name": service}) for n in range(LINES)})
    return Elasticsearch(store.url)


def _read(elasticsearch: Elasticsearch, pattern: str, **more: Any) -> LogResult[Any]:
    whole = {"start": NOW - timedelta(hours=1), "end": NOW, "size": 50}
    request = Logs(**{"stream": "logs", "namespace": "agents", **whole, **more})
    return LogReader(elasticsearch).read(pattern, request, budget_seconds=SECONDS)


_patterns = [several for size in (1, 2, 3) for several in itertools.combinations(SERVICES, size)]


@pytest.mark.parametrize("indices", _patterns, ids="+".join)
@pytest.mark.parametrize("terms", [(), ("service",)], ids=["lines", "counts"])
def test_a_name_with_several_types_is_found_and_counted_in_each_index(
    elasticsearch: Elasticsearch, indices: tuple[str, ...], terms: tuple[str, ...]
) -> None:
    named = LINES * sum(isinstance(SERVICES[index], str) for index in indices)

    for size in (50, 3):
        every, one, part, number = (
            _read(elasticsearch, ",".join(indices), terms=terms, size=size, filters={"service": value} if value else {})
            for value in ("", "agent-runtime", "agent", "7")
        )

        assert {read.left_out for read in (every, one, part, number)} == {()}
        assert every.value.total == LINES * len(indices)
        assert (one.value.total, part.value.total, number.value.total) == (named, 0, every.value.total - named)
        if terms:
            expected = {"agent-runtime": named, "7": every.value.total - named}
            assert dict(every.value.terms["service"]) == {name: count for name, count in expected.items() if count}


def test_levels_as_words_and_as_numbers_are_one_question(store: Store, elasticsearch: Elasticsearch) -> None:
    levels: dict[str, list[Any]] = {"level-word": ["error", "info", "Fatal"], "level-number": [50, 30, 60]}
    for index, several in levels.items():
        bulk(store, index, {f"d{n}": _document(n, level=level) for n, level in enumerate(several)})

    for pattern, errors in (("level-word", 2), ("level-number", 2), ("level-word,level-number", 4)):
        read = _read(elasticsearch, pattern, filters={"level": "error"})
        assert (read.value.total, read.left_out) == (errors, ())
        assert {entry.level for entry in read.value.entries} == {LogLevel.ERROR}


def test_a_level_that_nobody_knows_is_named_and_no_error_is_not_claimed(
    store: Store, elasticsearch: Elasticsearch
) -> None:
    words = ["info", "BAD", "BAD", "purple"]
    bulk(store, "level-unknown", {f"d{n}": _document(n, log={"level": word}) for n, word in enumerate(words)})

    read = _read(elasticsearch, "level-unknown", filters={"level": "error"})

    assert read.value.total == 0
    assert any("2 lines with the level “BAD”, which is not understood" in said for said in read.left_out)
    assert any("1 line with the level “purple”" in said for said in read.left_out)

    told = LogReader(elasticsearch, words=WORDS.extended({"level": {"BAD": "error", "purple": "info"}}))
    whole = {"start": NOW - timedelta(hours=1), "end": NOW, "size": 50}
    found = told.read(
        "level-unknown",
        Logs(stream="logs", namespace="agents", filters={"level": "error"}, **whole),
        budget_seconds=SECONDS,
    )
    assert (found.value.total, found.left_out) == (2, ())


def test_a_number_that_two_families_read_differently_is_an_error_where_the_document_shows_whose_it_is(
    store: Store, elasticsearch: Elasticsearch
) -> None:
    pino = {"pid": 7, "hostname": "agent", "time": 1767268800000, "msg": "m"}
    python = {"levelname": "X", "name": "agent"}
    several = [
        {**pino, "level": 40},
        {**pino, "level": 50},
        {**python, "level": 40},
        {**python, "level": 30},
        {"level": 40},
        {"level": 30},
    ]
    bulk(store, "number-fields", {f"d{n}": _document(n, **said) for n, said in enumerate(several)})
    lines = [json.dumps(said) for said in several]
    bulk(store, "logs-number.lines-default", {f"d{n}": _document(n, message=line) for n, line in enumerate(lines)})

    for pattern in ("number-fields", "logs-number.lines-default"):
        errors, warnings = (_read(elasticsearch, pattern, filters={"level": level}) for level in ("error", "warning"))

        assert {entry.level for entry in errors.value.entries} == {LogLevel.ERROR}
        assert (errors.value.total, warnings.value.total) == (2, 2)
        # A bare 40 may be an error, a bare 30 is none in any family.
        assert [said.split()[0] for said in errors.left_out] == ["1"]
        assert sum(int(said.split()[0]) for said in warnings.left_out) == 2


def test_small_numbers_are_counted_as_syslogs_or_as_those_of_dotnet_where_the_document_shows_it(
    store: Store, elasticsearch: Elasticsearch
) -> None:
    gelf = {"version": "1.1", "host": "node-1", "short_message": "m"}
    serilog = {"MessageTemplate": "m", "RenderedMessage": "m"}
    several = [
        {**gelf, "level": 3},
        {**gelf, "level": 4},
        {**serilog, "level": 3},
        {**serilog, "level": 4},
        {"level": 3},
        {"level": 6},
    ]
    bulk(store, "small-fields", {f"d{n}": _document(n, **said) for n, said in enumerate(several)})
    lines = [json.dumps(said) for said in several]
    bulk(store, "logs-small.lines-default", {f"d{n}": _document(n, message=line) for n, line in enumerate(lines)})

    for pattern in ("small-fields", "logs-small.lines-default"):
        errors, warnings = (_read(elasticsearch, pattern, filters={"level": level}) for level in ("error", "warning"))

        assert {entry.level for entry in errors.value.entries} == {LogLevel.ERROR}
        assert (errors.value.total, warnings.value.total) == (2, 2)
        # A bare 3 is an error to syslog and a warning to .NET; 6 is neither to anybody.
        for read in (errors, warnings):
            assert [said.split()[0] for said in read.left_out] == ["1"]


def test_spans_whose_outcome_nobody_understands_are_counted_and_a_type_that_names_no_error_is_no_failure(
    store: Store, elasticsearch: Elasticsearch
) -> None:
    spans: list[Json] = [
        {"status": {"code": "Ok"}, "attributes": {"error.type": "none"}},
        {"status": {"code": "Ok"}, "attributes": {"error.type": "-"}},
        {"attributes": {"error.type": "NULL"}},
        {"attributes": {"error.type": "Timeout"}},
        {"status": {"code": "STATUS_CODE_ERROR"}},
        {"status": {"code": "kaputt"}},
        {"status": {"code": "kaputt"}, "attributes": {"error.type": "ok"}},
        {"status": {"code": "meh"}, "attributes": {"error.type": "Timeout"}},
    ]
    resource = {"attributes": {"k8s.namespace.name": "agents"}}
    several = {f"d{n}": _document(n, name="run", resource=resource, **span) for n, span in enumerate(spans)}
    bulk(store, "traces-words.otel-default", several)

    failed, unsaid = (
        _read(elasticsearch, "traces-words.otel-default", stream="traces", filters={"outcome": outcome})
        for outcome in (SpanOutcome.FAILED, SpanOutcome.UNSAID)
    )

    assert (failed.value.total, unsaid.value.total) == (3, 1)
    assert {entry.outcome for entry in failed.value.entries} == {SpanOutcome.FAILED}
    said = ("2 spans with the outcome “kaputt”, which is not understood (words.outcome in the settings)",)
    assert failed.left_out == unsaid.left_out == said


def test_an_unknown_level_is_counted_also_where_its_field_has_two_types(
    store: Store, elasticsearch: Elasticsearch
) -> None:
    levels: dict[str, list[Any]] = {
        "logs-split.a-default": ["error", "BAD"],
        "split-b": ["info", "purple"],
        "split-c": [30, 77],
    }
    for index, several in levels.items():
        bulk(store, index, {f"d{n}": _document(n, level=level) for n, level in enumerate(several)})

    read = _read(elasticsearch, ",".join(levels), filters={"level": "error"})

    assert read.value.total == 1
    counted = [int(said.split()[0]) for said in read.left_out if "not understood" in said]
    assert sum(counted) == 3


def test_where_the_level_is_read_from_the_line_the_query_says_so(store: Store, elasticsearch: Elasticsearch) -> None:
    bulk(store, "logs-unparsed-default", {"d0": _document(0, message="ERROR it broke")})

    read = _read(elasticsearch, "logs-unparsed-default", filters={"level": "error"})

    assert (read.value.total, read.left_out) == (1, ())
    assert read.query.endswith("# logs-unparsed-default has no field for the level: it is read from the line")


def test_lines_without_a_level_are_counted_and_named(store: Store, elasticsearch: Elasticsearch) -> None:
    lines = ["ERROR it broke", "INFO all well", "no level at all", "an error, says somebody", "Traceback (most recent"]
    bulk(store, "logs-silent-default", {f"d{n}": _document(n, message=line) for n, line in enumerate(lines)})

    read = _read(elasticsearch, "logs-silent-default", filters={"level": "error"})

    assert [entry.message for entry in read.value.entries] == ["ERROR it broke"]
    assert read.left_out == (
        "2 lines that mention it but do not state their level",
        "1 line of logs-silent-default without a level, in a field or in the line",
    )


def test_lines_that_have_no_field_for_what_is_asked_are_counted_and_named(
    store: Store, elasticsearch: Elasticsearch
) -> None:
    bulk(store, "logs-tracked-default", {"d0": _document(0, service={"name": "a"}, labels={"tealdeck_track": "green"})})
    bulk(store, "logs-trackless-default", {f"d{n}": _document(n, service={"name": "a"}) for n in range(3)})
    bulk(store, "logs-elsewhere-default", {"d0": {"@timestamp": NOW.isoformat(), "message": "no part of the cluster"}})
    pattern = "logs-tracked-default,logs-trackless-default,logs-elsewhere-default"

    read = _read(elasticsearch, pattern, filters={"service": "a", "track": "green"})

    assert read.value.total == 1
    assert read.left_out == ("3 lines of logs-trackless-default that have no field for track",)


def test_the_name_of_a_pod_tells_the_track_by_way_of_the_cluster(store: Store, elasticsearch: Elasticsearch) -> None:
    pods = ["a-green-5f6d9c8b7d-x2x1z", "a-green-worker-5f6d9c8b7d-x2x1z", "a-blue-5f6d9c8b7d-x2x1z", "b-7d-x"]
    documents = {f"d{n}": _document(n) for n in range(len(pods))}
    for document, pod in zip(documents.values(), pods, strict=True):
        document["kubernetes"]["pod"] = {"name": pod}
    bulk(store, "logs-podded-default", documents)
    places = (
        LogPlace(workload="a-blue", service="a", track="blue"),
        LogPlace(workload="a-green", service="a", track="green"),
        LogPlace(workload="a-green-worker"),
    )

    read = _read(elasticsearch, "logs-podded-default", filters={"service": "a", "track": "green"}, places=places)
    counted = _read(elasticsearch, "logs-podded-default", terms=("service", "track"), places=places, size=1)

    assert [(entry.pod, entry.service, entry.track) for entry in read.value.entries] == [(pods[0], "a", "green")]
    assert read.left_out == ()
    assert dict(counted.value.terms["track"]) == {"green": 1, "blue": 1}
    assert dict(counted.value.terms["service"]) == {"a": 2}


@pytest.mark.parametrize("missing", ["mapped-none", "mapped-none,also-none"])
def test_an_index_that_does_not_exist_costs_no_other_one(elasticsearch: Elasticsearch, missing: str) -> None:
    read = _read(elasticsearch, f"{KEYWORD},{missing}")

    assert read.value.total == LINES


def test_a_closed_index_costs_itself_alone_and_is_named(store: Store, elasticsearch: Elasticsearch) -> None:
    if store.kind == "stand-in":
        pytest.skip("the stand-in closes no index")
    bulk(store, "mapped-closed", {"d0": _document(0, service={"name": "agent-runtime"})})
    store.client.indices.close(index="mapped-closed")

    for pattern in (f"{KEYWORD},mapped-closed", "logs-mapped*,mapped-clos*"):
        read = _read(elasticsearch, pattern)
        assert (read.value.total, read.left_out) == (LINES, ("mapped-closed is closed",))


@pytest.mark.parametrize(
    ("format_of", "written"),
    [
        ("epoch_second", lambda at: int(at.timestamp())),
        ("epoch_millis", lambda at: int(at.timestamp() * 1000)),
        ("yyyy/MM/dd HH:mm:ss", lambda at: f"{at:%Y/%m/%d %H:%M:%S}"),
        ("dd/MMM/yyyy:HH:mm:ss Z", lambda at: f"{at:%d/%b/%Y:%H:%M:%S %z}"),
        ("dd.MM.yyyy HH:mm:ss", lambda at: f"{at:%d.%m.%Y %H:%M:%S}"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_time_in_the_index_own_format_is_found_and_read(
    store: Store,
    elasticsearch: Elasticsearch,
    format_of: str,
    written: Any,
) -> None:
    if store.kind == "stand-in":
        pytest.skip("the stand-in knows no other format of times")
    index = "timed-" + "".join(sign for sign in format_of.lower() if sign.isalnum())
    mappings = {"properties": {"@timestamp": {"type": "date", "format": format_of}}}
    store.client.indices.create(index=index, mappings=mappings, settings={"number_of_replicas": 0})
    at = NOW - timedelta(minutes=1)
    bulk(store, index, {"d0": {**_document(0), "@timestamp": written(at)}})

    read = _read(elasticsearch, index)

    assert [entry.at for entry in read.value.entries] == [at]


def test_fields_of_ones_own_are_named_in_the_settings(store: Store, elasticsearch: Elasticsearch) -> None:
    """A hand-made blue-green service: the label `color`, and a program that writes its lines into `payload`."""
    lines = [("blue", "fine", "ok"), ("green", "grave", "ledger is corrupt"), ("green", "fine", "ok")]
    documents = {
        f"d{n}": {
            "@timestamp": (NOW - timedelta(seconds=60 + n)).isoformat(),
            "payload": {"text": text, "grade": grade},
            "kubernetes": {"namespace": "agents", "labels": {"app": "support-agent", "color": color}},
        }
        for n, (color, grade, text) in enumerate(lines)
    }
    bulk(store, "own-fields", documents)
    own = {"track": ("kubernetes.labels.color",), "message": ("payload.text",), "severity": ("payload.grade",)}
    words = WORDS.extended({"level": {"grave": "error", "fine": "info"}})
    reader = LogReader(elasticsearch, words=words, own={"logs": own})
    whole = {"start": NOW - timedelta(hours=1), "end": NOW, "terms": ("track",)}

    def read(**filters: str) -> LogResult[Any]:
        request = Logs(stream="logs", namespace="agents", filters={"service": "support-agent", **filters}, **whole)
        return reader.read("own-fields", request, budget_seconds=SECONDS)

    assert dict(read().value.terms["track"]) == {"green": 2, "blue": 1}
    assert [entry.message for entry in read(level="error", track="green").value.entries] == ["ledger is corrupt"]
    assert read(level="error", track="blue").value.total == 0
    assert read(level="error", track="blue").left_out == ()
