"""An environment that is given a past of two days: it is there without delay, continuous with the present, and its
incident can be found in metrics, logs and spans."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
import requests

from deploy.local.history.recipe import DAY, HOUR, Incident, Past
from tests.environment import Environment

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(900)]

Series = dict[str, set[tuple[tuple[str, str], ...]]]
_READY_SECONDS = 60.0
_PATIENCE_SECONDS = 600.0  # it works at the lowest priority


class World:
    """The environment and what it answers."""

    def __init__(self, environment: Environment, seconds: float) -> None:
        self.environment = environment
        self.seconds_until_ready = seconds
        self.was_done_when_ready = self.wish["done"]
        self.past = Past(seed=self.wish["seed"], anchor=self.end // DAY * DAY)

    @property
    def wish(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.environment.state / "history.json").read_text())
        return found

    @property
    def end(self) -> int:
        return int(self.wish["end"])

    @property
    def incident(self) -> Incident:
        return self.past.incidents[-1]

    def prometheus(self, what: str, **parameters: Any) -> list[dict[str, Any]]:
        address = self.environment.endpoints["prometheus"]
        answer = requests.get(f"{address}/api/v1/{what}", parameters, timeout=30)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def recorded(self, at: float) -> Series:
        """The label sets of all recorded series that there are at a time."""
        found: Series = {}
        for one in self.prometheus("query", query='{__name__=~".+:.+:.+"}', time=at):
            labels = dict(one["metric"])
            found.setdefault(labels.pop("__name__"), set()).add(tuple(sorted(labels.items())))
        return found

    def search(self, stream: str, **body: Any) -> dict[str, Any]:
        address = self.environment.endpoints["elasticsearch"]
        answer = requests.post(f"{address}/{stream}/_search", json={"track_total_hits": True, **body}, timeout=30)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = Environment(tmp_path_factory.mktemp("history") / "state")
    began = time.monotonic()
    up = made.command("up", "--detach", "--no-dashboard", "--history", "2")
    assert up.returncode == 0, up.stdout + up.stderr
    try:
        yield World(made, time.monotonic() - began)
    finally:
        made.command("down")


def eventually(condition: Callable[[], bool], seconds: float, world: World) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        said = (world.environment.state / "log" / "history.log").read_text()
        assert time.monotonic() < deadline, f"it did not come true in time; {said}"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def metrics(world: World) -> World:
    """With the metrics of the past, as soon as Prometheus has seen them, and those of the present."""
    eventually(lambda: "metrics" in world.wish["done"], _PATIENCE_SECONDS, world)
    eventually(lambda: bool(world.recorded(world.end - HOUR)), 90, world)
    names = world.recorded(world.end - HOUR).keys()
    eventually(lambda: world.recorded(time.time()).keys() >= names, 240, world)
    return world


@pytest.fixture(scope="module")
def whole(metrics: World) -> World:
    """With logs and spans, too."""
    eventually(lambda: "documents" in metrics.wish["done"], _PATIENCE_SECONDS, metrics)
    return metrics


def test_the_past_does_not_delay_the_start(world: World) -> None:
    assert world.seconds_until_ready < _READY_SECONDS
    assert world.was_done_when_ready == []


def test_each_recorded_series_has_the_labels_that_it_has_live(metrics: World) -> None:
    past, live = metrics.recorded(metrics.end - 60), metrics.recorded(time.time())
    assert past.keys() == live.keys()
    for name in past:
        keys = [{frozenset(label for label, _ in labels) for labels in found[name]} for found in (past, live)]
        assert keys[0] == keys[1], name
        # A pod lives once, and what is rare need not have happened yet: of these the present has none, or others.
        if not name.startswith("pod:") and "failures" not in name and "violations" not in name:
            usual = [{one for one in found[name] if not _is_rare(one)} for found in (past, live)]
            assert usual[0] == usual[1], name


def _is_rare(labels: tuple[tuple[str, str], ...]) -> bool:
    found = dict(labels)
    return bool(found.get("error_type")) or found.get("outcome") in ("violation", "error") or "decision" in found


def test_past_and_present_are_one_line_without_a_gap(metrics: World) -> None:
    now = time.time()
    for query in ("sum(agent:gen_ai_invoke_agent_runs:rate5m)", "sum(slo:agentgov_sli_total:rate5m)",
                  "sum(namespace:container_memory_working_set_bytes:sum)"):  # fmt: skip
        [line] = metrics.prometheus("query_range", query=query, start=metrics.end - 20 * HOUR, end=now, step=120)
        times = [float(at) for at, _ in line["values"]]
        assert max(later - earlier for earlier, later in pairwise(times)) == 120, query
        assert times[0] == metrics.end - 20 * HOUR
        assert now - times[-1] < 240
        assert all(math.isfinite(float(value)) and float(value) > 0 for _, value in line["values"])


def test_the_incident_is_in_the_metrics_and_alerts_of_its_time(metrics: World) -> None:
    incident = metrics.incident
    middle = (incident.start + incident.end) // 2
    query = f'service_track:agentgov_contract_violations:ratio_rate1m{{track="{incident.track}"}}'
    [during] = metrics.prometheus("query", query=query, time=middle)
    [before] = metrics.prometheus("query", query=query, time=incident.start - HOUR)
    assert float(during["value"][1]) > 0.03 > 100 * float(before["value"][1])
    fired = metrics.prometheus("query", query="ALERTS", time=middle)
    assert {"ContractViolationRatioHigh", "AgentLatencyHigh"} <= {one["metric"]["alertname"] for one in fired}


def test_error_lines_and_spans_of_the_incident_are_as_many_as_the_metrics_say(whole: World) -> None:
    incident = whole.incident
    since, until = incident.start, incident.end
    bounds = {"range": {"@timestamp": {"gte": since * 1000, "lt": until * 1000}}}
    violated = {"match_phrase": {"body.text": "contract data-privacy violated"}}
    logs = whole.search("logs-agentgov.app.otel-*", size=1, query={"bool": {"filter": [bounds, violated]}})
    rate = f"sum(agent:agentgov_contract_violations:rate5m{{track='{incident.track}', contract='data-privacy'}})"
    query = f"sum_over_time(({rate})[{until - since}s:1m]) * 60"
    [counted] = whole.prometheus("query", query=query, time=until - 60)
    assert logs["hits"]["total"]["value"] == pytest.approx(float(counted["value"][1]), rel=0.1)
    [line] = logs["hits"]["hits"]
    assert line["_source"]["severity_text"] == "ERROR"
    spans = whole.search("traces-agentgov.otel-*", size=50, query={"term": {"trace_id": line["_source"]["trace_id"]}})
    names = {one["_source"]["name"] for one in spans["hits"]["hits"]}
    assert {"POST /v1/tasks", "POST /v1/runs", "evaluate_contract data-privacy"} <= names


def test_a_state_that_has_its_past_is_not_given_another(whole: World) -> None:
    before = whole.wish
    assert whole.environment.command("down").returncode == 0
    up = whole.environment.command("up", "--detach", "--no-dashboard", "--history", "3")
    assert up.returncode == 0, up.stdout + up.stderr
    assert whole.wish == before
    assert whole.recorded(whole.end - HOUR)
