"""Faults that are done to the cluster as a person would: a bad version rolled out, a certificate near its end.

A release is healed by the newest revision without a defect, as `kubectl rollout undo` would do it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from deploy.local.apiserver import pki
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
_REVISION = "deployment.kubernetes.io/revision"
_PATIENCE_SECONDS = 10.0


Change = Callable[[KubeApi, str], Awaitable[None]]


def begin(layout: Layout, fault: Fault) -> None:
    """Does what this fault does to the cluster; nothing for all others. Raises CommandError."""
    if fault["name"] == "bad-release":
        _change(layout, fault, lambda api, track: roll_out(api, track, fault["how"]))
    elif fault["name"] == "certificate-expiring":
        pki.renew(layout.root / "apiserver" / "pki", EXPIRING)


def end(layout: Layout, fault: Fault) -> None:
    """Undoes it. Raises CommandError."""
    if fault["name"] == "bad-release":
        _change(layout, fault, roll_back)
    elif fault["name"] == "certificate-expiring":
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


def _change(layout: Layout, fault: Fault, change: Change) -> None:
    tracks = ("blue", "green") if fault["track"] == "both" else (fault["track"],)
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
