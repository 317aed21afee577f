"""A link shows the same thing to another person; a broken one shows the default and says what it could not read."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.model.view import FILTERS, RANGES, View
from dashboard.ui.url import params, parse

NAMESPACES = {"local": ("agents", "team-7"), "production": ("agents-prod",)}
NOW = datetime(2026, 3, 1, 3, 12, 5, tzinfo=UTC)


def read(**found: str) -> View:
    return parse(found, namespaces=NAMESPACES, default="local", local_zone="Europe/Berlin", now=NOW)


def written(view: View) -> dict[str, str]:
    return params(view, default_env="local", default_ns=NAMESPACES[view.env][0])


def test_an_empty_link_is_the_default_view_that_follows_the_clock() -> None:
    view = read()
    assert (view.env, view.ns, view.range, view.tz, view.is_live) == ("local", "agents", "15m", "UTC", True)
    assert written(view) == {}


texts = st.text(max_size=40)


@given(
    st.sampled_from([(env, ns) for env, several in NAMESPACES.items() for ns in several]),
    st.sampled_from([*RANGES, ""]),
    st.datetimes(datetime(2025, 3, 1), datetime(2026, 2, 17)),  # noqa: DTZ001 - made aware below
    st.integers(60, 10**6),
    st.booleans(),
    st.booleans(),
    st.fixed_dictionaries({name: texts for name in FILTERS if name != "track"}),
    st.sampled_from(["", "blue", "green"]),
)
def test_what_is_written_is_read_again(
    place: tuple[str, str],
    period: str,
    at: datetime,
    seconds: int,
    local: bool,
    paused: bool,
    filters: dict[str, str],
    track: str,
) -> None:
    env, ns = place
    start = at.replace(microsecond=0, tzinfo=UTC)
    view = View(
        env=env,
        ns=ns,
        range=period,
        start=None if period else start,
        end=None if period else start + timedelta(seconds=seconds),
        tz="Europe/Berlin" if local else "UTC",
        refresh="off" if paused else "on",
        track=track,
        **filters,
    )
    assert read(**written(view)) == view


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param({"env": "moon"}, "moon", id="an unknown environment"),
        pytest.param({"ns": 'a",b!="'}, "namespace", id="a namespace that could leave a matcher"),
        pytest.param({"ns": "kube-system"}, "kube-system", id="a namespace that the settings do not list"),
        pytest.param({"ns": "agents-prod"}, "agents-prod", id="a namespace of another environment"),
        pytest.param({"range": "99y"}, "99y", id="an unknown range"),
        pytest.param({"from": "yesterday", "to": "now"}, "period", id="times that are none"),
        pytest.param({"from": "2026-03-01T04:00:00Z"}, "period", id="half a period"),
        pytest.param({"from": "2026-03-01T04:00:00Z", "to": "2026-03-01T03:00:00Z"}, "ends before", id="backwards"),
        pytest.param({"track": "red"}, "red", id="a third track"),
    ],
)
def test_what_cannot_be_read_becomes_the_default_and_is_said(found: dict[str, str], said: str) -> None:
    view = read(**found)
    assert (view.env, view.ns, view.range, view.track) == ("local", "agents", "15m", "")
    assert len(view.notes) == 1
    assert said in view.notes[0]


@given(
    st.dictionaries(st.sampled_from(["env", "ns", "from", "to", "range", "tz", "track", "q"]), st.text(max_size=300))
)
def test_no_link_can_break_a_page(found: dict[str, str]) -> None:
    view = read(**found)
    start, end = view.window(NOW)
    assert start < end


@pytest.mark.parametrize("days", [1, 400])
def test_each_environment_has_the_retention_of_its_own_sources(days: int) -> None:
    found = {"from": "2026-02-01T00:00:00Z", "to": "2026-02-02T00:00:00Z"}
    view = parse(found, namespaces=NAMESPACES, default="local", now=NOW, retention_days={"local": days})
    assert bool(view.notes) is (days == 1)


def test_the_period_before_is_as_long_and_ends_where_this_one_starts() -> None:
    view = read(range="6h")
    assert view.previous(NOW) == (NOW - timedelta(hours=12), NOW - timedelta(hours=6))


@pytest.mark.parametrize(
    ("asked", "shown"), [("local", "Europe/Berlin"), ("LOCAL", "Europe/Berlin"), ("Europe/Berlin", "Europe/Berlin")]
)
def test_the_viewers_own_zone_may_be_named(asked: str, shown: str) -> None:
    assert (read(tz=asked).tz, read(tz=asked).notes) == (shown, ())


@pytest.mark.parametrize("asked", ["America/New_York", "browser", "+02:00"])
def test_times_of_a_zone_that_is_not_shown_are_not_silently_read_as_utc(asked: str) -> None:
    [note] = read(tz=asked).notes
    assert asked in note
    assert "times are in UTC" in note


@pytest.mark.parametrize("asked", ["false", "0", "5s"])
def test_a_refresh_that_is_neither_on_nor_off_is_noted(asked: str) -> None:
    assert read(refresh=asked).is_live
    assert asked in read(refresh=asked).notes[0]


def test_off_is_off_however_it_is_spelled() -> None:
    assert not read(refresh="OFF").is_live
    assert read(refresh="OFF").notes == read(refresh="").notes == read(tz="").notes == ()
