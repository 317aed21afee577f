"""Finds the Services that load goes to, once they can take it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from deploy.local.addresses import to_loopback
from deploy.local.kubeapi import ApiError, KubeApi, NotFoundError

_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Targets:
    gateway: str
    preview: str
    active: str = ""


async def find_targets(kubeconfig: str, namespace: str, *, active: bool) -> Targets:
    """The base addresses of gateway, preview and, if asked for, active Service, once each has a ready endpoint.

    An API server that is not up yet is waited for. Raises OSError or ValueError for a kubeconfig that cannot be
    used, and ApiError if the API server refuses.
    """
    async with KubeApi.from_kubeconfig(kubeconfig) as api:
        names = ["gateway", "agent-runtime-preview", *(["agent-runtime"] if active else [])]
        found = await asyncio.gather(*(_address(api, namespace, name) for name in names))
    return Targets(*found)


async def _address(api: KubeApi, namespace: str, service: str) -> str:
    while True:
        try:
            spec = (await api.get("services", namespace, service))["spec"]
            if await _is_served(api, namespace, service):
                return f"http://{to_loopback(spec['clusterIP'])}:{spec['ports'][0]['port']}"
        except NotFoundError:
            pass  # not applied yet
        except ApiError as error:
            if error.code:
                raise
        await asyncio.sleep(_LOOK_SECONDS)


async def _is_served(api: KubeApi, namespace: str, service: str) -> bool:
    selector = f"kubernetes.io/service-name={service}"
    slices, _ = await api.list("endpointslices", namespace, labelSelector=selector)
    return any(endpoint["conditions"].get("ready") for one in slices for endpoint in one.get("endpoints") or [])
