"""The EndpointSlice controller: which pods stand behind a Service, and which of them may get requests."""

from __future__ import annotations

import hashlib
from typing import Any

from deploy.local.controllers.objects import is_finished, is_terminating, owned, owner_reference, ready_since, selects
from deploy.local.controllers.queue import Key, Queue
from deploy.local.kubeapi import Informer, KubeApi, Object

_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_CONTROLLER = "endpointslice-controller.k8s.io"
_SERVICE = "kubernetes.io/service-name"


class EndpointSlices:
    """One slice for each Service with a selector and each way its port names resolve."""

    def __init__(self, api: KubeApi, services: Informer, pods: Informer, slices: Informer) -> None:
        self._api, self._services, self._pods, self._slices = api, services, pods, slices
        self.queue = Queue("endpointslices", self._look)

    def pod_changed(self, old: Object | None, new: Object | None) -> None:
        """Names the Services that select a pod, or did."""
        for pod in filter(None, (old, new)):
            for key, service in self._services.objects.items():
                if key[0] == pod["metadata"]["namespace"] and selects(service["spec"].get("selector") or {}, pod):
                    self.queue.add(key)

    async def _look(self, key: Key) -> None:
        service = self._services.get(*key)
        if service is None or is_terminating(service) or not service["spec"].get("selector"):
            return  # its slices go with it: they name it as their owner
        wanted = {body["metadata"]["name"]: body for body in self._wanted(service)}
        there = {one["metadata"]["name"]: one for one in owned(self._slices.objects.values(), service)}
        for name, body in wanted.items():
            if name not in there:
                await self._api.create("endpointslices", key[0], body)
            elif any(there[name].get(field) != body[field] for field in ("endpoints", "ports")):
                version = there[name]["metadata"]["resourceVersion"]
                body["metadata"]["resourceVersion"] = version
                await self._api.replace("endpointslices", key[0], body)
        for name in there.keys() - wanted.keys():
            await self._api.delete("endpointslices", key[0], name)

    def _wanted(self, service: Object) -> list[dict[str, Any]]:
        spec, namespace = service["spec"], service["metadata"]["namespace"]
        pods = [
            pod
            for (of, _), pod in sorted(self._pods.objects.items())
            if of == namespace
            and selects(spec["selector"], pod)
            and pod.get("status", {}).get("podIP")
            and not is_finished(pod)
        ]
        by_ports: dict[tuple[int, ...], list[Object]] = {}
        for pod in pods:
            if (ports := _resolved(service, pod)) is not None:
                by_ports.setdefault(ports, []).append(pod)
        if not by_ports:
            by_ports[()] = []  # an empty slice says that the Service was looked at
        return [_slice(service, ports, of) for ports, of in by_ports.items()]


def _resolved(service: Object, pod: Object) -> tuple[int, ...] | None:
    """The pod's port numbers for the Service's ports; None if a named one is not there."""
    named = {
        port["name"]: port["containerPort"]
        for container in pod["spec"]["containers"]
        for port in container.get("ports", [])
        if "name" in port
    }
    found = [
        named.get(target) if isinstance(target := port.get("targetPort", port["port"]), str) else int(target)
        for port in service["spec"].get("ports", [])
    ]
    return None if None in found else tuple(filter(None, found))


def _slice(service: Object, ports: tuple[int, ...], pods: list[Object]) -> dict[str, Any]:
    metadata = service["metadata"]
    # The empty slice becomes the one with ports later: same name, so that a Service that comes alive is one update.
    digest = hashlib.sha256(f"{metadata['uid']}{ports if len(set(ports)) > 1 else ''}".encode()).hexdigest()[:5]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{metadata['name']}-{digest}",
            "namespace": metadata["namespace"],
            "labels": {_SERVICE: metadata["name"], _MANAGED_BY: _CONTROLLER},
            "ownerReferences": [owner_reference(service, "v1", "Service")],
        },
        "addressType": "IPv4",
        "endpoints": [_endpoint(pod, bool(service["spec"].get("publishNotReadyAddresses"))) for pod in pods],
        "ports": [
            {"name": port.get("name", ""), "port": number, "protocol": port.get("protocol", "TCP")}
            for port, number in zip(service["spec"].get("ports", []), ports, strict=False)
        ],
    }


def _endpoint(pod: Object, publish_not_ready: bool) -> dict[str, Any]:
    serving = publish_not_ready or ready_since(pod) is not None
    terminating = is_terminating(pod)
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": serving and not terminating, "serving": serving, "terminating": terminating},
        "nodeName": pod["spec"].get("nodeName", ""),
        "targetRef": {
            "kind": "Pod",
            "namespace": pod["metadata"]["namespace"],
            "name": pod["metadata"]["name"],
            "uid": pod["metadata"]["uid"],
        },
    }
