"""The period of a link: what people and other tools write is understood, and what the sources cannot hold is said."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dashboard.model.view import EARLIEST, RANGES, View
from dashboard.queries.measures import period
from dashboard.ui.page import shifted
from dashboard.ui.timerange import SHORTEST, TimeRange, time_range
from dashboard.ui.url import params, parse

NOW = datetime(2026, 3, 1, 12, 0, 0, 654321, tzinfo=UTC)
RETENTION = timedelta(days=400)


def between(first: str, last: str) -> TimeRange:
    return time_range({"from": first, "to": last}, now=NOW, retention=RETENTION)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "last", "start", "end"),
    [
        pytest.param("2026-03-01T03:00:00Z", "2026-03-01T04:00:00Z", "2026-03-01 03", "2026-03-01 04", id="RFC 3339"),
        pytest.param("2026-03-01t03:00:00z", "2026-03-01t04:00:00z", "2026-03-01 03", "2026-03-01 04", id="small"),
        pytest.param(
            "2026-03-01T03:00:00 01:00", "2026-03-01T04:00:00 01:00", "2026-03-01 02", "2026-03-01 03", id="+ as space"
        ),
        pytest.param(
            "20260301T030000 0530", "20260301T043000 0530", "2026-02-28 21:30", "2026-02-28 23", id="basic, + as space"
        ),
        pytest.param("2026-03-01 03:00", "2026-03-01 04:00", "2026-03-01 03", "2026-03-01 04", id="no zone is UTC"),
        pytest.param(
            "2026-03-01 03:00:00 UTC", "2026-03-01 04:00:00 -02:00", "2026-03-01 03", "2026-03-01 06", id="as we show"
        ),
        pytest.param("1772334000000", "1772337600000", "2026-03-01 03", "2026-03-01 04", id="Grafana: milliseconds"),
        pytest.param("1772334000", "1772337600.25", "2026-03-01 03", "2026-03-01 04:00:01", id="Prometheus: seconds"),
        pytest.param("1772334000000000", "1772337600000000", "2026-03-01 03", "2026-03-01 04", id="microseconds"),
        pytest.param("1772334000000000000", "1772337600000000000", "2026-03-01 03", "2026-03-01 04", id="nanoseconds"),
        pytest.param("20260227", "20260228", "2026-02-27", "2026-02-28", id="eight digits are a date"),
        pytest.param("now-2d/d", "now-1d/d", "2026-02-27", "2026-03-01", id="whole days"),
        pytest.param("now-1M", "now-1h", "2026-02-01 12", "2026-03-01 11", id="a month"),
        pytest.param("now-1w/w", "now-1w/w", "2026-02-16", "2026-02-23", id="the week before"),
    ],
)
def test_what_people_and_other_tools_write_is_understood(first: str, last: str, start: str, end: str) -> None:
    found = between(first, last)
    assert (found.range, found.start, found.end) == ("", at(start), at(end))


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ({"from": "now-1h", "to": "now"}, "1h"),
        ({"from": "now-60m", "to": "now"}, "1h"),
        ({"from": "now-1d", "to": "now"}, "24h"),
        ({"from": " now-1w ", "to": "now"}, "7d"),
        ({"range": "1d"}, "24h"),
        ({"range": "15m"}, "15m"),
        ({}, "15m"),
    ],
)
def test_a_relative_period_that_the_bar_has_follows_the_clock(found: dict[str, str], name: str) -> None:
    assert time_range(found, now=NOW, retention=RETENTION) == TimeRange(range=name)


@pytest.mark.parametrize("found", [{"from": "now-3h", "to": "now"}, {"range": "3h"}])
def test_one_that_the_bar_does_not_have_stands_still_and_says_so(found: dict[str, str]) -> None:
    got = time_range(found, now=NOW, retention=RETENTION)
    assert (got.start, got.end) == (at("2026-03-01 09"), at("2026-03-01 12"))
    assert "does not move" in got.note


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        pytest.param("0001-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "begins before", id="the year 1"),
        pytest.param("0001-01-01T00:00:00+14:00", "2026-03-01T00:00:00Z", "begins before", id="an offset before it"),
        pytest.param("2026-03-01T00:00:00Z", "9999-12-31T23:59:59Z", "future", id="the year 9999"),
        pytest.param("2026-03-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "future", id="an offset after it"),
        pytest.param("1900-01-01", "2026-03-01", "begins before", id="before the epoch"),
        pytest.param("0000000000000", "1772334000000", "begins before", id="the epoch"),
        pytest.param("9999999999999", "9999999999999999999", "future", id="milliseconds of the year 2286"),
        pytest.param("now+1h", "now+2h", "future", id="all of it ahead"),
        pytest.param("now", "now-1h", "ends before", id="backwards"),
        pytest.param("2026-03-01", "2026-03-01", "ends before", id="no length"),
        pytest.param("now-999999y", "now", "begins before", id="more years than there are"),
        pytest.param("now-1h", "now+999999M", "future", id="more months than there are"),
        pytest.param("now-401d", "now", "begins before", id="a day too far"),
        pytest.param("20260301112", "now", "not two times", id="eleven digits"),
        pytest.param("9" * 5000, "now", "not two times", id="thousands of digits"),
        pytest.param("٢٠٢٦-03-01", "now", "not two times", id="digits of another script"),
        pytest.param("nan", "inf", "not two times", id="no numbers"),
        pytest.param("", "", "not two times", id="nothing"),
        pytest.param("<b>", "now", "not two times", id="markup"),
    ],
)
def test_what_no_source_can_hold_is_the_default_with_a_short_note(first: str, last: str, words: str) -> None:
    found = between(first, last)
    assert (found.range, found.start, found.end) == ("15m", None, None)
    assert words in found.note
    assert len(found.note) < 250


@pytest.mark.parametrize(
    ("first", "last", "start", "end", "words"),
    [
        pytest.param("now/d", "now/d", "2026-03-01 00", "2026-03-01 12", "future", id="Grafana's today"),
        pytest.param("2026-03-01T11:00Z", "2026-03-01T13:00Z", "2026-03-01 11", "2026-03-01 12", "future", id="half"),
        pytest.param(
            "2026-03-01T11:00Z", "2026-03-01T12:00:30Z", "2026-03-01 11", "2026-03-01 12", "", id="other clock"
        ),
        pytest.param(
            "2026-03-01T10:00:00.2Z",
            "2026-03-01T10:00:00.7Z",
            "2026-03-01 10",
            "2026-03-01 10:01",
            "minute",
            id="0.5 s",
        ),
        pytest.param(
            "2026-03-01T11:59:59Z", "2026-03-01T12:00Z", "2026-03-01 11:59", "2026-03-01 12", "minute", id="just now"
        ),
    ],
)
def test_a_period_is_fitted_to_what_is_there(first: str, last: str, start: str, end: str, words: str) -> None:
    found = between(first, last)
    assert (found.start, found.end) == (at(start), at(end))
    assert words in found.note
    assert bool(words) is bool(found.note)


_pieces = st.sampled_from(
    ["now", "now-", "/d", "/w", "+", "-", " ", "1", "14", "99999", "y", "M", "Q", "s", "T", "Z", ":", "0001-01-01",
     "9999-12-31", "2026-03-01", "23:59:59", "+14:00", "-14:00", "1772334000", "000", ".5", "٣"]
)  # fmt: skip
_texts = st.one_of(st.text(max_size=30), st.lists(_pieces, max_size=5).map("".join))


@given(st.dictionaries(st.sampled_from(["from", "to", "range"]), _texts), st.sampled_from(["UTC", "Asia/Tokyo"]))
def test_no_period_of_a_link_breaks_what_pages_make_of_it(found: dict[str, str], zone: str) -> None:
    view = parse(found, namespaces={"local": ("agents",)}, default="local", local_zone=zone, now=NOW)
    _usable(view)


@given(
    st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)),  # noqa: DTZ001 - the zone is drawn
    st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)),  # noqa: DTZ001 - the zone is drawn
    st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours))),
)
def test_no_two_times_break_what_pages_make_of_them(start: datetime, end: datetime, zone: timezone) -> None:
    found = {"from": start.replace(tzinfo=zone).isoformat(), "to": end.replace(tzinfo=zone).isoformat()}
    _usable(parse(found, namespaces={"local": ("agents",)}, default="local", now=NOW))


def _usable(view: View) -> None:
    start, end = view.window(NOW)
    assert NOW - RETENTION - timedelta(seconds=1) <= start < end <= NOW
    assert end - start >= SHORTEST
    assert view.previous(NOW)[1] == start
    assert params(view, default_env="local", default_ns="agents").keys() <= {"range", "from", "to", "tz"}
    assert period(view, NOW).span >= SHORTEST
    for direction in (-1, 1):
        moved = shifted(start, end, direction=direction, oldest=NOW - RETENTION, now=NOW)
        assert moved[1] - moved[0] == end - start


@given(st.datetimes(datetime(2025, 3, 1), datetime(2026, 3, 1)), st.integers(60, 10**7))  # noqa: DTZ001 - made aware
def test_what_a_link_says_is_shown_as_it_was_written(begin: datetime, seconds: int) -> None:
    start = begin.replace(microsecond=0, tzinfo=UTC)
    end = min(start + timedelta(seconds=seconds), NOW.replace(microsecond=0))
    if end - start >= SHORTEST:
        found = between(f"{start:%Y-%m-%dT%H:%M:%SZ}", f"{end:%Y-%m-%dT%H:%M:%SZ}")
        assert found == TimeRange(range="", start=start, end=end)


@pytest.mark.parametrize(("name", "span"), RANGES.items())
def test_earlier_and_later_move_by_half_and_never_out_of_what_is_there(name: str, span: timedelta) -> None:
    oldest = NOW - RETENTION
    earlier = shifted(NOW - span, NOW, direction=-1, oldest=oldest, now=NOW)
    assert earlier == (NOW - 1.5 * span, NOW - 0.5 * span), name
    assert shifted(*earlier, direction=1, oldest=oldest, now=NOW) == (NOW - span, NOW)
    assert shifted(NOW - span, NOW, direction=1, oldest=oldest, now=NOW) == (NOW - span, NOW)
    assert shifted(oldest, oldest + span, direction=-1, oldest=oldest, now=NOW) == (oldest, oldest + span)


def test_a_view_cannot_hold_a_period_that_a_helper_could_not_shift() -> None:
    with pytest.raises(ValueError, match="1970"):
        View(env="local", ns="agents", range="", start=datetime(1, 1, 1, tzinfo=UTC), end=NOW)
    assert View(env="local", ns="agents", range="", start=EARLIEST, end=NOW).previous(NOW)[0].year < 1970


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("found", "start", "end"),
    [
        pytest.param(
            {"from": "2026-03-01 03:00", "to": "2026-03-01 04:00"}, "2026-03-01 02", "2026-03-01 03", id="times"
        ),
        pytest.param({"from": "20260227", "to": "20260228"}, "2026-02-26 23", "2026-02-27 23", id="dates"),
        pytest.param({"from": "now-2d/d", "to": "now-1d/d"}, "2026-02-26 23", "2026-02-28 23", id="whole days"),
        pytest.param(
            {"from": "2026-03-01 03:00Z", "to": "2026-03-01 04:00 UTC"},
            "2026-03-01 03",
            "2026-03-01 04",
            id="a zone wins",
        ),
        pytest.param(
            {"from": "1772334000", "to": "1772337600"}, "2026-03-01 03", "2026-03-01 04", id="epochs have none"
        ),
    ],
)
def test_a_time_without_a_zone_is_one_of_the_zone_that_the_link_shows(
    found: dict[str, str], start: str, end: str
) -> None:
    got = time_range(found, now=NOW, retention=RETENTION, zone=BERLIN)
    assert (got.range, got.start, got.end) == ("", at(start), at(end))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param({"from": "now-1h"}, TimeRange(range="1h"), id="Grafana's short form follows the clock"),
        pytest.param({"from": "now-7d"}, TimeRange(range="7d"), id="of a week too"),
        pytest.param(
            {"from": "2026-03-01T11:00:00Z"}, TimeRange(range="", start=at("2026-03-01 11"), end=at("2026-03-01 12")),
            id="from a time until now",
        ),
        pytest.param({"to": "now"}, TimeRange(range="15m"), id="only until now"),
        pytest.param(
            {"to": "2026-03-01T11:00:00Z"}, TimeRange(range="", start=at("2026-03-01 10:45"), end=at("2026-03-01 11")),
            id="only until a time",
        ),
    ],
)  # fmt: skip
def test_an_end_that_is_not_named_needs_no_note(found: dict[str, str], expected: TimeRange) -> None:
    assert time_range(found, now=NOW, retention=RETENTION) == expected


@given(
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia"]),
    st.datetimes(datetime(2025, 3, 1), datetime(2026, 2, 17)),  # noqa: DTZ001 - made aware below
    st.integers(60, 10**6),
)
def test_a_wall_clock_time_and_the_link_made_of_it_name_the_same_period(name: str, wall: datetime, length: int) -> None:
    zone = ZoneInfo(name)
    start = wall.replace(microsecond=0, tzinfo=zone).astimezone(UTC)
    end = start + timedelta(seconds=length)
    local = start.astimezone(zone)
    assume(local.replace(tzinfo=None).replace(tzinfo=zone).astimezone(UTC) == start)  # no hour that comes twice
    read = {"tz": "local", "from": f"{local:%Y-%m-%dT%H:%M:%S}", "to": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    known = {"namespaces": {"local": ("agents",)}, "default": "local", "now": NOW}
    view = parse(read, local_zone=name, **known)  # type: ignore[arg-type]
    assert (view.start, view.end, view.notes) == (start, end, ())
    # Whoever opens the link elsewhere sees the same instants.
    again = parse(params(view, default_env="", default_ns=""), local_zone="Asia/Tokyo", **known)  # type: ignore[arg-type]
    assert (again.start, again.end, again.notes) == (start, end, ())
