"""The API server in its two forms: the stand-in, and a real control plane under `make test-real`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.real.kubernetes.real_cluster import RealCluster
from tests.real.running import KINDS
from tests.stack.apiserver_process import Server
from tests.waiting import eventually


@pytest.fixture(scope="session", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server, empty at the start of the tests."""
    form = RealCluster if request.param == "real" else Server
    running = form(tmp_path_factory.mktemp("cluster")).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def make_namespace(server: Server) -> Callable[[str], str]:
    """Makes a namespace in which pods can be made: a real one takes them when it has a service account for them."""

    def make(name: str) -> str:
        made = server.call("POST", "/api/v1/namespaces", json={"metadata": {"name": name}})
        assert made.status_code in (201, 409), made.text
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        if server.kind == "real":
            eventually(lambda: server.call("GET", account).status_code == 200, f"{name} has its service account")
        return name

    return make


@pytest.fixture
def namespace(make_namespace: Callable[[str], str], request: pytest.FixtureRequest) -> str:
    """A namespace of this test's own."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[-55:].strip("-")
    return make_namespace(f"t-{name}")
