"""What the supervisor does at the API server: applies the manifests and waits until they run.

The manifests are applied server-side: fields that somebody else owns by now (a switched Service, a scaled Deployment)
are a conflict and stay as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from pathlib import Path

import yaml

from deploy.local.addresses import to_loopback
from deploy.local.configuration import NAMESPACE
from deploy.local.errors import CommandError
from deploy.local.kubeapi import APPLY, ApiError, ConflictError, KubeApi, NotFoundError, Object, kind_of
from deploy.local.layout import REPOSITORY

MANIFESTS = REPOSITORY / "deploy" / "production" / "rendered" / "local.yaml"
_FIELD_MANAGER = "tealdeck-manifests"
_TRACK = "tealdeck.io/track"
_LOOK_SECONDS = 0.2


async def apply_manifests(kubeconfig: Path) -> None:
    """Applies all manifests of the local overlay, in the order of the file. Raises CommandError with a refusal."""
    async with KubeApi.from_kubeconfig(kubeconfig) as api:
        for manifest in yaml.load_all(MANIFESTS.read_text(), yaml.CSafeLoader):
            name, namespace = manifest["metadata"]["name"], manifest["metadata"].get("namespace", "")
            try:
                await api.patch(kind_of(manifest), namespace, name, manifest, form=APPLY, fieldManager=_FIELD_MANAGER)
            except ConflictError:
                continue
            except (ApiError, ValueError) as error:
                raise CommandError(f"{manifest['kind']} {name} of {MANIFESTS} was refused: {error}") from error


async def replace_pods(kubeconfig: Path) -> None:
    """Deletes the pods of the last run, whose processes are gone, and restarts the rollout of the governed releases.

    Pods started again would count as restarts, which a verdict holds against a release; and a verdict covers the time
    since the rollout, in which nothing was measured while the environment was down. The controllers create new pods;
    all nodes are uncordoned for them.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    rollout = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}}}}
    async with KubeApi.from_kubeconfig(kubeconfig) as api:
        await uncordon(api)
        for deployment in (await api.list("deployments", labelSelector=_TRACK))[0]:
            await api.patch("deployments", NAMESPACE, deployment["metadata"]["name"], rollout)
        for pod in (await api.list("pods"))[0]:
            with contextlib.suppress(NotFoundError):
                await api.delete("pods", pod["metadata"]["namespace"], pod["metadata"]["name"], gracePeriodSeconds=0)


async def uncordon(api: KubeApi) -> None:
    """Lets all nodes take pods again."""
    for node in (await api.list("nodes"))[0]:
        await api.patch("nodes", "", node["metadata"]["name"], {"spec": {"unschedulable": None}})


async def wait_until_available(kubeconfig: Path, since: datetime, patience_seconds: float) -> str:
    """Waits until all Deployments are available with pods started after `since`; returns the URL of the gateway.

    The API server's state of the last run still calls its pods ready, hence `since`. Raises CommandError with the names
    of the Deployments that are not available.
    """
    deadline = time.monotonic() + patience_seconds
    async with KubeApi.from_kubeconfig(kubeconfig) as api:
        while missing := await _missing(api, since):
            if time.monotonic() > deadline:
                raise CommandError(
                    f"Not available after {patience_seconds:.0f} s: {', '.join(missing)}. "
                    "See the node's log and the pods' logs, or start afresh with another --state DIR."
                )
            await asyncio.sleep(_LOOK_SECONDS)
        gateway = (await api.get("services", NAMESPACE, "gateway"))["spec"]
    return f"http://{to_loopback(gateway['clusterIP'])}:{gateway['ports'][0]['port']}"


async def _missing(api: KubeApi, since: datetime) -> list[str]:
    deployments, _ = await api.list("deployments", NAMESPACE)
    pods, _ = await api.list("pods", NAMESPACE)
    return [
        *(f"Deployment {item['metadata']['name']}" for item in deployments if not _is_available(item)),
        *(f"pod {item['metadata']['name']}" for item in pods if not _runs_since(item, since)),
    ]


def _is_available(deployment: Object) -> bool:
    """Whether the controller has seen this generation and all of its replicas serve."""
    status = deployment.get("status", {})
    return bool(
        status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        and status.get("availableReplicas", 0) >= deployment["spec"]["replicas"]
    )


def _runs_since(pod: Object, since: datetime) -> bool:
    """Whether its containers are ready and were started after that time, which the API tells to the second."""
    if "deletionTimestamp" in pod["metadata"] or pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return True  # it is gone as soon as its node agent has seen that
    containers = pod.get("status", {}).get("containerStatuses", [])
    started = [container["state"].get("running", {}).get("startedAt") for container in containers if container["ready"]]
    return len(started) == len(pod["spec"]["containers"]) and all(
        text and datetime.fromisoformat(text) >= since for text in started
    )
