"""One odd document costs itself alone: other times, two values in a field, trees for text, words nobody knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.elasticsearch import Found, Hit, Unavailable
from dashboard.decide import condition_gates
from dashboard.decide.likeness import kind
from dashboard.decide.policy import Limits
from dashboard.model.log import LogEntry, LogPage
from dashboard.model.reading import Source, State, fresh
from dashboard.model.release import Track
from dashboard.model.verdict import Result
from dashboard.model.words import WORDS, LogLevel, SpanOutcome
from dashboard.queries.entries import Reader
from dashboard.queries.logs import LogReader
from dashboard.queries.release_conditions import error_lines
from dashboard.queries.request import Logs
from dashboard.queries.resolution import left_out, stream_of
from dashboard.ui.spans import ended
from tests.unit.fake_logs import NOW, FakeLogs, line
from tests.unit.release_evidence import evidence

AT = datetime(2026, 3, 1, 11, 59, 0, tzinfo=UTC)


def _entry(stream: str = "logs", sort: tuple[Any, ...] = (), **source: Any) -> LogEntry:
    document = {"@timestamp": AT.isoformat(), **source}
    return Reader(stream=stream).entry(Hit(id="1", index="i", source=document, sort=sort))


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-01T11:59:00Z",
        "2026-03-01T12:59:00+01:00",
        "2026-03-01 11:59:00,000",
        "2026-03-01T11:59:00.000000000Z",
        "01/Mar/2026:11:59:00 +0000",
        "2026/03/01 11:59:00",
        "Sun, 01 Mar 2026 11:59:00 +0000",
        int(AT.timestamp()),
        str(int(AT.timestamp())),
        AT.timestamp(),
        int(AT.timestamp() * 1e3),
        int(AT.timestamp() * 1e6),
        int(AT.timestamp() * 1e9),
        ["2026-03-01T11:58:00Z", "2026-03-01T11:59:00Z"],
    ],
    ids=str,
)
def test_a_time_is_read_however_it_is_written(written: Any) -> None:
    assert _entry(**{"@timestamp": written}).at == AT


def test_a_time_that_only_the_index_understands_is_the_one_that_it_sorts_by() -> None:
    assert _entry(**{"@timestamp": "1st of March, noon"}, sort=(int(AT.timestamp() * 1000), 7)).at == AT


@given(st.integers(2001, 2100), st.integers(1, 12), st.integers(1, 28), st.integers(0, 86399))
def test_seconds_and_milliseconds_are_told_apart(year: int, month: int, day: int, second: int) -> None:
    at = datetime(year, month, day, tzinfo=UTC) + timedelta(seconds=second)

    assert _entry(**{"@timestamp": int(at.timestamp())}).at == at
    assert _entry(**{"@timestamp": int(at.timestamp() * 1000)}).at == at


@pytest.mark.parametrize("written", ["noon", None, True, {}, [], ""], ids=str)
def test_a_document_without_a_time_costs_itself_alone(written: Any) -> None:
    hits = (Hit(id="1", index="i", source={"@timestamp": written}), line("2"))

    entries, said = Reader(stream="logs").entries(Found(hits=hits, total=2, total_is_lower_bound=False))

    assert [entry.id for entry in entries] == ["2"]
    assert said == ("1 of 2 documents have no readable time",)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        pytest.param({"message": "ledger is corrupt"}, "ledger is corrupt", id="message"),
        pytest.param({"body": {"text": "ledger is corrupt"}}, "ledger is corrupt", id="body.text"),
        pytest.param({"body": {"structured": {"event": "ledger is corrupt"}}}, "ledger is corrupt", id="structured"),
        pytest.param({"body": {"flattened": {"msg": "ledger is corrupt"}}}, "ledger is corrupt", id="flattened"),
        pytest.param({"body": "ledger is corrupt"}, "ledger is corrupt", id="body"),
        pytest.param({"log": "ledger is corrupt"}, "ledger is corrupt", id="log"),
        pytest.param({"event": {"original": "ledger is corrupt"}}, "ledger is corrupt", id="event.original"),
        pytest.param({"error": {"message": "ledger is corrupt"}}, "ledger is corrupt", id="error.message"),
        pytest.param({"log": {"level": "error"}, "message": "ledger is corrupt"}, "ledger is corrupt", id="log.level"),
        pytest.param({"message": ["ledger is corrupt", "at line 3"]}, "ledger is corrupt", id="two values"),
    ],
)
def test_what_a_line_says_is_found_wherever_it_stands(source: dict[str, Any], says: str) -> None:
    assert kind(_entry(**source).message) == says


@pytest.mark.parametrize(
    ("source", "level"),
    [
        pytest.param({"severity_text": "ERROR"}, LogLevel.ERROR, id="a word"),
        pytest.param({"severity_number": 17}, LogLevel.ERROR, id="a number of OpenTelemetry"),
        pytest.param({"severity_text": "BAD", "severity_number": 17}, LogLevel.ERROR, id="a number beside an odd word"),
        pytest.param({"level": 50}, LogLevel.ERROR, id="a number of pino"),
        pytest.param({"log": {"level": ["info", "error"]}}, LogLevel.ERROR, id="two values: the worse one"),
        pytest.param({"level": "warn"}, LogLevel.WARNING, id="a warning"),
        pytest.param({"severity_text": "BAD"}, None, id="a word that nobody knows"),
        pytest.param({"log": {"level": ["info", "BAD"]}}, None, id="one of two that nobody knows"),
        pytest.param({"message": "nothing is said"}, None, id="no level at all"),
        pytest.param({"message": "ERROR it broke"}, LogLevel.ERROR, id="in the line"),
        pytest.param({"message": "ERROR it broke", "level": "info"}, LogLevel.INFO, id="the field before the line"),
    ],
)
def test_a_level_means_what_the_document_says(source: dict[str, Any], level: LogLevel | None) -> None:
    assert _entry(**source).level is level


@pytest.mark.parametrize(
    ("source", "outcome", "shown"),
    [
        pytest.param({"status": {"code": "Error"}}, SpanOutcome.FAILED, "✖ failed", id="Error"),
        pytest.param({"status": {"code": "STATUS_CODE_ERROR"}}, SpanOutcome.FAILED, "✖ failed", id="of OTLP"),
        pytest.param({"status": {"code": 2}}, SpanOutcome.FAILED, "✖ failed", id="a number"),
        pytest.param({"event": {"outcome": "failure"}}, SpanOutcome.FAILED, "✖ failed", id="of classic APM"),
        pytest.param({"attributes": {"error.type": "Timeout"}}, SpanOutcome.FAILED, "✖ failed", id="its error"),
        *(
            pytest.param({"attributes": {"error.type": word}}, SpanOutcome.UNSAID, "", id=f"no error: {word!r}")
            for word in ("none", "None", "", "-", "null", "ok", "0", "n/a", "False", ["none"])
        ),
        pytest.param(
            {"attributes": {"error.type": "none"}, "status": {"code": "meh"}},
            None,
            "not understood: “meh”",
            id="no error, and a word that nobody knows",
        ),
        pytest.param({"status": {"code": "Ok"}}, SpanOutcome.SUCCEEDED, "✔ well", id="Ok"),
        pytest.param({"event": {"outcome": "success"}}, SpanOutcome.SUCCEEDED, "✔ well", id="success"),
        pytest.param({"status": {}}, SpanOutcome.UNSAID, "", id="nothing"),
        pytest.param({"status": {"code": "Unset"}}, SpanOutcome.UNSAID, "", id="Unset"),
        pytest.param({"status": {"code": "meh"}}, None, "not understood: “meh”", id="a word that nobody knows"),
    ],
)
def test_a_span_ends_as_it_says_and_one_that_says_nothing_says_nothing(
    source: dict[str, Any], outcome: SpanOutcome | None, shown: str
) -> None:
    entry = _entry("traces", **source)

    assert (entry.outcome, ended(entry)) == (outcome, shown)


def test_settings_extend_the_words_of_levels() -> None:
    words = WORDS.extended({"level": {"BAD": "error"}})

    assert Reader(stream="logs", words=words).entry(line("1", severity_text="bad")).level is LogLevel.ERROR


def test_own_fields_come_before_those_that_are_known() -> None:
    own = {"track": ("kubernetes.labels.color",), "message": ("payload.text",), "agent": ("bot",)}
    source = {
        "payload": {"text": "mine"},
        "message": "theirs",
        "kubernetes": {"labels": {"color": "green"}},
        "bot": "b",
    }

    entry = Reader(stream="logs", own=own).entry(Hit(id="1", index="i", source={"@timestamp": 1, **source}))

    assert (entry.message, entry.track, entry.attributes["gen_ai.agent.name"]) == ("mine", "green", "b")


def test_a_closed_index_is_named_with_every_page() -> None:
    store = FakeLogs([line("1", 60)])
    store.closed = (Unavailable(index="old", why="is closed"),)
    reader = LogReader(cast(Any, store), seconds=lambda: store.passed)
    request = Logs(stream="logs", namespace="agents", start=NOW - timedelta(hours=1), end=NOW)

    read = reader.page("logs-*", request, budget_seconds=5)

    assert read.value is not None
    assert (len(read.value.entries), read.left_out) == (1, ("old is closed",))


@pytest.mark.parametrize(
    ("index", "is_named"),
    [
        ("logstash-2026.02.20", False),
        ("logstash-2026.02.28", True),
        ("logstash-2026.03.01", True),
        ("logs-2025.12", False),
        ("logs-2026-03", True),
        (".ds-logs-app-prod-2026.01.01-000001", True),
        ("logs", True),
    ],
)
def test_a_closed_index_of_a_day_long_past_is_no_lack_of_the_last_hours(index: str, is_named: bool) -> None:
    found = left_out([Unavailable(index=index, why="is closed")], AT - timedelta(hours=6))

    assert found == ((f"{index} is closed",) if is_named else ())


def test_a_backing_index_is_called_by_its_data_stream() -> None:
    assert stream_of(".ds-logs-app-prod-2026.01.01-000001") == "logs-app-prod"
    assert stream_of("eu:.ds-logs-app-prod-2026.01.01-000001") == "eu:logs-app-prod"
    assert stream_of("logstash-2026.01.01") == "logstash-2026.01.01"


def logged(at: datetime = NOW, message: str = "a line") -> LogEntry:
    words = dict.fromkeys(("severity", "service", "track", "pod", "trace_id", "span_id", "id"), "")
    return LogEntry(at=at, message=message, attributes={}, **words)


class _Pages:
    """Readings of both tracks' lines: one each, none of it an error; the candidate's errors in a given state."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def logs(self, key: str) -> Any:
        page = fresh(LogPage(entries=(), total=0), source=Source.ELASTICSEARCH, as_of=NOW)
        if key.startswith("newest"):
            return fresh(LogPage(entries=(logged(),), total=1), source=Source.ELASTICSEARCH, as_of=NOW)
        if key.endswith("green") and self._reason:
            return replace(page, state=State.PARTIAL, reason=self._reason)
        return page


@pytest.mark.parametrize(
    "reason", ["the remote cluster eu is skipped", "2 lines with the level “BAD”", "old is closed"]
)
def test_no_error_line_in_a_part_is_not_called_none(reason: str) -> None:
    def gate(reason: str) -> Any:
        found = error_lines(cast(Any, _Pages(reason)), Track.GREEN, None)
        return condition_gates.patterns(evidence(error_lines=found), Limits())

    assert (gate("").result, gate("").reason) == (Result.PASS, "no error line")
    assert gate(reason).result is Result.UNKNOWN
    assert reason in gate(reason).reason


def test_nothing_derived_from_a_part_is_missing_and_not_empty() -> None:
    whole = fresh((), source=Source.ELASTICSEARCH, as_of=NOW)
    part = replace(whole, state=State.PARTIAL, reason="a shard is away")

    assert whole.map(lambda _: None, empty="no error line").state is State.EMPTY
    derived = part.map(lambda _: None, empty="no error line")
    assert (derived.state, derived.reason) == (State.MISSING, "a shard is away")
