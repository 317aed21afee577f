"""The NetworkPolicies that follow from the settings: where the deck may connect to, and who may scrape governed pods.

A source whose URL names a Service of the cluster (`http://prometheus.monitoring.svc:9090`) is opened by its namespace
and port, any other by its port alone: a policy knows no host names. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from dashboard.model.blue_green import ROLLOUT_HASH, BlueGreen, selector_of
from dashboard.settings import EnvironmentSettings

DECK = {"app.kubernetes.io/name": "tealdeck"}
_NAMES = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
# A policy sees the port behind the Service `kubernetes`, which differs from cluster to cluster.
_API_SERVER = [{"port": 443}, {"port": 6443}]

Object = Mapping[str, Any]


def policies(environment: EnvironmentSettings, namespace: str, services: Iterable[Object]) -> dict[str, Any]:
    """All of them as a list for `kubectl apply -f -`.

    Args:
        namespace: of the deck and of the governed Services.
        services: the governed Services as the cluster has them; none where it was not asked.
    """
    scraping = namespace_and_port(environment.prometheus.url)[0]
    found = [_of_deck(environment, namespace)]
    found += [_of_service(one, namespace, scraping, environment.blue_green.known) for one in services]
    return {"apiVersion": "v1", "kind": "List", "items": found}


def namespace_and_port(url: str) -> tuple[str, int]:
    """The namespace of the Service that a URL names, "" where it names none, and the port; 0 where there is no URL."""
    parts = urlsplit(url)
    host = (parts.hostname or "").split(".")
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return (host[1] if len(host) > 2 and host[2] == "svc" else ""), port


def _of_deck(environment: EnvironmentSettings, namespace: str) -> dict[str, Any]:
    urls = (environment.prometheus.url, environment.alertmanager.url, environment.elasticsearch.url)
    sources = dict.fromkeys(namespace_and_port(url) for url in urls if url)
    ways = [{**_to(where), "ports": [{"port": port}]} for where, port in sources]
    names = {**_to("kube-system"), "ports": _NAMES}
    egress = {"podSelector": {"matchLabels": DECK}, "policyTypes": ["Egress"]}
    return _policy("tealdeck", namespace, {**egress, "egress": [names, {"ports": _API_SERVER}, *ways]})


def _of_service(service: Object, namespace: str, scraping: str, known: BlueGreen) -> dict[str, Any]:
    """Who Prometheus scrapes: the pods of both tracks, on the ports that the Service sends to."""
    both = {k: v for k, v in selector_of(service).items() if k not in (known.track_label, ROLLOUT_HASH)}
    ports = [{"port": port.get("targetPort", port["port"])} for port in service["spec"].get("ports", ())]
    source = [{"namespaceSelector": _named(scraping)}] if scraping else [{"namespaceSelector": {}}]
    spec = {"podSelector": {"matchLabels": both}, "policyTypes": ["Ingress"]}
    name = f"{service['metadata']['name']}-metrics"
    return _policy(name, namespace, {**spec, "ingress": [{"from": source, "ports": ports}]})


def _policy(name: str, namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _to(namespace: str) -> dict[str, Any]:
    return {"to": [{"namespaceSelector": _named(namespace)}]} if namespace else {}


def _named(namespace: str) -> dict[str, Any]:
    return {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
