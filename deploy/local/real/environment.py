"""The one-machine environment on the real servers: which of its processes they take the place of."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deploy.local.children import Child
from deploy.local.layout import Layout
from deploy.local.ports import Addresses
from deploy.local.real import builds, control_plane, elasticsearch


def on_real_servers(stand_ins: Sequence[Child], layout: Layout, addresses: Addresses) -> list[Child]:
    """The same processes with etcd and the real ones for API server, controllers and log store.

    Raises CommandError with the command that builds them if they are not built.
    """
    builds.require()
    place = control_plane.Place(
        program=builds.CONTROL_PLANE.folder / "control-plane",
        root=layout.root / "control-plane",
        listen=addresses.listen,
        service_cidr=addresses.service_cidr,
        kubeconfig=layout.kubeconfig,
    )
    store = elasticsearch.child(
        builds.ELASTICSEARCH.folder,
        layout.root / "elasticsearch",
        addresses.listen["logstore"],
        addresses.listen["elasticsearch-transport"],
    )
    ours = {child.name: child for child in stand_ins if child.name not in ("apiserver", store.name)}
    ours["controllers"] = _metrics_alone(ours["controllers"])
    ours["node"] = _with_tls(ours["node"], addresses.listen["node-tls"], place.root / "pki")
    return [*control_plane.children(place), store, *ours.values()]


def _metrics_alone(controllers: Child) -> Child:
    """What production has kube-state-metrics for, in place of our controllers and with their options."""
    at = controllers.command.index("deploy.local.controllers")
    command = (sys.executable, "-m", "deploy.local.real.state_metrics", *controllers.command[at + 1 :])
    return replace(controllers, command=command)


def _with_tls(node: Child, listen: str, pki: Path) -> Child:
    """A real API server asks a node for its logs over TLS; Prometheus goes on asking without."""
    command = list(node.command)
    at = command.index("--listen") + 1
    plain, command[at] = command[at], listen
    tls = ("--tls", str(pki / "server.crt"), str(pki / "server.key"), "--plain-listen", plain)
    return replace(node, command=(*command, *tls))
