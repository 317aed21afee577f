"""A running API server for tests, and the objects they send it. Loaded as a pytest plugin by the tests beside it.

PYTEST_DONT_REWRITE: they import its builders before pytest could.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from kubernetes import config

REPO = Path(__file__).parents[2]
MERGE = {"Content-Type": "application/merge-patch+json"}
KUBECTL = shutil.which("kubectl") or "kubectl"
Json = dict[str, Any]


class Server:
    """One API server process over a state folder, which outlives it."""

    kind = "stand-in"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self.listen = "127.0.0.1:0"

    def start(self) -> "Server":
        self.kubeconfig.unlink(missing_ok=True)
        self.process = subprocess.Popen(self.command(), cwd=REPO, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if "info ready" in line:
                break
        return self.connect(self.folder / "state/pki/ca.crt")

    def connect(self, authority: Path) -> "Server":
        """Takes address and token from the kubeconfig."""
        loaded = yaml.safe_load(self.kubeconfig.read_text())
        self.url: str = loaded["clusters"][0]["cluster"]["server"]
        self.http = requests.Session()
        self.http.trust_env = False  # a CA bundle of the environment would take the place of ours
        self.http.verify = str(authority)
        self.http.headers["Authorization"] = f"Bearer {loaded['users'][0]['user']['token']}"
        self.api = config.new_client_from_config(str(self.kubeconfig))
        return self

    def command(self, *, state: Path | None = None, listen: str = "") -> list[str]:
        program = [sys.executable, "-m", "deploy.local.apiserver", "--listen", listen or self.listen]
        places = ["--state", str(state or self.folder / "state"), "--kubeconfig", str(self.kubeconfig)]
        return [*program, *places, "--service-cidr", "10.99.255.0/24"]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(timeout=10)
        assert self.process.stderr is not None
        self.process.stderr.close()
        self.api.close()
        self.http.close()
        return code

    def kubectl(self, *args: str, stdin: str = "", ok: bool = True) -> str:
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.folder)}
        done = subprocess.run(
            [KUBECTL, *args], input=stdin, capture_output=True, text=True, env=environment, timeout=30, check=False
        )
        assert (done.returncode == 0) is ok, done.stdout + done.stderr
        return done.stdout if ok else done.stderr

    def forget(self, path: str) -> None:
        """Lets so much happen to an object that what was before is forgotten."""
        for count in range(2010):
            self.call("PATCH", path, data=json.dumps({"metadata": {"labels": {"n": str(count)}}}), headers=MERGE)

    def call(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        return self.http.request(method, self.url + path, timeout=10, **kwargs)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("apiserver")).start()
    yield running
    running.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server that the test may stop and start."""
    running = Server(tmp_path).start()
    yield running
    if running.process.poll() is None:
        running.stop(signal.SIGKILL)


@pytest.fixture
def namespace(server: Server, request: pytest.FixtureRequest) -> str:
    name = "t-" + re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[-55:].strip("-")
    server.call("POST", "/api/v1/namespaces", json={"metadata": {"name": name}}).raise_for_status()
    return name


def config_map(name: str, **data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def deployment(name: str = "web", **spec: Any) -> Json:
    container = {"name": "main", "image": "workload:1", "env": [{"name": "A", "value": "1"}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template, **spec},
    }


def pod(name: str, **metadata: Any) -> Json:
    spec = {"containers": [{"name": "main", "image": "workload:1"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": spec}


def definition(plural: str, kind: str, *, group: str) -> Json:
    """A custom kind that takes anything."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def reason(answer: requests.Response) -> tuple[int, str]:
    """The code and reason of a Status, which must agree with the response."""
    body = answer.json()
    assert (body["kind"], body["status"], body["code"]) == ("Status", "Failure", answer.status_code)
    return body["code"], body["reason"]
