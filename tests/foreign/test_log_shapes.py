"""Other people's logs: whatever shape they have, alone and all behind one pattern, the deck reads the same from them.

Lines, errors by service and by track, the newest error, new kinds. On the stand-in, and on a real Elasticsearch under
`make test-real`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.elasticsearch import Elasticsearch
from dashboard.decide.error_lines import error_lines
from dashboard.model.log import LogPage, LogPlace
from dashboard.queries.logs import LogReader
from dashboard.queries.request import LogPatterns, Logs
from tests.foreign.log_documents import KNOWN, LINES, NAMESPACE, NEW, NOW, SERVICE, SHAPES, lines
from tests.real.elasticsearch.log_stores import Store, bulk

pytestmark = pytest.mark.stack
SECONDS = 20
PLACES = tuple(LogPlace(workload=f"{SERVICE}-{track}", service=SERVICE, track=track) for track in ("blue", "green"))
ALL = ",".join(index for index, _ in SHAPES.values())


@pytest.fixture(scope="module")
def reader(store: Store) -> LogReader:
    for index, document in SHAPES.values():
        answer = bulk(store, index, {f"{line.track}-{line.number}": document(line) for line in lines()})
        assert not answer["errors"], answer
    return LogReader(Elasticsearch(store.url))


def _logs(**more: Any) -> Logs:
    request = {
        "namespace": NAMESPACE,
        "start": NOW - timedelta(minutes=30),
        "end": NOW + timedelta(seconds=1),
        "size": 500,
    }
    return Logs(stream="logs", places=PLACES, **{**request, **more})


def _page(reader: LogReader, pattern: str, **more: Any) -> LogPage:
    read = reader.read(pattern, _logs(**more), budget_seconds=SECONDS)
    assert read.left_out == ()
    assert read.value is not None
    page: LogPage = read.value
    return page


_cases = pytest.mark.parametrize(
    ("pattern", "shapes"),
    [
        *(pytest.param(index, 1, id=name) for name, (index, _) in SHAPES.items()),
        pytest.param(ALL, len(SHAPES), id="all"),
    ],
)


@_cases
def test_lines_are_found_and_counted_by_service_and_track(reader: LogReader, pattern: str, shapes: int) -> None:
    page = _page(reader, pattern, filters={"service": SERVICE}, terms=("service", "track"))

    assert (len(page.entries), page.total) == (2 * LINES * shapes, 2 * LINES * shapes)
    assert dict(page.terms["service"]) == {SERVICE: 2 * LINES * shapes}
    assert dict(page.terms["track"]) == {"blue": LINES * shapes, "green": LINES * shapes}
    assert {(entry.service, entry.track) for entry in page.entries} == {(SERVICE, "blue"), (SERVICE, "green")}
    assert all(entry.message and entry.pod and entry.level for entry in page.entries)


@_cases
def test_errors_are_counted_by_service_and_track(reader: LogReader, pattern: str, shapes: int) -> None:
    page = _page(reader, pattern, filters={"service": SERVICE, "level": "error"}, terms=("service", "track"))

    assert page.total == (2 * KNOWN + NEW) * shapes
    assert dict(page.terms["service"]) == {SERVICE: (2 * KNOWN + NEW) * shapes}
    assert dict(page.terms["track"]) == {"blue": KNOWN * shapes, "green": (KNOWN + NEW) * shapes}


@_cases
def test_the_same_counts_come_from_elasticsearch_where_not_every_line_is_read(
    reader: LogReader, pattern: str, shapes: int
) -> None:
    request = _logs(filters={"service": SERVICE}, terms=("service", "track"), size=2)
    page = reader.read(pattern, request, budget_seconds=SECONDS).value

    assert (len(page.entries), page.total) == (2, 2 * LINES * shapes)
    assert dict(page.terms["service"]) == {SERVICE: 2 * LINES * shapes}
    assert dict(page.terms["track"]) == {"blue": LINES * shapes, "green": LINES * shapes}


@_cases
def test_the_newest_error_is_found(reader: LogReader, pattern: str, shapes: int) -> None:
    page = _page(reader, pattern, filters={"service": SERVICE, "track": "green", "level": "error"}, size=1)

    (newest,) = page.entries
    assert newest.at == NOW - timedelta(seconds=1)
    assert "ledger is corrupt" in newest.message


@_cases
def test_a_new_kind_of_error_is_new(reader: LogReader, pattern: str, shapes: int) -> None:
    ours, theirs = (
        _page(reader, pattern, filters={"service": SERVICE, "track": track, "level": "error"})
        for track in ("green", "blue")
    )
    found = error_lines((e.message for e in ours.entries), (e.message for e in theirs.entries), is_whole=True)

    new = [pattern for pattern in found.patterns if not pattern.other]
    assert sum(pattern.candidate for pattern in new) == NEW * shapes
    assert all("ledger is corrupt" in pattern.template for pattern in new)
    assert found.without_text == 0


@_cases
def test_lines_are_few_patterns(reader: LogReader, pattern: str, shapes: int) -> None:
    found = reader.patterns(pattern, LogPatterns(_logs(filters={"service": SERVICE})), budget_seconds=SECONDS)

    assert found.value is not None
    assert found.value.sampled == 2 * LINES * shapes
    assert len(found.value.patterns) <= 3 * shapes


@_cases
def test_another_service_and_another_namespace_have_none(reader: LogReader, pattern: str, shapes: int) -> None:
    other = _page(reader, pattern, filters={"service": "gateway"})
    elsewhere = _page(reader, pattern, filters={"service": SERVICE}, namespace="agents")

    assert (other.total, elsewhere.total) == (0, 0)
