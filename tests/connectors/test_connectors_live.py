"""The connectors against running servers: the real Prometheus and Alertmanager, and the environment's own two.

What the servers answer is the truth here; the tests beside this one hold the connectors to odd and broken answers.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.alertmanager import Alertmanager, Matcher, Silence
from connectors.elasticsearch import Elasticsearch
from connectors.errors import Conflict, NotFound, Refused
from connectors.kubernetes import Cluster
from connectors.prometheus import Prometheus
from tests.environment import Environment

RUNS = 'gen_ai_invoke_agent_duration_seconds_count{namespace="agents", service_name="agent-runtime"}'


@pytest.fixture(scope="module")
def prometheus(environment: Environment) -> Prometheus:
    return Prometheus(environment.endpoints["prometheus"])


@pytest.fixture(scope="module")
def alertmanager(environment: Environment) -> Alertmanager:
    return Alertmanager(environment.endpoints["alertmanager"])


@pytest.fixture(scope="module")
def elasticsearch(environment: Environment) -> Elasticsearch:
    return Elasticsearch(environment.endpoints["elasticsearch"])


@pytest.fixture(scope="module")
def cluster(environment: Environment) -> Cluster:
    return Cluster(environment.endpoints["kubeconfig"])


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)


def hour() -> dict[str, int]:
    now = int(time.time())
    return {"start": now - 3600, "end": now + 60}


def test_every_target_is_up_and_was_scraped(prometheus: Prometheus) -> None:
    eventually(lambda: {target.health for target in prometheus.targets()} == {"up"})
    assert all(target.last_scrape and not target.last_error for target in prometheus.targets())


def test_every_rule_evaluates(prometheus: Prometheus) -> None:
    eventually(lambda: {rule.health for rule in prometheus.rules()} == {"ok"})
    assert {rule.state for rule in prometheus.rules()} >= {"", "inactive"}


def test_series_labels_and_types_are_told(prometheus: Prometheus) -> None:
    eventually(lambda: bool(prometheus.instant(RUNS).points))

    assert {labels["track"] for labels in prometheus.series(RUNS, **hour())} == {"blue", "green"}
    assert prometheus.label_values("track", RUNS, **hour()) == ("blue", "green")
    assert prometheus.metadata()["gen_ai_invoke_agent_duration_seconds"] == "histogram"


def test_a_range_and_an_instant_agree(prometheus: Prometheus) -> None:
    at = int(time.time()) // 5 * 5 - 10
    eventually(
        lambda: bool(prometheus.instant(RUNS, at=datetime.fromtimestamp(at, UTC)).points) or time.time() > at + 60
    )

    lines = prometheus.range(RUNS, start=at - 60, end=at, step_seconds=5).lines
    points = prometheus.instant(RUNS, at=datetime.fromtimestamp(at, UTC)).points

    last = {tuple(sorted(line.labels.items())): line.points[-1] for line in lines}
    assert {tuple(sorted(point.labels.items())): (float(at), point.value) for point in points} == {
        labels: point for labels, point in last.items() if point[0] == at
    }


def test_a_query_that_cannot_be_parsed_is_refused_in_prometheus_own_words(prometheus: Prometheus) -> None:
    with pytest.raises(Refused, match="parse error"):
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


def test_pages_of_a_point_in_time_hold_each_log_once(elasticsearch: Elasticsearch) -> None:
    streams = "logs-agentgov.app.otel-*"
    everything = {"match_all": {}}
    eventually(lambda: elasticsearch.search(streams, query=everything, size=0).total >= 200)
    pit = elasticsearch.open_point_in_time(streams)
    order = [{"@timestamp": "desc"}, {"_shard_doc": "asc"}]
    try:
        first = elasticsearch.search(streams, query=everything, size=60, sort=order, point_in_time=pit)
        seen, after = [hit.id for hit in first.hits], first.hits[-1].sort
        for _ in range(2):
            page = elasticsearch.search(streams, query=everything, size=60, sort=order, point_in_time=pit, after=after)
            seen, after = [*seen, *(hit.id for hit in page.hits)], page.hits[-1].sort
        assert len(seen) == len(set(seen)) == 180
        at_once = elasticsearch.search(streams, query=everything, size=180, sort=order, point_in_time=pit)
        assert [hit.id for hit in at_once.hits] == seen
    finally:
        elasticsearch.close_point_in_time(pit)
    with pytest.raises(NotFound):
        elasticsearch.search(streams, query=everything, size=1, sort=order, point_in_time=pit)


def test_the_types_of_fields_are_told(elasticsearch: Elasticsearch) -> None:
    streams = "logs-agentgov.app.otel-*"
    eventually(lambda: "@timestamp" in elasticsearch.field_types(streams, ["@timestamp", "no.such.field"]))
    types = elasticsearch.field_types(streams, ["@timestamp", "trace_id", "no.such.field"])
    assert types["@timestamp"] <= {"date", "date_nanos"}
    assert "no.such.field" not in types


def test_an_audit_record_is_never_written_twice(elasticsearch: Elasticsearch) -> None:
    record = {"@timestamp": datetime.now(UTC).isoformat(), "event": {"action": "a test"}}
    name, stream = str(uuid.uuid4()), "logs-agentgov.audit-test"
    elasticsearch.create(stream, name, record)
    with pytest.raises(Conflict):
        elasticsearch.create(stream, name, record)


def test_a_watch_goes_on_from_its_list(cluster: Cluster) -> None:
    name = f"test-{uuid.uuid4().hex[:8]}"
    since = cluster.list("configmaps", "agents").resource_version
    watch = cluster.watch("configmaps", "agents", resource_version=since)
    cluster.create("configmaps", "agents", {"metadata": {"name": name}, "data": {"a": "1"}})
    try:
        cluster.patch("configmaps", name, "agents", {"data": {"a": "2"}})
    finally:
        cluster.delete("configmaps", name, "agents")
    heard = []
    for event in watch:
        if event.object["metadata"].get("name") == name:
            heard.append(event.type)
        if heard[-1:] == ["DELETED"]:
            break
    assert heard == ["ADDED", "MODIFIED", "DELETED"]


def test_a_stale_precondition_is_a_conflict(cluster: Cluster) -> None:
    name = f"test-{uuid.uuid4().hex[:8]}"
    made = cluster.create("configmaps", "agents", {"metadata": {"name": name}, "data": {"a": "1"}})
    try:
        cluster.patch("configmaps", name, "agents", {"data": {"a": "2"}})
        stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"a": "3"}}
        with pytest.raises(Conflict):
            cluster.patch("configmaps", name, "agents", stale)
        assert cluster.get("configmaps", name, "agents")["data"] == {"a": "2"}
    finally:
        cluster.delete("configmaps", name, "agents")


def test_the_cluster_says_what_we_may_do(cluster: Cluster) -> None:
    assert cluster.may("patch", "services", "agents")
