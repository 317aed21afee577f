"""What drills and tests run in the cluster: two tracks of the echo server behind one Service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TRACKS = ("blue", "green")


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def service(name: str = "echo", track: str = "blue") -> dict[str, Any]:
    """Selects one track."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {
            "selector": {"app": "echo", "track": track},
            "ports": [{"name": "http", "port": 8080, "targetPort": "http"}],
        },
    }


def route(weights: Mapping[str, int], parent: str = "echo") -> dict[str, Any]:
    """Splits what comes to a Service between several, by weight."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": parent},
        "spec": {
            "parentRefs": [{"group": "", "kind": "Service", "name": parent, "port": 8080}],
            "rules": [{"backendRefs": [{"name": n, "port": 8080, "weight": w} for n, w in weights.items()]}],
        },
    }


def deployment(track: str, *, replicas: int = 2, **spec: Any) -> dict[str, Any]:
    """A track that updates without ever having fewer pods than asked for."""
    labels = {"app": "echo", "track": track}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"echo-{track}", "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 30, "containers": [_container(track)]},
            },
            **spec,
        },
    }


def _container(track: str) -> dict[str, Any]:
    probe = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 5}
    return {
        "name": "echo",
        "image": "tealdeck/echo:1",
        "command": ["python", "-m", "bench.echo", "--listen", "$(POD_IP):8080"],
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "TRACK", "value": track},
        ],
        "startupProbe": {**probe, "failureThreshold": 60},
        "readinessProbe": probe,
        "livenessProbe": probe,
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "1"]}}},
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
    }
