"""Each fault between a connector and its source, over plain HTTP and over TLS: a typed error in plain words, in time.

The source behind the proxy answers every path at once; what pages make of the errors is in test_fault_matrix.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from connectors.alertmanager import Alertmanager
from connectors.elasticsearch import Elasticsearch
from connectors.errors import BadAnswer, Gone, RateLimited, SourceError, TimedOut, Unauthorized, Unreachable
from connectors.kubernetes import Kubernetes
from connectors.prometheus import Prometheus
from connectors.session import Access
from deploy.local.apiserver.pki import Credentials, credentials
from tests.connectors.conftest import Answer, Backend
from tests.faultproxy.fault import Fault
from tests.faultproxy.proxy import FaultProxy

LIMIT_SECONDS = 2.0
FAILURES: dict[Fault, tuple[type[SourceError], str]] = {
    Fault.HANG: (TimedOut, "no answer within 2 s"),
    Fault.TRICKLE: (TimedOut, "no answer within 2 s"),
    Fault.RESET: (Unreachable, "the connection broke"),
    Fault.SERVER_ERROR: (BadAnswer, "it failed (HTTP 500): the disk is full"),
    Fault.TOO_MANY: (RateLimited, "it is asked too often (HTTP 429): slow down"),
    Fault.HTML: (BadAnswer, "its answer is a web page, not data: a login page or a proxy may stand before it"),
    Fault.CUT: (BadAnswer, "its answer ends in the middle"),
    Fault.OVERSIZED: (BadAnswer, "its answer is larger than 32 MiB"),
    Fault.WRONG_CA: (Unreachable, "its certificate is not trusted: unable to get local issuer certificate"),
    Fault.EXPIRED: (Unauthorized, "it does not accept our credentials (HTTP 401): the token has expired"),
    Fault.NO_NAME: (Unreachable, "its host name is not known"),
}
# The official client looks whether it is Elasticsearch before it looks at the answer.
OF_ELASTICSEARCH = {Fault.HTML: (BadAnswer, "what answers is not Elasticsearch")}
POINTS = {"resultType": "vector", "result": [{"metric": {}, "value": [0, "1"]}]}
FOUND = {"took": 1, "timed_out": False, "_shards": {"total": 2, "failed": 0}, "hits": {"hits": []}}
PODS = {"kind": "PodList", "metadata": {"resourceVersion": "1"}, "items": []}

SourceCall = Callable[[], object]


@pytest.fixture(scope="module")
def own_ca(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return credentials(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def source() -> Iterator[Backend]:
    running = Backend()
    running.answers = {
        "/api/v1/query": Answer({"status": "success", "data": POINTS}),
        "/api/v2/alerts": Answer([]),
        "/logs/_search": Answer(FOUND, headers={"X-Elastic-Product": "Elasticsearch"}),
        "/api/v1/pods": Answer(PODS),
    }
    yield running
    running.close()


@pytest.fixture(scope="module")
def proxy(source: Backend, own_ca: Credentials, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    made = FaultProxy(source.url, own_ca, credentials(tmp_path_factory.mktemp("strange")))
    yield made
    made.close()


@pytest.fixture(scope="module")
def cluster_at(own_ca: Credentials, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Kubernetes]:
    def made(url: str) -> Kubernetes:
        named = {"server": url, "certificate-authority": str(own_ca.authority)}
        file: Path = tmp_path_factory.mktemp("cluster") / "kubeconfig"
        content = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": named}],
            "users": [{"name": "u", "user": {"token": "secret"}}],
        }
        file.write_text(yaml.safe_dump(content))
        return Kubernetes(str(file))

    return made


@pytest.fixture(params=["prometheus", "alertmanager", "elasticsearch", "kubernetes"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["plain", "tls"])
def url(request: pytest.FixtureRequest, proxy: FaultProxy) -> str:
    return proxy.url if request.param == "tls" else proxy.plain_url


@pytest.fixture
def call(name: str, url: str, own_ca: Credentials, cluster_at: Callable[[str], Kubernetes]) -> SourceCall:
    """One question to the source, which takes 2 s at most."""
    access = Access(ca_file=str(own_ca.authority))
    match name:
        case "prometheus":
            metrics = Prometheus(url, access)
            return lambda: metrics.instant("up", timeout_seconds=LIMIT_SECONDS)
        case "alertmanager":
            alerts = Alertmanager(url, access)
            return lambda: alerts.alerts(timeout_seconds=LIMIT_SECONDS)
        case "elasticsearch":
            logs = Elasticsearch(url, ca_file=str(own_ca.authority))
            return lambda: logs.search("logs", query={"match_all": {}}, size=1, timeout_seconds=LIMIT_SECONDS)
    cluster = cluster_at(url)
    return lambda: cluster.get("pods", "", None)


@pytest.mark.parametrize("fault", FAILURES)
def test_a_fault_is_an_error_in_plain_words_within_its_time_and_ends_with_it(
    fault: Fault, name: str, url: str, proxy: FaultProxy, call: SourceCall
) -> None:
    if fault is Fault.WRONG_CA and url.startswith("http:"):
        pytest.skip("there are no certificates over plain HTTP")
    call()  # a connection stands
    kind, words = FAILURES[fault] if name != "elasticsearch" else (FAILURES | OF_ELASTICSEARCH)[fault]

    with proxy.suffering(fault):
        began = time.monotonic()
        with pytest.raises(kind) as caught:
            call()
        took = time.monotonic() - began

    assert caught.value.detail == words
    assert took < LIMIT_SECONDS + 0.5
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after_seconds == 2.0
    call()


def test_a_source_whose_clock_is_ahead_answers_and_tells_by_how_much(
    proxy: FaultProxy, own_ca: Credentials, cluster_at: Callable[[str], Kubernetes]
) -> None:
    prometheus = Prometheus(proxy.url, Access(ca_file=str(own_ca.authority)))
    elasticsearch = Elasticsearch(proxy.url, ca_file=str(own_ca.authority))
    cluster = cluster_at(proxy.url)
    for ahead, fault in ((3600, Fault.CLOCK_AHEAD), (0, Fault.SHARD_FAILS)):
        with proxy.suffering(fault):
            prometheus.instant("up")
            elasticsearch.search("logs", query={"match_all": {}}, size=1)
            cluster.get("pods", "", None)
        for clock in (prometheus.clock, elasticsearch.clock, cluster.clock):
            assert clock.ahead_seconds == pytest.approx(ahead, abs=2)


def test_a_failed_shard_is_told_with_what_was_found(proxy: FaultProxy, own_ca: Credentials) -> None:
    elasticsearch = Elasticsearch(proxy.url, ca_file=str(own_ca.authority))
    with proxy.suffering(Fault.SHARD_FAILS):
        found = elasticsearch.search("logs", query={"match_all": {}}, size=1)
    assert found.left_out == ("1 of 2 shards failed: disk gone",)


def test_a_watch_from_a_version_that_is_too_old_is_gone(
    proxy: FaultProxy, cluster_at: Callable[[str], Kubernetes]
) -> None:
    cluster = cluster_at(proxy.url)
    with proxy.suffering(Fault.GONE), pytest.raises(Gone, match="too old resource version"):
        next(cluster.watch("pods", resource_version="1"))
