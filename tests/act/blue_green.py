"""A blue-green service on an API server, with what controllers and proxies would do played by the test, at once.

Nothing here knows which server it is: a stand-in or a real one.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from connectors.errors import NotFound
from connectors.kubernetes import Kubernetes
from dashboard.model.blue_green import GOVERNED, OURS, VERSION
from dashboard.model.blue_green import BlueGreen as Names
from dashboard.model.release import Track
from dashboard.model.service_annotations import PREVIEW_SERVICE
from tests.act.fakes import owner_reference

Object = dict[str, Any]
SERVICE, PREVIEW = "agent-runtime", "agent-runtime-preview"
COMMON = {"app": SERVICE}
READY = {"type": "Ready", "status": "True"}
VERSIONS = {"blue": "1.7.4", "green": "1.8.0"}


class Interposed(Kubernetes):
    """The deck's own connector. `before_write` is called with (verb, kind, body) and may change things or raise."""

    before_write: Callable[[str, str, Any], None] = staticmethod(lambda verb, kind, body: None)

    def create(self, kind: str, namespace: str | None, body: Object, **options: Any) -> Object:
        self.before_write("create", kind, body)
        return super().create(kind, namespace, body, **options)

    def replace(self, kind: str, name: str, namespace: str | None, body: Object, **options: Any) -> Object:
        self.before_write("replace", kind, body)
        return super().replace(kind, name, namespace, body, **options)

    def patch(self, kind: str, name: str, namespace: str | None, body: Any, **options: Any) -> Object:
        self.before_write("patch", kind, body)
        return super().patch(kind, name, namespace, body, **options)


class BlueGreen:
    """agent-runtime on blue 1.7.4 with two pods; green 1.8.0 stands by with as many, and a preview Service shows it.

    Args:
        deployment_labels: labels that each Deployment carries itself; its track is added when TRACK is among them.
        preview_selector: what the preview Service selects; by default green.
        names: a team's own label for the track and its values. Then nothing carries a label or annotation of ours.
    """

    def __init__(
        self,
        cluster: Kubernetes,
        namespace: str,
        *,
        deployment_labels: Mapping[str, str] | None = None,
        preview_selector: Mapping[str, str] | None = None,
        green_pods: int = 2,
        names: Names = OURS,
    ) -> None:
        self.cluster, self.namespace, self.names = cluster, namespace, names
        for track, pods in (("blue", 2), ("green", green_pods)):
            self._make_deployment(track, pods, deployment_labels)
        ours = {"labels": {GOVERNED: "true"}, "annotations": {PREVIEW_SERVICE: PREVIEW}} if names == OURS else {}
        self._make_service(SERVICE, {**COMMON, **self.label("blue")}, **ours)
        self._make_service(PREVIEW, preview_selector or {**COMMON, **self.label("green")})
        self.settle()

    def service(self, name: str = SERVICE) -> Object:
        """A Service as it is now."""
        return self.cluster.get("services", name, self.namespace)

    def users(self) -> str:
        """The track that the users are on."""
        return str(self.names.active(self.service()))

    def label(self, track: str) -> Mapping[str, str]:
        """The label that pods of a track carry."""
        return {self.names.track_label: self.names.value(Track(track))}

    def roll_on(self, track: str, *, version: str = "", image: str = "") -> None:
        """What a person does with kubectl: another version, another image, or both."""
        labels = {VERSION: version} if version else {}
        found = self.cluster.get("deployments", f"{SERVICE}-{track}", self.namespace)
        spec = copy.deepcopy(found["spec"]["template"]["spec"])
        if image:
            spec["containers"][0]["image"] = image
        body = {"spec": {"template": {"metadata": {"labels": labels}, "spec": {"containers": spec["containers"]}}}}
        self.cluster.patch("deployments", f"{SERVICE}-{track}", self.namespace, body)

    def scale(self, track: str, pods: int) -> None:
        """What `kubectl scale` does."""
        self.cluster.patch("deployments", f"{SERVICE}-{track}", self.namespace, {"spec": {"replicas": pods}})

    def add_pod(self, name: str, track: str) -> None:
        """A ready pod that a person made, with the labels of a track."""
        spec = {"containers": [{"name": "main", "image": "agent:1"}]}
        metadata = {"name": name, "labels": {**COMMON, **self.label(track)}}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        Kubernetes.create(self.cluster, "pods", self.namespace, body)
        self._set_status("/api/v1", "pods", name, {"phase": "Running", "conditions": [READY]})

    def settle(self) -> None:
        """Pods for each Deployment, all ready at once, and endpoints for each Service as its selector asks."""
        for track in VERSIONS:
            self._settle_deployment(f"{SERVICE}-{track}")
        for name in (SERVICE, PREVIEW):
            self._settle_endpoints(name)

    def _make_deployment(self, track: str, pods: int, own_labels: Mapping[str, str] | None) -> None:
        labels = {**COMMON, **self.label(track), VERSION: VERSIONS[track]}
        own = labels if own_labels is None else own_labels
        container = {"name": "main", "image": f"agent:{VERSIONS[track]}"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        selector = {"matchLabels": {**COMMON, **self.label(track)}}
        spec = {"replicas": pods, "selector": selector, "template": template}
        metadata = {"name": f"{SERVICE}-{track}", "labels": dict(own)}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
        self.cluster.create("deployments", self.namespace, body)

    def _make_service(self, name: str, selector: Mapping[str, str], **metadata: Any) -> None:
        body = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, **metadata},
            "spec": {"selector": dict(selector), "ports": [{"port": 80}]},
        }
        self.cluster.create("services", self.namespace, body)

    def _settle_deployment(self, name: str) -> None:
        found = self.cluster.get("deployments", name, self.namespace)
        wanted = int(found["spec"]["replicas"])
        replica_set = self._have("replicasets", _replica_set(found))
        wants = [f"{replica_set['metadata']['name']}-{number}" for number in range(wanted)]
        for pod in self.cluster.list("pods", self.namespace).items:
            if pod["metadata"]["name"].startswith(f"{name}-") and pod["metadata"]["name"] not in wants:
                path = f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}"
                self.cluster._json("DELETE", path, body={"gracePeriodSeconds": 0})
        for pod_name in wants:
            self._have("pods", _pod(pod_name, replica_set))
            self._set_status("/api/v1", "pods", pod_name, {"phase": "Running", "conditions": [READY]})
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), wanted)
        status = {**counts, "observedGeneration": found["metadata"]["generation"]}
        self._set_status("/apis/apps/v1", "deployments", name, status)

    def _set_status(self, api: str, kind: str, name: str, status: Object) -> None:
        path = f"{api}/namespaces/{self.namespace}/{kind}/{name}/status"
        self.cluster._json("PATCH", path, body={"status": status}, content_type="application/merge-patch+json")

    def _settle_endpoints(self, name: str) -> None:
        wanted = self.service(name)["spec"]["selector"].items()
        pods = [pod for pod in self.cluster.list("pods", self.namespace).items if wanted <= _labels(pod).items()]
        endpoints = [
            {
                "addresses": [f"10.1.0.{place + 1}"],
                "conditions": {"ready": True},
                "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"], "namespace": self.namespace},
            }
            for place, pod in enumerate(pods)
        ]
        body = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": [{"port": 80}],
        }
        self._have("endpointslices", body)
        self.cluster.patch("endpointslices", name, self.namespace, {"endpoints": endpoints})

    def _have(self, kind: str, body: Object) -> Object:
        try:
            return self.cluster.get(kind, body["metadata"]["name"], self.namespace)
        except NotFound:
            return Kubernetes.create(self.cluster, kind, self.namespace, body)


def _replica_set(deployment: Object) -> Object:
    """What the Deployment controller makes of the present template."""
    template = copy.deepcopy(deployment["spec"]["template"])
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]
    template["metadata"]["labels"]["pod-template-hash"] = digest
    name = f"{deployment['metadata']['name']}-{digest}"
    metadata = {
        "name": name,
        "labels": template["metadata"]["labels"],
        "ownerReferences": [owner_reference(deployment, "Deployment")],
    }
    selector = {"matchLabels": template["metadata"]["labels"]}
    spec = {"replicas": deployment["spec"]["replicas"], "selector": selector, "template": template}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}


def _pod(name: str, replica_set: Object) -> Object:
    labels = replica_set["spec"]["template"]["metadata"]["labels"]
    spec = {"containers": [{"name": "main", "image": "agent:1"}]}
    metadata = {"name": name, "labels": dict(labels), "ownerReferences": [owner_reference(replica_set, "ReplicaSet")]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _labels(item: Object) -> Mapping[str, str]:
    return item["metadata"].get("labels") or {}
