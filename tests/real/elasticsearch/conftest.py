"""The log store in its two forms: the stand-in, and a real Elasticsearch node under `make test-real`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from deploy.local.children import Child
from deploy.local.real import builds, elasticsearch
from tests.real.elasticsearch.log_stores import DOCUMENTS, STREAM, Store, bulk
from tests.real.running import KINDS, Running, built, free_addresses


def _stand_in(folder: Path, listen: str) -> Child:
    command = (sys.executable, "-m", "deploy.local.logstore", "--listen", listen, "--data", str(folder / "data"))
    return Child(name="logstore", command=command, ready=f"http://{listen}/_cluster/health")


@pytest.fixture(scope="session", params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The server, with the documents in it."""
    folder = tmp_path_factory.mktemp("store")
    listen = free_addresses(["http", "transport"])
    if request.param == "real":
        child = elasticsearch.child(built(builds.ELASTICSEARCH), folder, listen["http"], listen["transport"])
    else:
        child = _stand_in(folder, listen["http"])
    running = Running([child], folder / "log")
    try:
        url = f"http://{listen['http']}"
        with Elasticsearch(url, max_retries=0, request_timeout=30) as client:
            made = Store(request.param, url, client)
            answer = bulk(made, STREAM, DOCUMENTS)
            assert not answer["errors"], json.dumps(answer)
            yield made
    finally:
        running.stop()
