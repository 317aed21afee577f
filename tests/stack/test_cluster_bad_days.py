"""The cluster and the log store on bad days: a node that is lost and comes back, and a clock that somebody sets.

Each part runs as a process of its own, without the supervisor, which would end all of them with the first that ends.
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench import manifests
from deploy.local.children import Child
from tests.real.running import Running, free_addresses
from tests.stack.apiserver_process import MERGE, Server
from tests.stack.logstore_process import LogStore
from tests.stack.moving_clock import COMPILER, MovingClock
from tests.waiting import eventually

pytestmark = pytest.mark.stack
NAMESPACE = "/api/v1/namespaces/default"
HOUR = 3600
Json = dict[str, Any]


class Cluster:
    """API server, controllers, and a node agent for each of two nodes, with a pod of one Service on each."""

    def __init__(self, folder: Path, variables: dict[str, str] | None = None) -> None:
        self._folder, self._variables = folder, variables or {}
        self._listen = free_addresses(("controllers", "node-a", "node-b"))
        self._server = Server(folder).start()
        self._controllers = Running([self._part("controllers", "--metrics-listen")], folder / "log")
        self._agents = {name: self._agent(name) for name in ("node-a", "node-b")}
        for kind, body in (
            (f"{NAMESPACE}/services", manifests.service()),
            ("/apis/apps/v1/namespaces/default/deployments", manifests.deployment("blue")),
        ):
            self._server.call("POST", kind, json=body).raise_for_status()
        eventually(lambda: self.served_by() == {"node-a", "node-b"}, "a pod of each node serves", 60)

    def stop(self) -> None:
        for part in (*self._agents.values(), self._controllers, self._server):
            part.stop()

    def lose(self, node: str) -> None:
        """Its agent ends as in a power cut, and its pods with it."""
        self._agents[node].kill(node)

    def bring_back(self, node: str) -> None:
        self._agents[node] = self._agent(node)

    def is_ready(self, node: str) -> bool:
        conditions = self.get(f"/api/v1/nodes/{node}")["status"]["conditions"]
        return next(one["status"] for one in conditions if one["type"] == "Ready") == "True"

    def served_by(self) -> set[str]:
        """The nodes whose pods get requests."""
        slices = self.get("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices")["items"]
        endpoints = [endpoint for one in slices for endpoint in one["endpoints"] or []]
        return {endpoint["nodeName"] for endpoint in endpoints if endpoint["conditions"]["ready"]}

    def restarts(self) -> dict[str, int]:
        """How often the pods of each node were started again."""
        found: Counter[str] = Counter()
        for pod in self.get(f"{NAMESPACE}/pods")["items"]:
            found[pod["spec"]["nodeName"]] += pod["status"]["containerStatuses"][0]["restartCount"]
        return dict(found)

    def ready_pods(self) -> int:
        status = self.get("/apis/apps/v1/namespaces/default/deployments/echo-blue")["status"]
        return int(status.get("readyReplicas", 0)) if status["replicas"] == status.get("readyReplicas") else -1

    def events(self) -> set[str]:
        return {event["reason"] for event in self.get("/api/v1/events")["items"]}

    def beats(self, node: str) -> str:
        """When the node said last that it lives, by its own clock."""
        path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}"
        return str(self.get(path)["spec"]["renewTime"])

    def scale(self, replicas: int) -> None:
        path = "/apis/apps/v1/namespaces/default/deployments/echo-blue"
        self._server.call("PATCH", path, json={"spec": {"replicas": replicas}}, headers=MERGE).raise_for_status()

    def get(self, path: str) -> Json:
        answer = self._server.call("GET", path)
        answer.raise_for_status()
        return dict(answer.json())

    def _agent(self, name: str) -> Running:
        network = f"10.98.{ord(name[-1])}.0/24"
        more = (f"--node={name}={network}", "--root", str(self._folder / name))
        pods = (f"--env={key}={value}" for key, value in self._variables.items())
        return Running([self._part(name, "--listen", *more, *pods)], self._folder / "log")

    def _part(self, name: str, listen: str, *more: str) -> Child:
        program = f"deploy.local.{name.partition('-')[0]}"
        command = (sys.executable, "-m", program, "--kubeconfig", str(self._server.kubeconfig))
        url = f"http://{self._listen[name]}/healthz"
        return Child(name=name, command=(*command, listen, self._listen[name], *more), ready=url)


@pytest.mark.slow
def test_a_lost_node_is_called_lost_after_its_lease_and_serves_again_when_it_is_back(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    try:
        cluster.lose("node-a")
        eventually(lambda: not cluster.is_ready("node-a"), "the node is called lost", 60)
        eventually(lambda: cluster.served_by() == {"node-b"}, "its pod is out of the Service")
        assert "NodeNotReady" in cluster.events()
        assert cluster.is_ready("node-b")
        cluster.bring_back("node-a")
        eventually(lambda: cluster.is_ready("node-a"), "the node is back")
        eventually(lambda: cluster.served_by() == {"node-a", "node-b"}, "its pod serves again")
        assert cluster.restarts() == {"node-a": 1, "node-b": 0}
    finally:
        cluster.stop()


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MovingClock:
    """Of everything that the test starts."""
    if COMPILER is None:
        pytest.skip("the clock is moved by a piece of C, and there is no compiler")
    made = MovingClock(tmp_path)
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.mark.slow
def test_a_clock_that_is_set_loses_no_node_no_pod_and_no_event(tmp_path: Path, clock: MovingClock) -> None:
    cluster = Cluster(tmp_path, clock.variables)
    try:
        for replicas, moved in ((3, 3 * HOUR), (2, 0), (3, -HOUR // 2)):
            before = cluster.events()
            clock.move(moved)
            seen = cluster.beats("node-a")
            eventually(lambda seen=seen: cluster.beats("node-a") != seen, "the node goes on saying that it lives")
            at = datetime.fromisoformat(cluster.beats("node-a")) - datetime.now(UTC)
            assert abs(at.total_seconds() - moved) < 60, "the clock was not moved"
            cluster.scale(replicas)
            eventually(lambda replicas=replicas: cluster.ready_pods() == replicas, "it scales")
            assert cluster.served_by() == {"node-a", "node-b"}
            assert all(cluster.is_ready(node) for node in ("node-a", "node-b"))
            assert before <= cluster.events()
        assert "NodeNotReady" not in cluster.events()
        assert set(cluster.restarts().values()) == {0}
    finally:
        cluster.stop()


def test_a_clock_that_is_set_hides_no_document_and_ends_no_point_in_time(tmp_path: Path, clock: MovingClock) -> None:
    store = LogStore(tmp_path).start()
    try:
        index = "logs-app-test"

        def write(name: str, moved: int) -> None:
            """As a program on the same machine does, whose clock is moved too."""
            at = datetime.now(UTC) + timedelta(seconds=moved)
            store.write(index, {"id": name, "@timestamp": at.isoformat(), "message": name})

        def of_the_last_minutes() -> list[str]:
            recent = {"range": {"@timestamp": {"gte": "now-5m", "lte": "now+1m"}}}
            return [hit["_id"] for hit in store.client.search(index=index, query=recent)["hits"]["hits"]]

        write("before", 0)
        assert of_the_last_minutes() == ["before"]
        held = store.client.open_point_in_time(index=index, keep_alive="1m")["id"]
        for moved, name in ((3 * HOUR, "ahead"), (-3 * HOUR, "behind")):
            clock.move(moved)
            write(name, moved)
            assert of_the_last_minutes() == [name]
        found = store.client.search(index=index, sort=[{"@timestamp": "desc"}])["hits"]["hits"]
        assert [hit["_id"] for hit in found] == ["ahead", "before", "behind"]
        still = store.client.search(pit={"id": held, "keep_alive": "1m"})["hits"]["hits"]
        assert [hit["_id"] for hit in still] == ["before"]
        store.stop()
        store.start()
        assert store.client.count(index=index)["count"] == 3
    finally:
        store.stop()
