"""A real control plane as the tests have it, with the same handles as the stand-in."""

from __future__ import annotations

import json
import signal

import requests

from deploy.local.real import builds, control_plane
from tests.real.running import Running, built, free_addresses
from tests.stack.apiserver_process import MERGE, Server

# What the stand-in's API server does by itself. Deployments and pods are left alone, as there.
_CONTROLLERS = (
    "namespace-controller",
    "garbage-collector-controller",
    "serviceaccount-controller",
    "resourcequota-controller",
)


class RealCluster(Server):
    """etcd, kube-apiserver, and of the kube-controller-manager what cleans up."""

    kind = "real"

    def start(self) -> RealCluster:
        listen = free_addresses(control_plane.PARTS)
        self._etcd = listen["etcd"]
        place = control_plane.Place(
            program=built(builds.CONTROL_PLANE) / "control-plane",
            root=self.folder,
            listen=listen,
            service_cidr="10.99.255.0/24",
            kubeconfig=self.kubeconfig,
            controllers=",".join(_CONTROLLERS),
        )
        children = [child for child in control_plane.children(place) if child.name != "scheduler"]
        self._running = Running(children, self.folder / "log")
        self.connect(self.folder / "pki" / "ca.crt")
        return self

    def forget(self, path: str) -> None:
        """Has etcd drop what was before this version; of events, which this is for, the API server keeps no copy."""
        for count in range(3):  # the first change alone would still be there, without what was before it
            body = json.dumps({"metadata": {"labels": {"n": str(count)}}})
            touched = self.call("PATCH", path, data=body, headers=MERGE)
        version = touched.json()["metadata"]["resourceVersion"]
        etcd = f"http://{self._etcd}/v3/kv/compaction"
        requests.post(etcd, json={"revision": version, "physical": True}, timeout=30).raise_for_status()

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.api.close()
        self.http.close()
        self._running.stop()
        return number
