"""The sources behind the fault matrix: real Prometheus and Alertmanager, the stand-ins for the other two, and a little
of everything in them, so that each page has something to lose.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
import yaml

from dashboard.model.reading import Source
from deploy.local import programs
from tests.stack.apiserver_process import MERGE, Server
from tests.stack.logstore_process import LogStore, free_port

NAMESPACE = "agents"
_READY_SECONDS = 30.0
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backends:
    """The running sources: their addresses, and what the cluster asks for to let somebody in."""

    urls: dict[Source, str]
    token: str


@contextmanager
def running(folder: Path) -> Iterator[Backends]:
    """All four, ready and filled; stopped at the end."""
    with ExitStack() as stack:
        store = LogStore(_made(folder / "logs")).start()
        stack.callback(store.stop)
        cluster = Server(_made(folder / "cluster")).start()
        stack.callback(cluster.stop)
        exporter = stack.enter_context(_exporter())
        metrics = stack.enter_context(_prometheus(_made(folder / "metrics"), exporter))
        alerts = stack.enter_context(_alertmanager(_made(folder / "alerts")))
        _fill_logs(store)
        _fill_cluster(cluster)
        _fire(alerts)
        loaded = yaml.safe_load(cluster.kubeconfig.read_text())
        yield Backends(
            urls={
                Source.PROMETHEUS: metrics,
                Source.ALERTMANAGER: alerts,
                Source.ELASTICSEARCH: store.url,
                Source.KUBERNETES: cluster.url,
            },
            token=loaded["users"][0]["user"]["token"],
        )


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@contextmanager
def _exporter() -> Iterator[str]:
    """Counters of two tracks that grow evenly since long ago, of which green fails one run in ten."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = _metrics(time.time()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _metrics(now: float) -> str:
    runs = now % 10_000_000 * 10
    lines = ['kube_node_status_condition{node="n1", condition="Ready", status="true"} 1']
    receiver = 'integration="webhook", receiver_name="nobody"'
    lines.append(f"alertmanager_notifications_total{{{receiver}}} {runs}")
    lines.append(f"alertmanager_notifications_failed_total{{{receiver}}} 0")
    for track, failing in (("blue", 0.0), ("green", 0.1)):
        pod = f'namespace="{NAMESPACE}", pod="agent-runtime-{track}-0"'
        agent = f'{pod}, service_name="agent-runtime", track="{track}", gen_ai_agent_name="planner"'
        lines.append(f'container_memory_working_set_bytes{{{pod}, container="main", image="i"}} 1e8')
        lines.append(f"agentgov_agent_cost_usd_total{{{agent}}} {runs / 100}")
        contract = f'{agent}, contract="data-privacy", clause_type="invariant"'
        lines.append(f'agentgov_contract_evaluations_total{{{contract}, outcome="pass"}} {runs}')
        for error, share in (("", 1 - failing), ("timeout", failing)):
            of = f'{agent}, gen_ai_operation_name="invoke_agent", error_type="{error}"'
            lines += [
                f'gen_ai_invoke_agent_duration_seconds_bucket{{{of}, le="{bound}"}} {runs * share * within}'
                for bound, within in (("0.5", 0.6), ("2.5", 0.95), ("+Inf", 1.0))
            ]
            lines.append(f"gen_ai_invoke_agent_duration_seconds_count{{{of}}} {runs * share}")
    return "\n".join(lines) + "\n"


@contextmanager
def _prometheus(folder: Path, exporter: str) -> Iterator[str]:
    targets = {"targets": [exporter], "labels": {"namespace": NAMESPACE}}
    job = {"job_name": "agents", "honor_labels": True, "static_configs": [targets]}
    content = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(content))
    listen = f"127.0.0.1:{free_port()}"
    command = [
        str(programs.find().prometheus),
        "--config.file=prometheus.yaml",
        "--storage.tsdb.path=data",
        f"--web.listen-address={listen}",
    ]
    with _process(command, folder, folder / "log", f"http://{listen}/-/ready"):
        yield f"http://{listen}"


@contextmanager
def _alertmanager(folder: Path) -> Iterator[str]:
    content = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
    (folder / "alertmanager.yaml").write_text(yaml.safe_dump(content))
    listen = f"127.0.0.1:{free_port()}"
    program = programs.find().alertmanager
    command = [
        str(program),
        f"--config.file={folder / 'alertmanager.yaml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={listen}",
        "--cluster.listen-address=",
    ]
    with _process(command, program.parent, folder / "log", f"http://{listen}/-/ready"):  # its templates lie there
        yield f"http://{listen}"


@contextmanager
def _process(command: list[str], folder: Path, log: Path, ready: str) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out)
        try:
            _eventually(lambda: _answers(ready), f"{ready} answers", log)
            yield
        finally:
            process.terminate()
            process.wait(timeout=20)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.ConnectionError:
        return False


def _eventually(condition: Callable[[], bool], what: str, log: Path) -> None:
    end = time.monotonic() + _READY_SECONDS
    while not condition():
        assert time.monotonic() < end, f"not in time: {what}\n{log.read_text()}"
        time.sleep(0.05)


def _fire(url: str) -> None:
    now = datetime.now(UTC)
    labels = {"namespace": NAMESPACE, "service_name": "agent-runtime", "track": "green", "severity": "critical"}
    alert = {
        "labels": {"alertname": "AgentErrorRatioHigh", **labels},
        "annotations": {"summary": "Green fails one run in ten"},
        "startsAt": (now - timedelta(minutes=3)).isoformat(),
        "endsAt": (now + timedelta(hours=5)).isoformat(),
    }
    requests.post(f"{url}/api/v2/alerts", json=[alert], timeout=5).raise_for_status()


def _fill_logs(store: LogStore) -> None:
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    names = {"service.name": "agent-runtime", "tealdeck.track": "green", "k8s.pod.name": "agent-runtime-green-0"}
    names["k8s.namespace.name"] = NAMESPACE
    common = {"@timestamp": at, "resource": {"attributes": names}, "trace_id": "a" * 32}
    line = {"body": {"text": "data-privacy violated"}, "severity_text": "ERROR", "attributes": {}}
    span = {
        "name": "invoke_agent planner",
        "kind": "Internal",
        "duration": 1_200_000_000,
        "status": {"code": "Error"},
        "attributes": {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"},
    }
    call = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search", "error.type": "timeout"}
    tool = span | {"name": "execute_tool search", "attributes": call}
    store.write("logs-agentgov.app.otel-prod", {**common, **line})
    store.write("traces-agentgov.otel-prod", {**common, **span}, {**common, **tool})


def _fill_cluster(server: Server) -> None:
    def post(path: str, body: Json) -> None:
        answer = server.call("POST", path, json=body)
        assert answer.ok, answer.text

    post("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    core, apps = f"/api/v1/namespaces/{NAMESPACE}", f"/apis/apps/v1/namespaces/{NAMESPACE}"
    for track, version in (("blue", "1.7.4"), ("green", "1.8.0")):
        name = f"agent-runtime-{track}"
        labels = {
            "app.kubernetes.io/name": "agent-runtime",
            "app.kubernetes.io/version": version,
            "tealdeck.io/track": track,
        }
        spec = {"containers": [{"name": "main", "image": f"agent-runtime:{version}"}]}
        template = {"metadata": {"labels": labels}, "spec": spec}
        deployment = {
            "metadata": {"name": name, "labels": labels},
            "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
        }
        post(f"{apps}/deployments", deployment)
        post(f"{core}/pods", {"metadata": {"name": f"{name}-0", "labels": labels}, "spec": spec})
        status = {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {
                    "name": "main",
                    "ready": True,
                    "restartCount": 0,
                    "image": "i",
                    "imageID": "i",
                    "state": {"running": {"startedAt": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}},
                }
            ],
        }
        patched = server.call(
            "PATCH", f"{core}/pods/{name}-0/status", data=json.dumps({"status": status}), headers=MERGE
        )
        assert patched.ok, patched.text
    chosen = {"app.kubernetes.io/name": "agent-runtime"}
    for name, track, marks in (
        (
            "agent-runtime",
            "blue",
            {
                "labels": {"tealdeck.io/governed": "true"},
                "annotations": {"tealdeck.io/preview-service": "agent-runtime-preview"},
            },
        ),
        ("agent-runtime-preview", "green", {}),
    ):
        spec = {"selector": {**chosen, "tealdeck.io/track": track}, "ports": [{"port": 80}]}
        post(f"{core}/services", {"metadata": {"name": name, **marks}, "spec": spec})
