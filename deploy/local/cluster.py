"""What the supervisor asks of the API server: to take over the manifests, and to say when they run.

The manifests are applied server-side: what someone else has taken over since (a switched Service, a scaled Deployment)
is a conflict, and stays theirs.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from deploy.local.configuration import NAMESPACE
from deploy.local.errors import CommandError
from deploy.local.layout import REPOSITORY

MANIFESTS = REPOSITORY / "deploy" / "production" / "rendered" / "local.yaml"
_FIELD_MANAGER = "tealdeck-manifests"
_CLUSTER_WIDE = frozenset({"Namespace", "ClusterRole", "ClusterRoleBinding"})
_CONFLICT = 409
_LOOK_SECONDS = 0.2


@asynccontextmanager
async def _client(kubeconfig: Path) -> AsyncIterator[aiohttp.ClientSession]:
    config = yaml.safe_load(kubeconfig.read_text())
    cluster, token = config["clusters"][0]["cluster"], config["users"][0]["user"]["token"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cadata=authority))
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(cluster["server"], headers=headers, connector=connector) as client:
        yield client


async def apply_manifests(kubeconfig: Path) -> None:
    """Applies all manifests of the local overlay, in the order of the file. Raises CommandError with a refusal."""
    async with _client(kubeconfig) as client:
        for manifest in yaml.load_all(MANIFESTS.read_text(), yaml.CSafeLoader):
            answer = await client.patch(
                _path(manifest),
                params={"fieldManager": _FIELD_MANAGER},
                json=manifest,
                headers={"Content-Type": "application/apply-patch+yaml"},
            )
            if not answer.ok and answer.status != _CONFLICT:
                named = f"{manifest['kind']} {manifest['metadata']['name']}"
                raise CommandError(f"The API server refused {named} of {MANIFESTS}: {await answer.text()}")


async def wait_until_available(kubeconfig: Path, patience_seconds: float) -> str:
    """Waits for all Deployments; returns the URL of the gateway. Raises CommandError naming those that did not come."""
    deadline = time.monotonic() + patience_seconds
    async with _client(kubeconfig) as client:
        while missing := [item for item in await _list(client) if not _is_available(item)]:
            if time.monotonic() > deadline:
                names = ", ".join(item["metadata"]["name"] for item in missing)
                raise CommandError(f"After {patience_seconds:.0f} s these Deployments are not available: {names}.")
            await asyncio.sleep(_LOOK_SECONDS)
        answer = await client.get(f"/api/v1/namespaces/{NAMESPACE}/services/gateway", raise_for_status=True)
        gateway = await answer.json()
    from deploy.local.addresses import to_loopback

    return f"http://{to_loopback(gateway['spec']['clusterIP'])}:{gateway['spec']['ports'][0]['port']}"


async def _list(client: aiohttp.ClientSession) -> list[dict[str, Any]]:
    answer = await client.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", raise_for_status=True)
    return list((await answer.json())["items"])


def _is_available(deployment: dict[str, Any]) -> bool:
    """Whether the controller has seen this generation and all of its replicas serve."""
    status = deployment.get("status", {})
    return (
        status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        and status.get("availableReplicas", 0) >= deployment["spec"]["replicas"]
    )


def _path(manifest: dict[str, Any]) -> str:
    version, kind, meta = manifest["apiVersion"], manifest["kind"], manifest["metadata"]
    plural = f"{kind.lower()[:-1]}ies" if kind.endswith("y") else f"{kind.lower()}s"
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    scope = "" if kind in _CLUSTER_WIDE else f"/namespaces/{meta['namespace']}"
    return f"{root}{scope}/{plural}/{meta['name']}"
