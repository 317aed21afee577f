"""What Prometheus' Kubernetes service discovery would say of the pods, in the form that its HTTP discovery reads.

Debian's Prometheus is built without the Kubernetes discovery. The labels are the same ones, so the relabelling of
the production configuration stays as it is and is tested here too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from deploy.local.addresses import to_loopback

_NOT_A_LABEL_CHARACTER = re.compile(r"[^a-zA-Z0-9_]")


def pod_targets(pods: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One target group for each container port of each pod that has an address; `targets` are loopback addresses."""
    return [
        {"targets": [f"{address}:{port['containerPort']}"], "labels": _labels(pod, container, port, address)}
        for pod in pods
        if (address := _address(pod))
        for container in pod["spec"]["containers"]
        for port in container.get("ports", [])
    ]


def _address(pod: Mapping[str, Any]) -> str | None:
    ip = pod.get("status", {}).get("podIP")
    return to_loopback(ip) if ip else None


def _labels(
    pod: Mapping[str, Any], container: Mapping[str, Any], port: Mapping[str, Any], address: str
) -> dict[str, str]:
    meta, status = pod["metadata"], pod.get("status", {})
    ready = next((c["status"] for c in status.get("conditions", []) if c["type"] == "Ready"), "Unknown")
    labels = {
        "namespace": meta["namespace"],
        "pod_name": meta["name"],
        "pod_uid": meta["uid"],
        "pod_ip": address,
        "pod_phase": status.get("phase", "Unknown"),
        "pod_ready": ready.lower(),
        "pod_node_name": pod["spec"].get("nodeName", ""),
        "pod_container_name": container["name"],
        "pod_container_port_name": port.get("name", ""),
        "pod_container_port_number": str(port["containerPort"]),
        **{f"pod_label_{_label_name(key)}": value for key, value in meta.get("labels", {}).items()},
        **{f"pod_annotation_{_label_name(key)}": value for key, value in meta.get("annotations", {}).items()},
    }
    return {f"__meta_kubernetes_{name}": value for name, value in labels.items()}


def _label_name(key: str) -> str:
    return _NOT_A_LABEL_CHARACTER.sub("_", key)
