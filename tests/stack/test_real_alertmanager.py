"""What the deck takes Alertmanager to mean, held against a real one: matchers, routes, silences, acknowledgements."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.alertmanager import Alertmanager
from connectors.errors import Rejected
from dashboard.act.audit import AuditFile
from dashboard.act.muting import Muting
from dashboard.alerting import mute_of, silence_of
from dashboard.decide.matchers import MatcherError, check, fit, too_wide
from dashboard.decide.routing import ladder, route_of
from dashboard.model.action import Actor, Outcome
from dashboard.model.muting import AlertNamed, MutingKind, MutingRequest, MutingRules
from dashboard.model.silence import AlertMatcher, Mute
from deploy.local.configuration import alertmanager as without_receivers
from tests.stack.alertmanager_process import fire, running

pytestmark = pytest.mark.stack

PRODUCTION = Path(__file__).resolve().parents[2] / "deploy" / "monitoring" / "alertmanager" / "alertmanager.yaml"
FIRING = (
    {"alertname": "A", "severity": "critical", "track": "green", "note": 'say "hi"\\n'},
    {"alertname": "AB", "severity": "warning", "track": "blue"},
    {"alertname": "b", "severity": "Critical", "note": "two\nlines"},
    {"alertname": "Zé", "severity": "P2", "track": "greenish"},
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    config = without_receivers(yaml.safe_load(PRODUCTION.read_text()))
    with running(tmp_path_factory.mktemp("alertmanager"), config) as address:
        fire(address, *FIRING)
        yield address


@pytest.fixture(scope="module")
def real(url: str) -> Alertmanager:
    return Alertmanager(url)


PIECES = st.sampled_from(
    ["A", "B", "b", "green", "blue", ".*", ".+", "gr", "|", "e", "(?i)", "^", "$", "[Ab]", "é", "\n", '"', "\\\\"]
)
MATCHERS = st.builds(
    AlertMatcher,
    name=st.sampled_from(["alertname", "severity", "track", "note", "absent"]),
    value=st.one_of(
        st.lists(PIECES, max_size=4).map("".join), st.sampled_from([v for one in FIRING for v in one.values()])
    ),
    is_regex=st.booleans(),
    is_equal=st.booleans(),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(several=st.lists(MATCHERS, min_size=1, max_size=3))
def test_matchers_mean_what_alertmanager_takes_them_for(real: Alertmanager, several: list[AlertMatcher]) -> None:
    try:
        check(several)
    except MatcherError:
        with pytest.raises(Rejected):
            real.alerts([str(one) for one in several])
        return
    theirs = {alert.labels["alertname"] for alert in real.alerts([str(one) for one in several])}
    assert theirs == {labels["alertname"] for labels in FIRING if fit(several, labels)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(several=st.lists(MATCHERS, min_size=1, max_size=2))
def test_what_alertmanager_refuses_to_silence_we_refuse_as_too_wide(
    real: Alertmanager, several: list[AlertMatcher]
) -> None:
    try:
        check(several)
    except MatcherError:
        return
    now = datetime.now(UTC)
    try:
        made = real.silence(silence_of(_mute(several, now)))
    except Rejected:
        assert too_wide(several)
        return
    real.expire(made)


def _mute(several: list[AlertMatcher], now: datetime) -> Mute:
    return Mute(
        id="",
        state="active",
        matchers=tuple(several),
        starts_at=now,
        ends_at=now + timedelta(minutes=5),
        by="ada",
        comment="a test",
    )


def test_the_ladder_names_whom_alertmanager_routes_an_alert_to(real: Alertmanager) -> None:
    root = route_of(yaml.safe_load(real.setup().config))
    for alert in real.alerts():
        assert {tier.receiver for tier in ladder(root, alert.labels)} == set(alert.receivers)


def test_an_acknowledgement_is_made_seen_extended_and_ended(real: Alertmanager, url: str, tmp_path: Path) -> None:
    labels = {"alertname": "Sick", "severity": "critical", "namespace": "agents", "note": 'a "quoted" \\ value'}
    fire(url, labels, minutes=2)
    muting = Muting(
        alertmanager=real,
        audit=AuditFile(tmp_path / "audit.jsonl", "local"),
        rules=MutingRules(namespaces=("agents",)),
        now=lambda: datetime.now(UTC),
    )
    (alert,) = [one for one in real.alerts() if one.labels == labels]
    alice = Actor(name="alice", origin="test")
    asked = MutingRequest(
        kind=MutingKind.ACKNOWLEDGE,
        namespace="agents",
        actor=alice,
        until=datetime.now(UTC) + timedelta(hours=1),
        alerts=(AlertNamed(labels=alert.labels, since=alert.starts_at),),
    )
    done = muting.run(asked)
    assert done.outcome is Outcome.SUCCEEDED, done.sentence
    (kept,) = [one for one in map(mute_of, real.silences()) if one.acknowledges and one.state == "active"]
    assert kept.acknowledges is not None
    assert abs(kept.acknowledges - alert.starts_at) < timedelta(milliseconds=2)
    assert "alice has acknowledged it already" in muting.run(asked).sentence

    later = datetime.now(UTC) + timedelta(hours=2)
    extended = muting.run(
        MutingRequest(kind=MutingKind.EXTEND, namespace="agents", actor=alice, mute=kept, until=later)
    )
    assert extended.outcome is Outcome.SUCCEEDED, extended.sentence
    (kept,) = [one for one in map(mute_of, real.silences()) if one.acknowledges and one.state == "active"]
    ended = muting.run(MutingRequest(kind=MutingKind.EXPIRE, namespace="agents", actor=alice, mute=kept))
    assert ended.outcome is Outcome.SUCCEEDED, ended.sentence
    (alert,) = [one for one in real.alerts() if one.labels == labels]
    assert alert.state == "active"
