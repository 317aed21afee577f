"""Who has to answer: alerts in their groups, what is muted by whom, and how long people took."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.answering import acknowledging, board, response_times, touches
from dashboard.decide.matchers import read
from dashboard.decide.routing import route_of
from dashboard.model.alert import Alert, GroupedAlerts
from dashboard.model.silence import Mute, acknowledgement, exactly
from dashboard.model.words import Severity

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ROOT = route_of(
    {
        "route": {
            "receiver": "team",
            "routes": [
                {"receiver": "first", "matchers": ["severity=critical"], "group_wait": "0s", "continue": True},
                {"receiver": "second", "matchers": ["severity=critical"], "group_wait": "5m"},
            ],
        }
    }
)


def an_alert(name: str = "A", *, minutes: float = 2.0, severity: str = "critical", **changes: Any) -> Alert:
    labels = {"alertname": name, "severity": severity, "namespace": "agents"}
    known: dict[str, Any] = {"annotations": {}, "state": "active", "fingerprint": f"f-{name}-{severity}"}
    return Alert(name=name, labels=labels, starts_at=NOON - timedelta(minutes=minutes), **(known | changes))


def a_mute(alert: Alert, *, by: str = "bob", after: float = 1.0, comment: str | None = None, **changes: Any) -> Mute:
    at = alert.starts_at + timedelta(minutes=after)
    said = acknowledgement(alert.starts_at, "on it") if comment is None else comment
    known: dict[str, Any] = {"id": f"{by}-{after}", "state": "active", "matchers": exactly(alert.labels)}
    return Mute(**(known | {"starts_at": at, "ends_at": at + timedelta(hours=1), "by": by, "comment": said} | changes))


def groups(*alerts: Alert, receiver: str = "first") -> GroupedAlerts:
    return GroupedAlerts(labels={"namespace": "agents"}, receiver=receiver, alerts=alerts)


def test_an_alert_of_several_receivers_stands_once_with_the_one_told_first() -> None:
    sick = an_alert()
    found = board([groups(sick, receiver="second"), groups(sick, receiver="first")], (), ROOT)
    (group,) = found.waiting
    assert [tier.receiver for tier in group.tiers] == ["first", "second"]
    assert found.needing == (sick,)


def test_each_alert_has_one_place_by_why_nobody_is_told() -> None:
    sick, loud, quiet = an_alert("Sick"), an_alert("Loud", state="suppressed"), an_alert("Quiet", state="suppressed")
    answered, planned = a_mute(loud), a_mute(quiet, by="carol", comment="maintenance")
    loud, quiet = replace(loud, silenced_by=(answered.id,)), replace(quiet, silenced_by=(planned.id, "gone"))
    behind = an_alert("Behind", state="suppressed", inhibited_by=(sick.fingerprint, "unknown"))
    news = an_alert("News", severity="info")
    found = board([groups(sick, loud, quiet, behind, news)], (answered, planned), ROOT)
    assert [one.alert.name for one in found.acknowledged] == ["Loud"]
    assert [one.alert.name for one in found.silenced] == ["Quiet"]
    assert [(one.alert.name, one.by) for one in found.inhibited] == [("Behind", ("Sick", "another alert"))]
    assert [one.name for one in found.informing] == ["News"]
    assert [one.name for one in found.needing] == ["Sick"]
    assert found.matched == {answered.id: 1, planned.id: 1, "gone": 1}


def test_a_severity_that_is_not_understood_needs_a_person_and_is_shown_as_written() -> None:
    (group,) = board([groups(an_alert(severity="P2"))], (), ROOT).waiting
    assert (group.severity, group.severity_word) == (Severity.UNKNOWN, "“P2”")


def test_without_routes_there_is_no_ladder_and_all_alerts_are_there() -> None:
    (group,) = board([groups(an_alert())], (), None).waiting
    assert group.tiers == ()


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ABCDE"),
            st.sampled_from(["critical", "warning", "P2", "info"]),
            st.sampled_from(["active", "silenced", "inhibited"]),
            st.lists(st.sampled_from(["first", "second", "team", "elsewhere"]), min_size=1, unique=True),
        ),
        unique_by=lambda one: one[:2],
        max_size=8,
    )
)
def test_every_alert_that_fires_is_in_exactly_one_place(given_alerts: list[Any]) -> None:
    alerts, by_receiver = [], dict[str, list[Alert]]()
    for name, severity, kind, receivers in given_alerts:
        more = {"silenced": {"silenced_by": ("x",)}, "inhibited": {"inhibited_by": ("y",)}}.get(kind, {})
        alert = an_alert(name, severity=severity, state="active" if kind == "active" else "suppressed", **more)
        alerts.append(alert)
        for receiver in receivers:
            by_receiver.setdefault(receiver, []).append(alert)
    found = board([groups(*several, receiver=name) for name, several in by_receiver.items()], (), ROOT)
    muted = [one.alert for one in (*found.acknowledged, *found.silenced, *found.inhibited)]
    placed = sorted(one.fingerprint for one in (*found.needing, *found.informing, *muted))
    assert placed == sorted(alert.fingerprint for alert in alerts)


def test_a_comment_is_an_acknowledgement_only_with_its_mark_and_exact_matchers() -> None:
    sick = an_alert()
    assert a_mute(sick).acknowledges == sick.starts_at
    assert a_mute(sick).reason == "on it"
    assert a_mute(sick, comment="Acknowledged by phone").acknowledges is None
    assert a_mute(sick, comment="Acknowledged (firing since 2026-13-99T99:99:99Z)").acknowledges is None
    assert a_mute(sick, matchers=read('alertname=~"A|B"')).acknowledges is None


def test_the_earliest_acknowledgement_in_force_of_exactly_this_alert_counts() -> None:
    sick = an_alert()
    first, second, over = a_mute(sick), a_mute(sick, by="carol", after=1.5), a_mute(sick, by="dan", after=0.5)
    found = acknowledging((second, first, replace(over, state="expired")), sick.labels, NOON)
    assert [one.by for one in found] == ["bob", "carol"]
    assert acknowledging((first,), {**sick.labels, "track": "green"}, NOON) == ()


def test_times_to_acknowledge_are_of_the_period_and_held_against_the_target() -> None:
    sick = an_alert(minutes=60)
    mutes = [a_mute(sick, after=after) for after in (1, 5, 9)] + [a_mute(sick, comment="maintenance")]
    found = response_times(mutes, NOON - timedelta(hours=1), NOON)
    assert (len(found.taken), found.in_time, found.median) == (3, 2, timedelta(minutes=5))
    assert response_times(mutes, NOON - timedelta(minutes=5), NOON).median is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('alertname="A"', True),
        ('namespace="agents"', True),
        ('namespace="other"', False),
        ('namespace=~"agents|other"', True),
        ('namespace!="agents"', True),  # of alerts that are bound to no namespace
        ('exported_namespace="agents", namespace="monitoring"', True),
    ],
)
def test_silences_of_other_namespaces_alone_are_not_ours_to_show(text: str, expected: bool) -> None:
    assert touches(a_mute(an_alert(), matchers=read(text)), "agents") is expected


def test_an_alert_in_a_time_interval_of_the_routes_is_muted_by_that_and_by_no_other_alert() -> None:
    night = an_alert("Night", state="suppressed", muted_by=("offhours",))
    child = an_alert("Child", state="suppressed", inhibited_by=("f-Night-critical",))
    found = board((groups(night, child),), (), ROOT)
    assert [one.alert.name for one in found.scheduled] == ["Night"]
    assert [(one.alert.name, one.by) for one in found.inhibited] == [("Child", ("Night",))]
