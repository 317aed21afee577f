"""Faults that the command itself brings about, to the cluster or to files, as a person would.

A release is healed by the newest revision without a defect, as `kubectl rollout undo` would do it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from deploy.local.apiserver import pki
from deploy.local.cluster import uncordon
from deploy.local.configuration import NAMESPACE
from deploy.local.errors import CommandError
from deploy.local.faults import Fault
from deploy.local.kubeapi import STRATEGIC, ApiError, ConflictError, KubeApi, Object
from deploy.local.layout import Layout

BAD_VERSION = "1.9.0"
EXPIRING = timedelta(days=3)
_CONTAINER = "agent-runtime"
_IMAGE = "tealdeck/reference-workload"
_DEFECT = "TEALDECK_DEFECT"
_VERSION = "app.kubernetes.io/version"
_CAUSE = "kubernetes.io/change-cause"
_NAME = "app.kubernetes.io/name"
_TRACK = "tealdeck.io/track"
_REVISION = "deployment.kubernetes.io/revision"
_PATIENCE_SECONDS = 10.0


Change = Callable[[KubeApi, str], Awaitable[None]]


def begin(layout: Layout, fault: Fault) -> None:
    """Does what this fault does to the cluster; nothing for all others. Raises CommandError."""
    match fault["name"]:
        case "bad-release":
            _change(layout, fault, lambda api, track: roll_out(api, track, fault["how"]))
        case "no-endpoints":
            _change(layout, fault, lambda api, _: _select(api, "nobody"))
        case "unschedulable":
            _change(layout, fault, _leave_no_node)
        case "audit-unwritable":
            _block_audit(layout, fault["how"] == "deck")
        case "certificate-expiring":
            pki.renew(layout.root / "apiserver" / "pki", EXPIRING)


def end(layout: Layout, fault: Fault) -> None:
    """Undoes it. Raises CommandError."""
    match fault["name"]:
        case "bad-release":
            _change(layout, fault, roll_back)
        case "no-endpoints":
            _change(layout, fault, lambda api, _: _select(api, None))
        case "unschedulable":
            _change(layout, fault, lambda api, _: uncordon(api))
        case "audit-unwritable":
            _block_audit(layout, False)
        case "certificate-expiring":
            pki.renew(layout.root / "apiserver" / "pki")


async def roll_out(api: KubeApi, track: str, defect: str) -> None:
    """The bad version, as a change of image, version and environment."""
    version = {"labels": {_VERSION: BAD_VERSION}}
    container = {
        "name": _CONTAINER,
        "image": f"{_IMAGE}:{BAD_VERSION}",
        "env": [{"name": _DEFECT, "value": defect}],
    }
    body: Object = {
        "metadata": {**version, "annotations": {_CAUSE: f"release {BAD_VERSION}"}},
        "spec": {"template": {"metadata": version, "spec": {"containers": [container]}}},
    }
    await api.patch("deployments", NAMESPACE, f"{_CONTAINER}-{track}", body, form=STRATEGIC)


async def roll_back(api: KubeApi, track: str) -> None:
    """The template of the newest revision without a defect. Nothing to do where there is none now."""
    deployment = await api.get("deployments", NAMESPACE, f"{_CONTAINER}-{track}")
    if not _is_bad(deployment):
        return
    sets, _ = await api.list("replicasets", NAMESPACE)
    mine = [one for one in sets if _owner(one) == deployment["metadata"]["uid"] and not _is_bad(one)]
    if not mine:
        raise CommandError(f"No good revision of {_CONTAINER}-{track} is left to roll back to: release one.")
    template = max(mine, key=_revision)["spec"]["template"]
    labels = {key: value for key, value in template["metadata"]["labels"].items() if key != "pod-template-hash"}
    deployment["spec"]["template"] = {**template, "metadata": {**template["metadata"], "labels": labels}}
    deployment["metadata"]["labels"][_VERSION] = labels[_VERSION]
    deployment["metadata"]["annotations"][_CAUSE] = f"rollback to {labels[_VERSION]}"
    await api.replace("deployments", NAMESPACE, deployment)


async def _leave_no_node(api: KubeApi, track: str) -> None:
    for node in (await api.list("nodes"))[0]:
        await api.patch("nodes", "", node["metadata"]["name"], {"spec": {"unschedulable": True}})
    pods, _ = await api.list("pods", NAMESPACE, labelSelector=f"{_NAME}={_CONTAINER},{_TRACK}={track}")
    if pods and all(pod["spec"].get("nodeName") for pod in pods):
        await api.delete("pods", NAMESPACE, pods[0]["metadata"]["name"])


async def _select(api: KubeApi, value: str | None) -> None:
    """One label more in the governed Service's selector, or none."""
    await api.patch("services", NAMESPACE, _CONTAINER, {"spec": {"selector": {"tealdeck.io/fault": value}}})


def _block_audit(layout: Layout, is_blocked: bool) -> None:
    """Puts a folder in the place of the deck's audit file: not even root can write to it. Or takes it away."""
    aside = layout.audit.with_suffix(".aside")
    if is_blocked and not layout.audit.is_dir():
        if layout.audit.exists():
            layout.audit.rename(aside)
        layout.audit.mkdir()
    elif not is_blocked and layout.audit.is_dir():
        layout.audit.rmdir()
        if aside.exists():
            aside.rename(layout.audit)


def _change(layout: Layout, fault: Fault, change: Change) -> None:
    track = fault.get("track", "")
    tracks = ("blue", "green") if track == "both" else (track,)
    try:
        asyncio.run(_patiently(layout, change, tracks))
    except (ApiError, OSError, ValueError) as error:
        raise CommandError(f"The cluster could not be changed: {error}. The fault stays as it was.") from error


async def _patiently(layout: Layout, change: Change, tracks: tuple[str, ...]) -> None:
    """Tries again while the API server is away (it may be a source that is just healed) or someone else was quicker."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    async with KubeApi.from_kubeconfig(layout.kubeconfig) as api:
        for track in tracks:
            while True:
                try:
                    await change(api, track)
                    break
                except ApiError as error:
                    passing = isinstance(error, ConflictError) or not error.code
                    if not passing or time.monotonic() > deadline:
                        raise
                await asyncio.sleep(0.2)


def _is_bad(workload: Object) -> bool:
    containers = workload["spec"]["template"]["spec"]["containers"]
    return any(variable["name"] == _DEFECT for container in containers for variable in container.get("env", []))


def _owner(item: Object) -> str:
    return next((owner["uid"] for owner in item["metadata"].get("ownerReferences", [])), "")


def _revision(item: Object) -> int:
    return int(item["metadata"].get("annotations", {}).get(_REVISION, 0))
