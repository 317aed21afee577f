"""Connectors from settings: the one place that turns what an environment says about a source into a client for it.

Reading and shipping use the same functions, so that every credential, CA and fingerprint holds for both.
"""

from __future__ import annotations

from connectors.alertmanager import Alertmanager
from connectors.elasticsearch import Elasticsearch
from connectors.kubernetes import Kubernetes
from connectors.prometheus import Prometheus
from connectors.session import Access
from dashboard.settings.sources import (
    AlertmanagerSettings,
    ElasticsearchSettings,
    HttpApi,
    KubernetesSettings,
    PrometheusSettings,
)


def prometheus(settings: PrometheusSettings) -> Prometheus:
    """Metrics."""
    return Prometheus(settings.url, _access(settings))


def alertmanager(settings: AlertmanagerSettings) -> Alertmanager:
    """Alerts."""
    return Alertmanager(settings.url, _access(settings))


def elasticsearch(settings: ElasticsearchSettings) -> Elasticsearch:
    """Logs, traces and the audit trail."""
    return Elasticsearch(
        settings.url,
        ca_file=settings.ca_file,
        ca_fingerprint=settings.ca_fingerprint,
        verify_tls=settings.verify_tls,
        api_key_file=settings.api_key_file,
        token_file=settings.token_file,
        username=settings.username,
        password_file=settings.password_file,
    )


def kubernetes(settings: KubernetesSettings) -> Kubernetes:
    """The cluster."""
    return Kubernetes(settings.kubeconfig, settings.context)


def _access(settings: HttpApi) -> Access:
    return Access(
        ca_file=settings.ca_file,
        verify_tls=settings.verify_tls,
        token_file=settings.token_file,
        username=settings.username,
        password_file=settings.password_file,
        cert_file=settings.cert_file,
        key_file=settings.key_file,
        headers=settings.headers,
    )
