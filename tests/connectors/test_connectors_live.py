"""The connectors of Prometheus and Alertmanager against the real programs.

Those of Elasticsearch and Kubernetes meet the stand-ins and the real servers in tests/real.
What the servers answer is the truth here; the tests beside this one hold the connectors to odd and broken answers.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.alertmanager import Alertmanager, Matcher, Silence
from connectors.errors import NotFound, Rejected
from connectors.prometheus import Prometheus
from tests.environment import Environment
from tests.waiting import eventually

RUNS = 'gen_ai_invoke_agent_duration_seconds_count{namespace="agents", service_name="agent-runtime"}'


@pytest.fixture(scope="module")
def prometheus(environment: Environment) -> Prometheus:
    return Prometheus(environment.endpoints["prometheus"])


@pytest.fixture(scope="module")
def alertmanager(environment: Environment) -> Alertmanager:
    return Alertmanager(environment.endpoints["alertmanager"])


def hour() -> dict[str, int]:
    now = int(time.time())
    return {"start": now - 3600, "end": now + 60}


def test_every_target_is_up_and_was_scraped(prometheus: Prometheus) -> None:
    eventually(lambda: {target.health for target in prometheus.targets()} == {"up"}, "all targets are up")
    assert all(target.last_scrape and not target.last_error for target in prometheus.targets())


def test_every_rule_evaluates(prometheus: Prometheus) -> None:
    eventually(lambda: {rule.health for rule in prometheus.rules()} == {"ok"}, "all rules are well")
    assert {rule.state for rule in prometheus.rules()} >= {"", "inactive"}


def test_series_labels_and_types_are_told(prometheus: Prometheus) -> None:
    eventually(lambda: prometheus.instant(RUNS).points, "there are runs")

    assert {labels["track"] for labels in prometheus.series(RUNS, **hour())} == {"blue", "green"}
    assert prometheus.label_values("track", RUNS, **hour()) == ("blue", "green")
    assert prometheus.metadata()["gen_ai_invoke_agent_duration_seconds"][0].kind == "histogram"


def test_a_range_and_an_instant_agree(prometheus: Prometheus) -> None:
    at = int(time.time()) // 5 * 5 - 10
    eventually(
        lambda: bool(prometheus.instant(RUNS, at=datetime.fromtimestamp(at, UTC)).points) or time.time() > at + 60,
        "there are runs at that time",
    )

    lines = prometheus.range(RUNS, start=at - 60, end=at, step_seconds=5).lines
    points = prometheus.instant(RUNS, at=datetime.fromtimestamp(at, UTC)).points

    last = {tuple(sorted(line.labels.items())): line.points[-1] for line in lines}
    assert {tuple(sorted(point.labels.items())): (float(at), point.value) for point in points} == {
        labels: point for labels, point in last.items() if point[0] == at
    }


def test_a_query_that_cannot_be_parsed_is_refused_in_prometheus_own_words(prometheus: Prometheus) -> None:
    with pytest.raises(Rejected, match="parse error"):
        prometheus.instant("sum(")


@pytest.fixture
def silenced(alertmanager: Alertmanager) -> Iterator[Silence]:
    """A silence of an alert that does not exist, ended afterwards."""
    now = datetime.now(UTC)
    wanted = Silence(
        matchers=(
            Matcher(name="alertname", value='Nobody"s\\Alert'),
            Matcher(name="track", value="green|blue", is_regex=True, is_equal=False),
        ),
        starts_at=now,
        ends_at=now + timedelta(minutes=5),
        created_by="ada",
        comment="a test",
    )
    made = alertmanager.silence(wanted)
    yield next(silence for silence in alertmanager.silences() if silence.id == made)
    alertmanager.expire(made)
    [ended] = [silence for silence in alertmanager.silences() if silence.id == made]
    assert ended.state == "expired"


def test_a_silence_is_made_read_extended_and_ended(alertmanager: Alertmanager, silenced: Silence) -> None:
    assert (silenced.state, silenced.created_by, silenced.comment) == ("active", "ada", "a test")
    later = silenced.ends_at + timedelta(hours=1)

    assert alertmanager.silence(replace(silenced, ends_at=later)) == silenced.id

    [extended] = [silence for silence in alertmanager.silences() if silence.id == silenced.id]
    assert extended.matchers == silenced.matchers
    assert abs(extended.ends_at - later) < timedelta(seconds=1)


def test_alertmanager_understands_every_matcher_we_write(alertmanager: Alertmanager, silenced: Silence) -> None:
    assert alertmanager.matched(silenced.matchers) == ()
    assert len(alertmanager.matched([Matcher(name="alertname", value=".+", is_regex=True)])) == len(
        alertmanager.alerts()
    )


def test_an_unknown_silence_is_not_found(alertmanager: Alertmanager) -> None:
    with pytest.raises(NotFound):
        alertmanager.expire(str(uuid.uuid4()))


def test_receivers_and_groups_are_those_of_the_routes(alertmanager: Alertmanager) -> None:
    names = alertmanager.receivers()
    assert names
    assert {group.receiver for group in alertmanager.groups()} <= set(names)
