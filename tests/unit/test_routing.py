"""Who is told of an alert and when, as Alertmanager's own routes say it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboard.decide.routing import duration, ladder, next_tier, route_of

PRODUCTION = Path(__file__).resolve().parents[2] / "deploy" / "monitoring" / "alertmanager" / "alertmanager.yaml"
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def told(route: dict[str, Any], **labels: str) -> list[tuple[str, int]]:
    tiers = ladder(route_of({"route": route}), labels)
    return [(tier.receiver, round(tier.wait.total_seconds())) for tier in tiers]


def test_without_a_route_of_its_own_an_alert_goes_to_the_root() -> None:
    assert told({"receiver": "team", "routes": [{"receiver": "a", "matchers": ["x=y"]}]}) == [("team", 30)]


def test_the_first_route_that_matches_takes_it_unless_it_continues() -> None:
    routes = [{"receiver": name, "matchers": ['severity="critical"'], "group_wait": "0s"} for name in ("a", "b")]
    assert told({"receiver": "team", "routes": routes}, severity="critical") == [("a", 0)]
    routes[0]["continue"] = True
    assert told({"receiver": "team", "routes": routes}, severity="critical") == [("a", 0), ("b", 0)]


def test_what_a_route_does_not_say_it_has_from_the_one_above() -> None:
    below = {"matchers": ["a=b"], "routes": [{"receiver": "deep", "match": {"c": "d"}}]}
    route = {"receiver": "team", "group_wait": "1m", "routes": [below]}
    assert told(route, a="b") == [("team", 60)]
    assert told(route, a="b", c="d") == [("deep", 60)]


def test_older_spellings_of_matchers_are_understood() -> None:
    route = {"receiver": "team", "routes": [{"receiver": "a", "match_re": {"service": "x|y"}, "group_wait": "0s"}]}
    assert told(route, service="y") == [("a", 0)]
    assert told(route, service="yy") == [("team", 30)]


def test_a_receiver_of_two_routes_stands_once_at_its_first_turn() -> None:
    routes = [
        {"receiver": "a", "matchers": ["x=y"], "group_wait": "10m", "continue": True},
        {"receiver": "a", "matchers": ["x=y"], "group_wait": "1m"},
    ]
    assert told({"receiver": "team", "routes": routes}, x="y") == [("a", 60)]


def test_the_next_tier_is_the_first_whose_time_has_not_come() -> None:
    routes = [
        {"receiver": "first", "matchers": ["x=y"], "group_wait": "0s", "continue": True},
        {"receiver": "second", "matchers": ["x=y"], "group_wait": "5m"},
    ]
    tiers = ladder(route_of({"route": {"receiver": "team", "routes": routes}}), {"x": "y"})
    due = next_tier(tiers, NOON, NOON + timedelta(minutes=2))
    assert due is not None
    assert (due.receiver, due.at(NOON)) == ("second", NOON + timedelta(minutes=5))
    assert next_tier(tiers, NOON, NOON + timedelta(minutes=6)) is None


def test_our_own_routes_tell_a_second_person_when_the_first_does_not_answer() -> None:
    root = route_of(yaml.safe_load(PRODUCTION.read_text()))
    critical = [tier.receiver for tier in ladder(root, {"severity": "critical"})]
    assert critical == ["on-call", "on-call-lead", "head-of-operations"]
    assert [tier.receiver for tier in ladder(root, {"severity": "warning"})] == ["team"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("0s", 0), ("90s", 90), ("1h30m", 5400), ("1d", 86400), ("500ms", 0.5)]
)
def test_lengths_of_time_are_read(text: str, seconds: float) -> None:
    assert duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "1 h", "-1m", "9" * 30 + "y", "1h?"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no length of time"):
        duration(text)


@pytest.mark.parametrize(
    "config",
    [None, [], "route", {}, {"route": None}, {"route": {"receiver": "a", "routes": [{"matchers": ["{{"]}]}}],
    ids=repr,
)
def test_a_configuration_that_is_not_understood_is_an_error_and_no_ladder(config: Any) -> None:
    with pytest.raises(ValueError, match="route"):
        route_of(config)
