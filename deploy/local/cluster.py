"""What the supervisor asks of the API server: to take over the manifests, and to say when they run.

The manifests are applied server-side: what someone else has taken over since (a switched Service, a scaled Deployment)
is a conflict, and stays theirs.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import yaml

from deploy.local.addresses import to_loopback
from deploy.local.configuration import NAMESPACE
from deploy.local.errors import CommandError
from deploy.local.kubeapi import APPLY, ApiError, ConflictError, KubeApi, Object, kind_of
from deploy.local.layout import REPOSITORY

MANIFESTS = REPOSITORY / "deploy" / "production" / "rendered" / "local.yaml"
_FIELD_MANAGER = "tealdeck-manifests"
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


async def wait_until_available(kubeconfig: Path, patience_seconds: float) -> str:
    """Waits for all Deployments; returns the URL of the gateway. Raises CommandError naming those that did not come."""
    deadline = time.monotonic() + patience_seconds
    async with KubeApi.from_kubeconfig(kubeconfig) as api:
        while missing := [item for item in (await api.list("deployments", NAMESPACE))[0] if not _is_available(item)]:
            if time.monotonic() > deadline:
                names = ", ".join(item["metadata"]["name"] for item in missing)
                raise CommandError(f"After {patience_seconds:.0f} s these Deployments are not available: {names}.")
            await asyncio.sleep(_LOOK_SECONDS)
        gateway = (await api.get("services", NAMESPACE, "gateway"))["spec"]
    return f"http://{to_loopback(gateway['clusterIP'])}:{gateway['ports'][0]['port']}"


def _is_available(deployment: Object) -> bool:
    """Whether the controller has seen this generation and all of its replicas serve."""
    status = deployment.get("status", {})
    return bool(
        status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        and status.get("availableReplicas", 0) >= deployment["spec"]["replicas"]
    )
