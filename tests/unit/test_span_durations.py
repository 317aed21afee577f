"""A span's duration is read in the unit that its field, the settings or its document tell, and in none besides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.elasticsearch import FieldType, FieldTypes, Hit
from dashboard.catalog import durations
from dashboard.model.trace import Span
from dashboard.queries import clauses, search
from dashboard.queries.entries import Reader
from dashboard.queries.request import Logs
from dashboard.queries.resolution import Resolution, resolve
from dashboard.queries.traces import span_of
from dashboard.settings import Settings

NOW = datetime(2026, 11, 28, 6, tzinfo=UTC)
BEGUN = {"@timestamp": NOW.isoformat()}
OTEL = {"resource": {"attributes": {"service.name": "support"}}}
JAEGER = {"operationName": "chat", "startTimeMillis": 1}
ZIPKIN = {"localEndpoint": {"serviceName": "support"}}


def span(source: dict[str, Any], **own: tuple[str, ...]) -> Span:
    return span_of(Reader(stream="traces", own=own).entry(Hit(id="1", index="i", source={**BEGUN, **source})))


def after(seconds: float) -> str:
    return (NOW + timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize(
    ("source", "own"),
    [
        ({"duration_ms": 4000}, ("duration_ms",)),
        ({"durationMs": "4000"}, ("durationMs",)),
        ({"latency_seconds": 4.0}, ("latency_seconds",)),
        ({"took": {"millis": 4000}}, ("took.millis",)),
        ({"durationInNanos": 4_000_000_000}, ("durationInNanos",)),
        ({"elapsed_us": 4_000_000}, ("elapsed_us",)),
        ({"event": {"duration": 4_000_000_000}}, ("event.duration",)),
        ({"Duration": 4_000_000}, ("Duration",)),
        ({"duration": 4_000_000_000, **OTEL}, ()),
        ({"duration": 4_000_000, **JAEGER}, ()),
        ({"duration": 4_000_000, **ZIPKIN}, ()),
        ({"span": {"duration": {"us": 4_000_000}}}, ()),
        ({"transaction": {"duration": {"us": 4_000_000}}}, ()),
    ],
    ids=lambda value: next(iter(value), "") if isinstance(value, dict) else "",
)
def test_a_duration_is_read_in_the_unit_of_its_name_or_format(source: dict[str, Any], own: tuple[str, ...]) -> None:
    found = span(source, **({"duration": own} if own else {}))

    assert (found.seconds, found.has_unknown_unit) == (4.0, False)


@pytest.mark.parametrize("unit", ["ns", "us", "ms", "s"])
@pytest.mark.parametrize("end", ["EndTimestamp", "end_time"])
def test_the_end_of_a_span_tells_the_unit_of_its_duration(unit: str, end: str) -> None:
    value = 4e9 / durations.NANOSECONDS[unit]

    assert span({"duration": value, end: after(4)}).seconds == pytest.approx(4.0)
    assert span({"took": value, end: after(4.1)}, duration=("took",)).seconds == pytest.approx(4.0)
    assert span({"Duration": value, end: after(40)}, duration=("Duration",)).has_unknown_unit


@pytest.mark.parametrize("unit", ["ns", "us", "ms", "s"])
def test_the_settings_tell_the_unit_that_a_name_does_not(unit: str) -> None:
    value = 4e9 / durations.NANOSECONDS[unit]
    own = {"duration": ("took",), "duration_unit": (unit,)}

    assert span({"took": value}, **own).seconds == pytest.approx(4.0)
    assert span({"duration": value, **OTEL}, **own).seconds == pytest.approx(4.0)
    assert span({"took_ms": 4000}, **(own | {"duration": ("took_ms",)})).seconds == 4.0


@pytest.mark.parametrize("source", [{"duration": 4000}, {"duration": 4000, "trace_id": "t"}, {"took": 4000}])
def test_a_duration_in_a_unit_that_nothing_tells_is_not_shown(source: dict[str, Any]) -> None:
    found = span(source, duration=("took",))

    assert found.seconds is None
    assert found.has_unknown_unit


def test_a_span_without_a_duration_has_no_unknown_unit() -> None:
    assert not span({"duration": None}).has_unknown_unit
    assert not span({"duration": True}).has_unknown_unit


def known(*names: str, **own: tuple[str, ...]) -> Resolution:
    a_number = {name: (FieldType(type="long", aggregatable=True, indices=frozenset(("i",))),) for name in names}
    return resolve("traces", FieldTypes(indices=frozenset(("i",)), by_name=a_number), own=own)


@pytest.mark.parametrize(
    ("field", "unit", "bound"),
    [
        ("duration_ms", "", 5000.0),
        ("latency_seconds", "", 5.0),
        ("Duration", "", 5e6),
        ("took", "ms", 5000.0),
        ("span.duration.us", "", 5e6),
    ],
)
def test_slower_than_is_asked_in_the_unit_of_the_field(field: str, unit: str, bound: float) -> None:
    own = {"duration": (field,)} | ({"duration_unit": (unit,)} if unit else {})

    assert clauses.at_least("duration", 5.0, known(field, **own)) == {"range": {field: {"gte": bound}}}


def test_slower_than_asks_spans_of_other_formats_in_their_unit() -> None:
    asked = clauses.at_least("duration", 5.0, known("duration"))

    assert {"range": {"duration": {"gte": 5e9}}} in asked["bool"]["should"][0]["bool"]["filter"]
    assert asked["bool"]["should"][0]["bool"]["must_not"]
    assert {"range": {"duration": {"gte": 5e6}}} in asked["bool"]["should"][1]["bool"]["filter"]


def test_slower_than_finds_nothing_and_says_so_where_the_unit_is_not_known() -> None:
    fields = known("took", duration=("took",))
    request = Logs(stream="traces", namespace="n", start=NOW, end=NOW, at_least={"duration": 5.0})

    assert clauses.at_least("duration", 5.0, fields) == {"match_none": {}}
    assert search.IN_KNOWN_UNIT in search.lacking(request, fields)
    assert search.IN_KNOWN_UNIT not in search.lacking(request, known("took_ms", duration=("took_ms",)))


def test_the_settings_take_a_unit_of_durations_and_nothing_else() -> None:
    def fields(unit: str) -> Any:
        traces = {"duration": "took", "duration_unit": unit}
        return Settings.model_validate({"environments": {"x": {"elasticsearch": {"fields": {"traces": traces}}}}})

    assert fields("ms").environments["x"].fields["traces"]["duration_unit"] == ("ms",)
    with pytest.raises(ValidationError, match="one of s, ms, us, ns, min, h"):
        fields("fortnights")
